"""The routes of re-trafficking alerts, and the watch that raises them when a linked person is identified again."""

import asyncio
from typing import Annotated

import asyncpg
import orjson
import structlog
from fastapi import APIRouter, Depends, Response

from libs.events.decider import Refused
from libs.events.event import JSON
from libs.events.handle import Step
from libs.events.store import Conflict, Unavailable
from libs.runtime.edge import Call, Edge, Reader, reading, recording
from libs.runtime.http import body_schema
from libs.runtime.pages import Paged, page_of
from libs.runtime.service import system_origin
from services.aftercare.alert.bodies import FindingBody
from services.aftercare.alert.commands import Raise, Resolve
from services.aftercare.alert.decider import ALERT
from services.aftercare.alert.state import Alert

router = APIRouter(tags=["aftercare"])
log = structlog.get_logger()
WATCH_S = 5
RAISED_AT_ONCE_MAX = 100
# Two cases of one person: the later was identified after the earlier one's care began, or after it was determined a
# victim. Whoever links them may do so years later; the alert follows the link.
_AGAIN = f"""
WITH pair (case_id, earlier) AS (
    SELECT case_id, other_case_id FROM aftercare_known.known_link
    UNION SELECT other_case_id, case_id FROM aftercare_known.known_link
)
SELECT p.case_id, p.earlier FROM pair p
    JOIN aftercare_known.known_case again ON again.case_id = p.case_id
    JOIN aftercare_known.known_case before ON before.case_id = p.earlier
    LEFT JOIN aftercare_known.known_care care ON care.case_id = p.earlier
WHERE (again.identified_at > care.first_entered_at
        OR (before.outcome = 'victim' AND again.identified_at > before.determined_at))
    AND NOT EXISTS (SELECT 1 FROM aftercare_known.known_alert a WHERE a.alert_id = p.case_id || '.' || p.earlier)
LIMIT {RAISED_AT_ONCE_MAX}
"""
_LIST = """
SELECT to_jsonb(a) AS item FROM aftercare_known.known_alert a
WHERE a.alert_id > $1 AND ($2::boolean IS NULL OR (a.resolved_at IS NULL) = $2)
    AND ($3::text IS NULL OR EXISTS (SELECT 1 FROM aftercare_known.known_carer c
        WHERE c.case_id IN (a.case_id, a.earlier_case_id) AND c.organisation = $3))
ORDER BY a.alert_id LIMIT $4
"""


@router.get("/v1/alerts")
async def list_alerts(
    reader: Annotated[Reader, Depends(reading("alert.read"))],
    asked: Paged,
    unresolved: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Response:
    """Persons who may have been trafficked again, and what came of each alert; a provider's own persons."""
    own = reader.caller.organisation if reader.scope == "own" else None
    rows = await reader.desk.pool.fetch(_LIST, asked.after, unresolved, own, asked.limit + 1)
    return page_of([orjson.loads(row["item"]) for row in rows], "alert_id", asked)


@router.post("/v1/alerts/{alert}/resolution", status_code=201, openapi_extra=body_schema(FindingBody))
async def resolve_alert(
    alert: str, call: Annotated[Call[FindingBody], Depends(recording("alert.resolve", FindingBody))]
) -> Response:
    """Somebody looked into it. Records `re_trafficking_alert_resolved`."""
    await call.load(ALERT, f"alert:{alert}", "alert")
    return await call.record(
        [Step(ALERT, f"alert:{alert}", Resolve(call.body.finding, {"reason": call.body.reason}))],
        location="/v1/alerts",
        resource=lambda outcome: alert_resource(outcome.state),
    )


def alert_resource(state: Alert) -> dict[str, JSON]:
    """An alert as it is shown."""
    return {**state.raised.model_dump(mode="json", exclude={"sealed"}), "finding": state.finding}


def raising(case_id: str, earlier: str | None, number: int = 0) -> Step:
    """The step that raises an alert: on another case of the person, or on a visit by its number."""
    alert_id = f"{case_id}.{earlier or f'visit-{number}'}"
    basis = "identified_again" if earlier else "follow_up"
    return Step(ALERT, f"alert:{alert_id}", Raise(case_id, alert_id, basis, earlier))  # type: ignore[arg-type]  # one of the two


async def watch(edge: Edge) -> None:
    """Raise what is to be raised, by an event each. Any replica may; the stream's version decides."""
    while True:
        await asyncio.sleep(WATCH_S)
        try:
            for row in await edge.pool.fetch(_AGAIN):
                await _raise(edge, row["case_id"], row["earlier"])
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable, Conflict) as fault:
            log.warning("alerts.waiting", fault=type(fault).__name__)


async def _raise(edge: Edge, case_id: str, earlier: str) -> None:
    try:
        await edge.recorder.record([raising(case_id, earlier)], system_origin("aftercare"))
    except Refused as refused:  # another replica was first, or our own rows are a moment behind
        log.info("alerts.raised_before", rule=refused.rule)
