"""The routes of waiting: a provider's list, what follows a decline, and what is due from whom."""

from typing import Annotated, Literal

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Response

from libs.rules.local import day_of
from libs.runtime.edge import Reader, not_found, reading
from libs.runtime.ids import now
from libs.runtime.pages import Paged, cursor_of, part
from services.referral.line.rulebook import due_items, next_in_line, waiting_list
from services.referral.options.api import options_of
from services.referral.options.rulebook import Asked

router = APIRouter(tags=["referral"])
Party = Literal["social_affairs", "provider", "referrer"]
_WAITING = """
SELECT referral_id, case_id, provider, cohort, term, services, province, answered_at
FROM referral_known.known_referral r LEFT JOIN referral_known.known_case c USING (case_id)
WHERE provider_id = $1 AND status = 'declined' AND ground = 'full' AND c.closed_at IS NULL
    AND NOT EXISTS (SELECT FROM referral_known.known_answer a JOIN referral_known.known_referral m USING (referral_id)
        WHERE m.case_id = r.case_id AND a.result = 'accept' AND a.at >= r.answered_at AND m.services && r.services)
"""
"""A person waits no more whom a provider accepted for the same since then, or whose case is closed."""
_FREE = """
SELECT b.cohort, sum(b.capacity - b.occupied - b.held)::integer AS free
FROM referral_known.known_shelter s JOIN referral_known.known_bed b USING (shelter_id)
WHERE s.provider_id = $1 GROUP BY 1
"""
_OPEN = """
SELECT r.*, p.corrected_at, (SELECT min(c.at) FROM referral_known.known_consent c WHERE c.case_id = r.case_id
    AND c.kind = 'referral' AND c.given AND c.by IN ('self', 'guardian') AND c.at >= r.occurred_at) AS consented_at
FROM referral_known.known_referral r LEFT JOIN referral_known.known_provider p USING (provider_id)
WHERE r.occurred_at IS NOT NULL AND r.status NOT IN ('refused', 'completed')
    AND ($1::text IS NULL OR $1 IN (r.provider, r.referred_by))
"""


@router.get("/v1/providers/{provider}/waiting-list")
async def read_waiting_list(
    provider: str, reader: Annotated[Reader, Depends(reading("referral.read"))], wanted: Paged
) -> Response:
    """Who waits for a place at this provider, longest first, and whom it could take now."""
    pool = reader.desk.pool
    owner = await pool.fetchval(
        "SELECT organisation FROM referral_known.known_provider WHERE provider_id = $1", provider
    )
    if owner is None:
        raise not_found("provider")
    reader.require_own(owner)
    free = {row["cohort"]: row["free"] for row in await pool.fetch(_FREE, provider)}
    items = waiting_list([dict(row) for row in await pool.fetch(_WAITING, provider)], free)
    return _shown({"provider_id": provider, **part(items, wanted), "free": free})


@router.get("/v1/referrals/{referral}/next-in-line")
async def read_next_in_line(referral: str, reader: Annotated[Reader, Depends(reading("referral.read"))]) -> Response:
    """What follows this referral's decline: its place on the waiting list, the providers to ask next, or nobody."""
    pool = reader.desk.pool
    row = await pool.fetchrow("SELECT * FROM referral_known.known_referral WHERE referral_id = $1", referral)
    if row is None or row["case_id"] is None:
        raise not_found("referral")
    reader.require_own(row["provider"], row["referred_by"])
    asked = Asked("shelter" if "shelter" in row["services"] else row["services"][0], row["term"])
    options = await options_of(pool, row["case_id"], asked)
    tried = await pool.fetch(
        "SELECT provider_id FROM referral_known.known_referral WHERE case_id = $1 AND services && $2",
        row["case_id"], row["services"],
    )  # fmt: skip
    place = await _place(pool, referral, row["provider_id"])
    return _shown(next_in_line(dict(row), place, options, [one["provider_id"] for one in tried]))


@router.get("/v1/due")
async def list_due(
    reader: Annotated[Reader, Depends(reading("referral.due"))],
    asked: Paged,
    party: Party | None = None,
    organisation: str | None = None,
    overdue: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Response:
    """What referrals wait for, from whom, until when; the soonest due first. Who sees no persons sees no case."""
    own = reader.caller.organisation if reader.scope == "own" else None
    rows = await reader.desk.pool.fetch(_OPEN, own)
    wanted = [
        one
        for one in due_items([dict(row) for row in rows], day_of(now()))
        if party in (None, one["party"])
        and organisation in (None, one["organisation"])
        and overdue in (None, one["overdue"])
    ]
    late = sum(bool(one["overdue"]) for one in wanted)
    items = [one for one in wanted if one["key"] > asked.after][: asked.limit + 1]
    following = cursor_of(items[asked.limit - 1]["key"]) if len(items) > asked.limit else None
    shown = items[: asked.limit] if reader.may("referral.read", own) else [
        {**one, "case_id": None} for one in items[: asked.limit]
    ]  # fmt: skip
    return _shown({"items": shown, "totals": {"due": len(wanted), "overdue": late}, "next": following})


async def _place(pool: asyncpg.Pool, referral: str, provider: str) -> int | None:
    """The person's place on the provider's waiting list; None where it is not on it."""
    waiting = waiting_list([dict(row) for row in await pool.fetch(_WAITING, provider)], {})
    return next((int(one["place"]) for one in waiting if one["referral_id"] == referral), None)


def _shown(answer: dict[str, object]) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
