"""The route of what is due in aftercare."""

from typing import Annotated, Literal

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Response

from libs.rules.local import day_of
from libs.runtime.edge import Reader, reading
from libs.runtime.ids import now
from libs.runtime.pages import Paged, cursor_of
from libs.runtime.requests import Day
from services.aftercare.due.rulebook import Due, of_alerts, of_care, of_plans, of_shelters

router = APIRouter(tags=["aftercare"])
_DAY = "AT TIME ZONE 'Asia/Phnom_Penh')::date"
_CARE = f"""
SELECT c.case_id, c.organisation, c.shelter_id, s.kind, (c.entered_at {_DAY} AS entered_on,
    (c.left_at {_DAY} AS left_on, (SELECT array_agg(v.month) FROM aftercare_known.known_visit v
        WHERE v.case_id = c.case_id AND v.at >= c.left_at) AS visited
FROM aftercare_known.known_care c LEFT JOIN aftercare_known.known_shelter s USING (shelter_id)
WHERE c.entered_at IS NOT NULL
"""
_SHELTERS = f"""
SELECT s.shelter_id, s.organisation, s.inspection, (s.opened_at {_DAY} AS opened_on,
    (s.reported_at {_DAY} AS reported_on, (s.inspected_at {_DAY} AS inspected_on, p.status AS provider_status
FROM aftercare_known.known_shelter s LEFT JOIN aftercare_known.known_provider p USING (provider_id)
WHERE s.opened_at IS NOT NULL
"""
_PLANS = "SELECT * FROM aftercare_known.known_plan WHERE review_on IS NOT NULL"
_GOALS = """
SELECT g.*, p.organisation FROM aftercare_known.known_goal g JOIN aftercare_known.known_plan p USING (case_id)
WHERE g.outcome IS NULL AND g.due IS NOT NULL
"""
_ALERTS = f"""
SELECT alert_id, case_id, (raised_at {_DAY} AS raised_on FROM aftercare_known.known_alert
WHERE resolved_at IS NULL AND raised_at IS NOT NULL
"""
What = Literal[
    "end_of_stay", "follow_up_visit", "capacity_report", "suspension_decision", "re_inspection", "inspection",
    "plan_review", "goal", "alert_review",
]  # fmt: skip


@router.get("/v1/due")
async def list_due(
    reader: Annotated[Reader, Depends(reading("care.due"))],
    asked: Paged,
    party: Literal["social_affairs", "provider", "competent_authority"] | None = None,
    what: What | None = None,
    organisation: str | None = None,
    overdue: bool | None = None,  # noqa: FBT001 - a query parameter
    until: Day | None = None,
) -> Response:
    """What is due from whom, the soonest first; `until` cuts what lies further ahead. A provider sees its own."""
    today, own = day_of(now()), reader.caller.organisation if reader.scope == "own" else None
    wanted = sorted(
        (
            one
            for one in await _everything(reader.desk.pool)
            if own in (None, one.organisation)
            and party in (None, one.party)
            and organisation in (None, one.organisation)
            and (what is None or one.what.startswith(what))
            and overdue in (None, today > one.due)
            and (until is None or one.due <= until)
        ),
        key=lambda one: one.key,
    )
    items = [one for one in wanted if one.key > asked.after][: asked.limit + 1]
    following = cursor_of(items[asked.limit - 1].key) if len(items) > asked.limit else None
    shown = [one.shown(today) for one in items[: asked.limit]]
    if not reader.may("placement.read", own):
        shown = [{**one, "case_id": None} for one in shown]
    totals = {"due": len(wanted), "overdue": sum(today > one.due for one in wanted)}
    body = orjson.dumps({"items": shown, "totals": totals, "next": following})
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


async def _everything(pool: asyncpg.Pool) -> list[Due]:
    plans, goals = await pool.fetch(_PLANS), await pool.fetch(_GOALS)
    return [
        *of_care([dict(row) for row in await pool.fetch(_CARE)]),
        *of_shelters([dict(row) for row in await pool.fetch(_SHELTERS)]),
        *of_plans([dict(row) for row in plans], [dict(row) for row in goals]),
        *of_alerts([dict(row) for row in await pool.fetch(_ALERTS)]),
    ]
