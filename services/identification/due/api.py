"""The routes of what is due: what each authority must do, by when, and what is late."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from libs.runtime.edge import Reader, reading, resource_response
from libs.runtime.ids import now
from libs.runtime.pages import Paged, page_of, part
from services.identification.due.of_age import children
from services.identification.due.rulebook import DUTIES, Kind, duty, overdue_since, party_of, today_at
from services.identification.rulebook import LIMITS

router = APIRouter(tags=["identification"])
_ASKED = """
FROM identification_known.known_due d LEFT JOIN identification_known.known_case k USING (case_id)
CROSS JOIN LATERAL (SELECT coalesce(d.due < $1::date, d.since <= (
    SELECT late.since FROM unnest($2::text[], $3::date[]) AS late (kind, since) WHERE late.kind = d.kind
)) AS overdue) AS judged
"""
_LIST = f"""
SELECT d.since::text || '/' || d.case_id || '/' || d.kind AS key, d.*, k.reported_by, k.province {_ASKED}
WHERE d.since::text || '/' || d.case_id || '/' || d.kind > $4 AND ($5::text IS NULL OR k.reported_by = $5)
    AND d.kind = ANY($6) AND ($7::boolean IS NULL OR judged.overdue = $7)
ORDER BY 1 LIMIT $8
"""
_COUNTS = f"""
SELECT d.kind, count(*) AS due, count(*) FILTER (WHERE judged.overdue) AS overdue {_ASKED} GROUP BY d.kind ORDER BY 1
"""


@router.get("/v1/due")
async def list_due(
    reader: Annotated[Reader, Depends(reading("due.read"))],
    asked: Paged,
    kind: Kind | None = None,
    party: Annotated[str | None, Query(max_length=40)] = None,
    overdue: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Response:
    """What is waited for in the cases that the caller may see, longest first; `overdue=true` for what is late.

    `party` is the role that must act. Days are counted by the limits and the holidays in force now; `placeholder`
    says that nobody has confirmed the limit yet, `provisional` that a holiday on the way is unconfirmed.
    """
    today = today_at(now())
    kinds = [one for one in DUTIES if kind in (None, one) and party in (None, party_of(one))]
    own = reader.caller.organisation if reader.scope == "own" else None
    rows = await reader.desk.pool.fetch(
        _LIST, today, list(DUTIES), [overdue_since(one, today) for one in DUTIES],
        asked.after, own, kinds, overdue, asked.limit + 1,
    )  # fmt: skip
    return page_of([{**duty(dict(row), today), "key": row["key"]} for row in rows], "key", asked)


@router.get("/v1/due/coming-of-age")
async def list_coming_of_age(
    reader: Annotated[Reader, Depends(reading("due.coming_of_age"))], asked: Paged
) -> Response:
    """Children with an open case who turn 18 within the notice: consent is asked anew, another cohort is theirs."""
    until = today_at(now()) + timedelta(days=LIMITS.of("turning_18_notice").value)
    own = reader.caller.organisation if reader.scope == "own" else None
    found = []
    async for child, turns in children(reader.edge, asked.after, own):
        if turns <= until:
            transgender = str(child["gender"] or "").startswith("transgender")
            adults = "transgender_adults" if transgender else "men" if child["sex"] == "male" else "women"
            found.append({**child, "turns_18_on": turns.isoformat(), "cohort_from_then": adults})
        if len(found) > asked.limit:
            break
    return page_of(found, "case_id", asked)


@router.get("/v1/due/counts")
async def count_due(reader: Annotated[Reader, Depends(reading("due.count"))], asked: Paged) -> Response:
    """How much is waited for and how much of it is late, by kind and party; no case is named."""
    today = today_at(now())
    late = [overdue_since(one, today) for one in DUTIES]
    rows = await reader.desk.pool.fetch(_COUNTS, today, list(DUTIES), late)
    items = [{**dict(row), "party": party_of(row["kind"])} for row in rows]
    return resource_response(1, {**part(items, asked), "as_of": now().isoformat()})
