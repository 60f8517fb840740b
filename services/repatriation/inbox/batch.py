"""How a batch is worked through: case by case, in the order of what depends on what, whatever order it came in."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from libs.events.event import JSON
from libs.runtime.edge import Edge
from libs.runtime.problems import Problem
from libs.runtime.submitters import require_salt
from services.repatriation.inbox.bodies import Item, item_of
from services.repatriation.inbox.delivery import deliver, try_again, try_case_again
from services.repatriation.inbox.results import EARLY, Result, Sender, refusal
from services.repatriation.rulebook import ORDER

CASES_AT_ONCE = 8
"""Cases of a batch worked on together: enough to share commits, few enough for the pool."""

SWEEP_S = 5.0
SWEEP_EVENTS = 100
"""How many waiting events are tried again every few seconds, in turn."""

log = structlog.get_logger()


async def take_in(edge: Edge, elements: Sequence[JSON], sender: Sender) -> list[dict[str, JSON]]:
    """What became of every event, in the order of the batch; none blocks another."""
    results: dict[int, Result] = {}
    cases: dict[str, list[tuple[int, Item]]] = {}
    for index, element in enumerate(elements):
        try:
            if sender.submission:
                require_salt(element)
            item = item_of(element, sender.organisation)
        except Problem as fault:
            results[index] = refusal(fault)
        else:
            cases.setdefault(item.case_id, []).append((index, item))
    free = asyncio.Semaphore(CASES_AT_ONCE)
    done = await asyncio.gather(*(_take_in_case(edge, free, case, sender) for case in cases.values()))
    for one in done:
        results |= one
    results |= _repeats(cases, results)
    for case_id in cases:
        await try_case_again(edge, case_id)
    return [{"index": index, "id": _id(element), **results[index].shown()} for index, element in enumerate(elements)]


def counted(results: Sequence[Mapping[str, JSON]]) -> dict[str, int]:
    """How many of a batch were accepted, duplicate, waiting, refused."""
    found = Counter(str(result["status"]) for result in results)
    return {status: found[status] for status in ("accepted", "duplicate", "waiting", "refused")}


def in_order(items: Sequence[tuple[int, Item]]) -> list[tuple[int, Item]]:
    """The events of a case by time; those of the same moment in the order of the procedure."""
    return sorted(items, key=lambda one: (one[1].occurred_at, ORDER.get(one[1].step, len(ORDER)), one[0]))


async def _take_in_case(
    edge: Edge, free: asyncio.Semaphore, items: Sequence[tuple[int, Item]], sender: Sender
) -> dict[int, Result]:
    """Pass over a case's events until none moves; what is left then came early."""
    results: dict[int, Result] = {}
    waiting = in_order(items)
    async with free:
        moved = True
        while waiting and moved:
            early = []
            for index, item in waiting:
                result = await deliver(edge, item, sender, last=False)
                if result.status == EARLY:
                    early.append((index, item))
                else:
                    results[index] = result
            moved, waiting = len(early) < len(waiting), early
        for index, item in waiting:
            results[index] = await deliver(edge, item, sender, last=True)
    return results


async def sweep(edge: Edge) -> None:
    """Try what waits again, in turn, for as long as the process serves; give up what waited too long."""
    after = ""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            rows = await edge.pool.fetch(
                "SELECT inbox_id FROM repatriation_known.known_held WHERE outcome IS NULL AND inbox_id > $1 "
                "ORDER BY inbox_id LIMIT $2", after, SWEEP_EVENTS,
            )  # fmt: skip
            for row in rows:
                await try_again(edge, row["inbox_id"])
            after = rows[-1]["inbox_id"] if len(rows) == SWEEP_EVENTS else ""
        except Exception as fault:  # noqa: BLE001 - the loop outlives whatever is away; nothing is lost, only later
            log.warning("inbox.sweep_waits", fault=type(fault).__name__)


def _repeats(cases: Mapping[str, Sequence[tuple[int, Item]]], results: Mapping[int, Result]) -> dict[int, Result]:
    """Events that stand twice in one batch: the first is accepted, the others are duplicates."""
    seen: set[str] = set()
    repeats: dict[int, Result] = {}
    for index, item in sorted((one for case in cases.values() for one in case), key=lambda one: one[0]):
        if item.inbox_id in seen and results[index].status == "accepted":
            repeats[index] = replace(results[index], status="duplicate")
        seen.add(item.inbox_id)
    return repeats


def _id(element: JSON) -> JSON:
    found = element.get("id") if isinstance(element, dict) else None
    return found if isinstance(found, str) else None
