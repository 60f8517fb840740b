"""SQL to items and totals: the present from `head`, a past moment from the facts that had happened by then."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import asyncpg

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.rules.calendar import load_calendars
from libs.rules.corridors import FOLDER, load_corridors
from libs.rules.local import day_of
from libs.rules.progress import (
    HAND_OVER,
    RECEIPT,
    RESTARTED,
    Procedure,
    Recorded,
    overdue_steps,
    progress,
    timeline,
)
from libs.runtime.settings import settings

CORRIDORS: Final = load_corridors(Path(settings().corridors_dir or FOLDER))
CALENDARS: Final = load_calendars()
STATUSES: Final = ("running", "awaiting_acknowledgement", "completed", "stopped")
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the view: filters, how far the caller sees, and the moment."""

    corridor: str | None
    direction: str | None
    status: str | None
    overdue: bool | None
    desk: str | None
    """The organisation whose own repatriations are meant; None is all."""
    until: datetime
    """Only what had happened by then."""
    known_at: datetime | None
    """Only what was recorded by then; None is everything recorded."""
    today: date
    """The local day by which what is due is overdue."""
    past: bool
    """Whether a moment was asked for: then the facts are read, not the heads."""

    @property
    def corridors(self) -> list[str]:
        """The corridors of which the desk is a party."""
        return sorted({
            one.id for one in CORRIDORS.by_key.values() if any(party.id == self.desk for party in one.parties)
        })  # fmt: skip


_SEEN = "f.occurred_at <= $5 AND ($6::timestamptz IS NULL OR f.recorded_at <= $6)"
# A receipt that the hand-over's own recorder stated for the other side.
_STATED_ALONE = (
    "EXISTS (SELECT 1 FROM cross_border.fact h WHERE h.repatriation_id = f.repatriation_id AND h.step = $7 "
    "AND h.outcome <> 'refused' AND h.recorded_by = f.recorded_by)"
)
_MEANT = (
    "($1::text IS NULL OR h.corridor = $1) AND ($2::text IS NULL OR h.direction = $2) AND ($3::text IS NULL "
    "OR h.corridor = ANY($4::text[]) OR EXISTS (SELECT 1 FROM cross_border.part p WHERE p.organisation = $3 "
    "AND p.repatriation_id = h.repatriation_id)) AND h.opened_at <= $5 "
    "AND ($6::timestamptz IS NULL OR h.recorded_at <= $6)"
)
_NOW = _MEANT + " AND ($7::text IS NULL OR h.status = $7) AND ($8::boolean IS NULL OR coalesce(h.due < $9, false) = $8)"
# Where a step that the procedure needs may be late: the first day due has passed, or the person is home and something
# is still open ($10 and $11: each procedure's needed steps, pair by pair).
_MAYBE_LATE = (
    _NOW + " AND (h.due < $9 OR (h.status = 'completed' AND EXISTS (SELECT 1 FROM unnest($10::text[], $11::text[]) "
    "AS needed (sop, step) WHERE needed.sop = h.sop AND NOT EXISTS (SELECT 1 FROM cross_border.fact f WHERE "
    "f.repatriation_id = h.repatriation_id AND f.step = needed.step AND f.kind = 'step' AND f.outcome <> 'refused'))))"
)


async def page_of_items(
    pool: asyncpg.Pool, asked: Asked, after: str, limit: int
) -> tuple[list[dict[str, JSON]], dict[str, JSON]]:
    """One item more than a page where there is a next one, and the totals."""
    if asked.past:
        items = await _items(pool, asked, await pool.fetch(f"SELECT h.* FROM cross_border.head h WHERE {_MEANT} "
                                                           "ORDER BY h.repatriation_id", *_meant(asked)))  # fmt: skip
        meant = [item for item in items if _fits(item, asked)]
        shown = [item for item in meant if item["repatriation_id"] > after][: limit + 1]
        counts = [(i["corridor"], i["status"], (i["waiting_for"] or {}).get("party"), i["overdue"], i["stopped_by"],
                   1, datetime.fromisoformat(i["since"])) for i in meant]  # fmt: skip
        medians = await _medians(pool, asked, [item["repatriation_id"] for item in meant])
        return shown, _totals(counts, meant, medians)
    heads = await pool.fetch(
        f"SELECT h.* FROM cross_border.head h WHERE {_NOW} AND h.repatriation_id > $10 "
        "ORDER BY h.repatriation_id LIMIT $11", *_now(asked), after, limit + 1,
    )  # fmt: skip
    grouped = await pool.fetch(
        f"SELECT h.corridor, h.status, h.party, coalesce(h.due < $9, false), h.stopped_by, count(*)::integer, "
        f"min(h.since) "
        f"FROM cross_border.head h WHERE {_NOW} GROUP BY 1, 2, 3, 4, 5", *_now(asked),
    )  # fmt: skip
    maybe = await pool.fetch(f"SELECT h.* FROM cross_border.head h WHERE {_MAYBE_LATE}", *_now(asked), *_needed())
    late, medians = await _items(pool, asked, maybe), await _medians(pool, asked, None)
    return await _items(pool, asked, heads), _totals([tuple(row) for row in grouped], late, medians)


def _needed() -> list[list[str]]:
    """Each procedure's steps that may not be left open, pair by pair."""
    pairs = [(one.key, step.id) for one in CORRIDORS.by_key.values() for step in one.steps if not step.optional]
    return [[sop for sop, _ in pairs], [step for _, step in pairs]]


async def differences(pool: asyncpg.Pool, asked: Asked, after: str, limit: int) -> list[dict[str, JSON]]:
    """What one organisation recorded and no other has acknowledged since; a hand-over only by the receipt."""
    rows = await pool.fetch(
        "WITH last AS (SELECT DISTINCT ON (f.repatriation_id, f.step) f.* FROM cross_border.fact f "
        f"WHERE f.kind = 'step' AND (f.step <> $8 OR f.outcome <> 'refused' AND {_STATED_ALONE}) AND {_SEEN} "
        "ORDER BY f.repatriation_id, f.step, f.version DESC) "
        "SELECT f.*, h.case_id, h.direction, h.sop, f.repatriation_id || '.' || lpad(f.version::text, 9, '0') AS key "
        f"FROM last f JOIN cross_border.head h USING (repatriation_id) WHERE {_MEANT} AND NOT EXISTS ("
        "SELECT 1 FROM cross_border.fact o WHERE o.repatriation_id = f.repatriation_id AND o.version > f.version "
        "AND o.occurred_at <= $5 AND ($6::timestamptz IS NULL OR o.recorded_at <= $6) AND CASE WHEN f.step = $7 "
        "THEN o.step = $8 AND o.outcome <> 'refused' ELSE o.recorded_by <> f.recorded_by END) "
        "AND f.repatriation_id || '.' || lpad(f.version::text, 9, '0') > $9 ORDER BY key LIMIT $10",
        *_meant(asked), HAND_OVER, RECEIPT, after, limit,
    )  # fmt: skip
    return [_difference(row, asked) for row in rows]


def _difference(row: asyncpg.Record, asked: Asked) -> dict[str, JSON]:
    step = CORRIDORS.of(row["sop"]).step(row["step"])
    waits_for = RECEIPT if step.id == HAND_OVER else None
    alert = {HAND_OVER: "handover-unacknowledged", RECEIPT: "receipt-stated-by-one-side"}.get(step.id)
    return {
        "key": row["key"],
        "repatriation_id": row["repatriation_id"],
        "case_id": row["case_id"],
        "corridor": row["corridor"],
        "direction": row["direction"],
        "step": row["step"],
        "outcome": row["outcome"],
        "party": step.party,
        "side": step.side,
        "by": row["by_organisation"],
        "recorded_by": row["recorded_by"],
        "since": rfc3339(row["occurred_at"]),
        "days": (asked.today - day_of(row["occurred_at"])).days,
        "waits_for": waits_for,
        "alert": alert,
    }


async def _items(
    pool: asyncpg.Pool, asked: Asked, heads: Sequence[asyncpg.Record]
) -> list[dict[str, JSON]]:  # fmt: skip
    facts = await pool.fetch(
        "SELECT repatriation_id, kind, step, outcome, occurred_at FROM cross_border.fact "
        "WHERE repatriation_id = ANY($1) AND kind IN ('step', $2) AND occurred_at <= $3 "
        "AND ($4::timestamptz IS NULL OR recorded_at <= $4) ORDER BY repatriation_id, version",
        [head["repatriation_id"] for head in heads], RESTARTED, asked.until, asked.known_at,
    )  # fmt: skip
    recorded = {
        name: [Recorded(row["step"] or RESTARTED, row["outcome"] or "done", row["occurred_at"]) for row in rows]
        for name, rows in groupby(facts, key=lambda row: row["repatriation_id"])
    }
    return [_item(head, recorded.get(head["repatriation_id"], []), asked) for head in heads]


def _item(head: asyncpg.Record, recorded: Sequence[Recorded], asked: Asked) -> dict[str, JSON]:
    procedure = Procedure(CORRIDORS.of(head["sop"]), CALENDARS)
    reached = progress(procedure, head["opened_at"], recorded)
    marks, limit = timeline(procedure, head["opened_at"], recorded), reached.due
    return {
        "repatriation_id": head["repatriation_id"],
        "case_id": head["case_id"],
        "corridor": head["corridor"],
        "direction": head["direction"],
        "sop": head["sop"],
        "sop_version": head["sop_version"],
        "requested_by": head["requested_by"],
        "opened_at": rfc3339(head["opened_at"]),
        "status": reached.status,
        "waiting_for": {"step": reached.waiting_for.id, "party": reached.waiting_for.party}
        if reached.waiting_for
        else None,
        "since": rfc3339(reached.since),
        "due": limit.day.isoformat() if limit else None,
        "due_provisional": bool(limit and limit.provisional),
        "overdue": bool(limit and limit.day < asked.today),
        "overdue_steps": list(overdue_steps(marks, reached.status, asked.today)),
        "stopped_by": reached.stopped_by,
        "steps": [
            {
                "step": mark.step.id,
                "party": mark.step.party,
                "outcome": mark.outcome,
                "occurred_at": rfc3339(mark.occurred_at) if mark.occurred_at else None,
                "due": mark.due.day.isoformat() if mark.due else None,
                "due_provisional": bool(mark.due and mark.due.provisional),
            }
            for mark in marks
        ],
    }


def _fits(item: Mapping[str, JSON], asked: Asked) -> bool:
    return asked.status in {None, item["status"]} and asked.overdue in {None, item["overdue"]}


async def _medians(pool: asyncpg.Pool, asked: Asked, meant: Sequence[str] | None) -> Sequence[asyncpg.Record]:
    """Median days per corridor and step, per direction and step, and over all corridors where both are null."""
    which, values = _NOW, _now(asked)
    if meant is not None:
        which = f"{_SEEN} AND h.repatriation_id = ANY($7::text[]) AND {_MEANT}"
        values = [*_meant(asked), list(meant)]
    sql = (
        "SELECT f.corridor, h.direction, f.step, percentile_cont(0.5) WITHIN GROUP (ORDER BY f.days) AS median "
        "FROM cross_border.fact f JOIN cross_border.head h USING (repatriation_id) "
        f"WHERE f.days IS NOT NULL AND {which} GROUP BY GROUPING SETS ((f.corridor, f.step), "
        "(h.direction, f.step), (f.step)) ORDER BY f.step"
    )
    rows: Sequence[asyncpg.Record] = await pool.fetch(sql, *values)
    return rows


def _totals(
    counts: Sequence[Sequence[Any]], late: Sequence[Mapping[str, JSON]], medians: Sequence[asyncpg.Record]
) -> dict[str, JSON]:
    """By corridor, by direction, and over `all`: each status, overdue, whom they wait for since when, stops, medians.

    `late` has at least the repatriations with an overdue step: each counts for the party that is responsible for it.
    """
    totals: dict[str, dict[str, Any]] = {ALL: _empty()}
    for corridor, status, party, overdue, stopped_by, count, since in counts:
        for name in _counted_in(corridor):
            total = totals.setdefault(name, _empty())
            total[status] += count
            total["overdue"] += count if overdue else 0
            if party:
                total["waiting_for"][party] += count
                total["waiting_since"][party] = min(rfc3339(since), total["waiting_since"].get(party, rfc3339(since)))
            total["stopped_by"][stopped_by] += count if stopped_by else 0
    for item in late:
        parties = {step["step"]: step["party"] for step in item["steps"]}
        for step in item["overdue_steps"]:
            for name in _counted_in(item["corridor"]):
                totals.setdefault(name, _empty())["overdue_by_party"][parties[step]] += 1
    for total in totals.values():
        for name in ("waiting_for", "overdue_by_party", "stopped_by"):
            total[name] = {value: count for value, count in sorted(total[name].items(), key=str) if count}
    for row in medians:
        name = row["corridor"] or row["direction"] or ALL
        totals.setdefault(name, _empty())["median_days"][row["step"]] = row["median"]
    return dict(totals)


def _counted_in(corridor: str) -> tuple[str, str, str]:
    """The totals in which a repatriation of this corridor counts."""
    return ALL, CORRIDORS.of(corridor).direction, corridor


def _empty() -> dict[str, Any]:
    return {
        **dict.fromkeys(STATUSES, 0),
        "overdue": 0,
        "waiting_for": Counter(),
        "waiting_since": {},
        "overdue_by_party": Counter(),
        "stopped_by": Counter(),
        "median_days": {},
    }


def _meant(asked: Asked) -> list[Any]:
    return [asked.corridor, asked.direction, asked.desk, asked.corridors, asked.until, asked.known_at]


def _now(asked: Asked) -> list[Any]:
    return [*_meant(asked), asked.status, asked.overdue, asked.today]
