"""Who turns 18 with a case open: recorded when the day comes, and told before. Births are open in memory only.

The birth date stands sealed beside the index of duplicates. No table, topic or log holds it or the day of the 18th
birthday; only that it has come is recorded.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import structlog

from libs.events.handle import Step
from libs.events.session import AWAY
from libs.events.store import Conflict, Unavailable
from libs.runtime.edge import Edge
from libs.runtime.ids import now
from libs.runtime.service import system_origin
from services.identification.commands import ComeOfAge
from services.identification.decider import ADULT_YEARS, DECIDER
from services.identification.due.rulebook import today_at

SWEEP_S = 3600
BATCH_CASES = 500
_CHILDREN = """
SELECT k.case_id, k.sex, k.gender, k.reported_by, p.sealed
FROM identification_known.known_case k JOIN identification.match_person p USING (case_id)
WHERE k.child AND NOT coalesce(k.closed, false) AND NOT coalesce(k.of_age, false)
    AND k.case_id > $1 AND ($2::text IS NULL OR k.reported_by = $2) ORDER BY 1 LIMIT $3
"""
log = structlog.get_logger()


def birthday_18(born: date) -> date:
    """The day on which somebody is 18; who was born on a 29th of February, the day after the 28th."""
    try:
        return born.replace(year=born.year + ADULT_YEARS)
    except ValueError:
        return date(born.year + ADULT_YEARS, 3, 1)


async def children(edge: Edge, after: str, own: str | None) -> AsyncIterator[tuple[dict[str, str | None], date]]:
    """The open cases of children whose day of birth is known, with the day on which each is 18."""
    while rows := await edge.pool.fetch(_CHILDREN, after, own, BATCH_CASES):
        opened = await edge.vault.open_each({row["case_id"]: row["sealed"] for row in rows})
        for row in rows:
            born = opened.get(row["case_id"], {}).get("born")
            if born:
                yield {name: row[name] for name in ("case_id", "sex", "gender", "reported_by")}, birthday_18(
                    date.fromisoformat(born)
                )  # fmt: skip
        after = rows[-1]["case_id"]


async def sweep(edge: Edge) -> None:
    """Record, until cancelled, whose 18th birthday has come. Two replicas that do so at once record it once."""
    while True:
        try:
            today = today_at(now())
            async for child, turns in children(edge, "", None):
                if turns <= today:
                    await record_of_age(edge, str(child["case_id"]))
        except (*AWAY, Unavailable) as fault:
            log.warning("of_age.waiting", fault=type(fault).__name__)
        await asyncio.sleep(SWEEP_S)


async def record_of_age(edge: Edge, case_id: str) -> None:
    """Record `came_of_age`, unless it is recorded already or the case is closed."""
    try:
        await edge.recorder.record(
            [Step(DECIDER, f"case:{case_id}", ComeOfAge(case_id))], system_origin("identification")
        )
    except Conflict:
        log.info("of_age.later", case_id=case_id)  # the next sweep takes it
