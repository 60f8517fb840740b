"""Who looked at a case, when and why; emergency access, and its review."""

from typing import Annotated, Literal
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from fastapi import APIRouter, Depends, Query, Request, Response

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.runtime.edge import Reader, case_of, not_found, reading
from libs.runtime.http import body_schema
from libs.runtime.pages import BIGINT_DIGITS_MAX, Paged, page_of
from libs.runtime.problems import Problem
from libs.runtime.reasons import KEY, VERSION, opened_by_auditors
from libs.runtime.requests import Body, parsed, read_raw
from libs.runtime.vault import Shredded
from nrm.log import tables
from projections.audit_trail.api import AuditDesk

router = APIRouter(tags=["access"])
BODY_BYTES_MAX = 4_096
REVIEW = "emergency.review"


class ReviewBody(Body):
    """What a review of an emergency access found."""

    verdict: Literal["justified", "unjustified"]


_ACCESS = f"""
SELECT {tables.ACCESS_COLUMNS} FROM access.entry
WHERE ($1::text IS NULL OR case_id = $1 OR resource IN (
        SELECT split_part(stream, ':', 2) FROM audit_trail.concern WHERE subject = $1))
    AND ($2::bigint IS NULL OR seq < $2)
    AND (NOT $4 OR (emergency IS NOT NULL AND action <> '{REVIEW}'))
    AND ($5::boolean IS NULL OR $5 = EXISTS (
        SELECT FROM access.entry r
        WHERE r.action = '{REVIEW}' AND r.resource = entry.id::text AND r.outcome = 'allowed'))
ORDER BY seq DESC LIMIT $3
"""
"""A thing that an event of the case's streams is about (a referral, a placement) counts as the case."""
_REVIEWS = f"""
SELECT resource, emergency AS verdict, organisation, actor, at FROM access.entry
WHERE action = '{REVIEW}' AND outcome = 'allowed' AND resource = ANY($1::text[]) ORDER BY seq
"""


@router.get("/v1/access-log")
async def read_access_log(
    reader: Annotated[Reader, Depends(reading("access_log.read"))],
    asked: Paged,
    case: Annotated[str, Query(max_length=40)] = "",
    *,
    emergency: Annotated[bool, Query(description="only emergency access, each with its reviews")] = False,
    reviewed: Annotated[bool | None, Query(description="only what has, or has no review yet")] = None,
) -> Response:
    """Who looked at this case, when, and why; refusals too, the newest first. Without `case`: at any."""
    pool, case_id = reader.desk.pool, case_of(case) if case else None
    if case_id and not await tables.is_case(pool, case_id):
        raise not_found("case")
    after = asked.number(BIGINT_DIGITS_MAX) if asked.after else None
    rows = await pool.fetch(_ACCESS, case_id, after, asked.limit + 1, emergency, reviewed)
    items = [await _opened(reader, tables.access_entry(row)) for row in rows]
    return page_of([*await _with_reviews(reader, items)], "seq", asked)


@router.post("/v1/access-log/{entry}/review", status_code=201, openapi_extra=body_schema(ReviewBody))
async def review_emergency(
    entry: UUID, request: Request, reader: Annotated[Reader, Depends(reading(REVIEW))]
) -> Response:  # fmt: skip
    """Another organisation's look at an emergency access. The review is an entry of the access log itself."""
    body = parsed(ReviewBody, await read_raw(request, BODY_BYTES_MAX))
    row = await reader.desk.pool.fetchrow(
        "SELECT organisation, case_id FROM access.entry WHERE id = $1 AND emergency IS NOT NULL AND action <> $2",
        entry, REVIEW,
    )  # fmt: skip
    if row is None:
        raise not_found("emergency access")
    if row["organisation"] == reader.caller.organisation:
        raise Problem(409, "own-emergency", "an emergency access is reviewed by another organisation")
    reader.visit.case_id, reader.visit.resource, reader.visit.emergency = row["case_id"], str(entry), body.verdict
    shown = {"entry_id": str(entry), "case_id": row["case_id"], "verdict": body.verdict}
    return Response(
        orjson.dumps(shown), 201, {"Location": "/v1/access-log?emergency=true", "Cache-Control": "no-store"},
        "application/json",
    )  # fmt: skip


async def _opened(reader: Reader, entry: dict[str, JSON]) -> dict[str, JSON]:
    """The entry with its reason in the clear; `reason_sealed` is what the log's digest covers."""
    desk, stored = reader.desk, entry["reason"]
    assert isinstance(desk, AuditDesk)  # only the audit process has this router
    if not stored or not stored.startswith(("v1.", VERSION)):
        return entry
    reason: JSON
    try:
        if stored.startswith(VERSION):
            reason = opened_by_auditors(await desk.vault.unwrapped(KEY), stored)
        else:
            reason = (await desk.vault.open(entry["case_id"], stored)).get("reason")
    except Shredded:
        reason = "shredded"
    except (InvalidTag, ValueError):
        reason = "unreadable"
    return {**entry, "reason": reason, "reason_sealed": stored}


async def _with_reviews(reader: Reader, items: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    emergencies = [item["id"] for item in items if item.get("emergency") and item["action"] != REVIEW]
    if not emergencies:
        return items
    found: dict[str, list[JSON]] = {one: [] for one in emergencies}
    for row in await reader.desk.pool.fetch(_REVIEWS, emergencies):
        by = {"verdict": row["verdict"], "organisation": row["organisation"], "actor": row["actor"]}
        found[row["resource"]].append({**by, "at": rfc3339(row["at"])})
    return [{**item, "reviews": found[item["id"]]} if item["id"] in found else item for item in items]
