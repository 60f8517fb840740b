"""The route of the authoritative count."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response

from libs.events.handle import rfc3339
from libs.runtime.edge import Reader, reading
from libs.runtime.ids import now
from libs.runtime.problems import Problem
from libs.runtime.views import At, KnownAt, Moment, positions, projection_of, seen
from projections.statistics.queries import DIMENSIONS, Asked, Measure, count, table
from projections.statistics.view import NAME, WANTS, apply

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
router = APIRouter(tags=["statistics"], dependencies=[Depends(seen(NAME))])
GROUPS_MAX = 4


@router.get("/v1/statistics")
async def read_statistics(
    reader: Annotated[Reader, Depends(reading("statistics.read"))],
    group_by: Annotated[str, Query(max_length=200, description="comma list: " + ", ".join(DIMENSIONS))] = "",
    measure: Measure = "identified",
    since: Annotated[Moment, Query(alias="from")] = None,
    until: Annotated[Moment, Query(alias="to")] = None,
    at: At = None,
    known_at: KnownAt = None,
) -> Response:
    """Distinct persons by any combination of groups; small cells are hidden from all but those entitled.

    `at` counts what had happened by then, `known_at` what had been recorded by then, as a case's history does.
    """
    groups = [name for name in group_by.split(",") if name]
    unknown = sorted(set(groups) - set(DIMENSIONS))
    if unknown or len(set(groups)) != len(groups) or len(groups) > GROUPS_MAX:
        detail = f"at most {GROUPS_MAX} different ones of {', '.join(DIMENSIONS)}"
        raise Problem(422, "invalid-request", detail, errors=[{"pointer": "/group_by", "detail": detail}])
    pool = reader.desk.pool
    counts, total = await count(pool, groups, measure, Asked(since, until, at, known_at))
    threshold = 0 if reader.may("statistics.read_small_cells") else reader.desk.settings.small_cell
    found = table(groups, counts, total, threshold)
    shown = {
        "dimensions": groups,
        "measure": measure,
        "rows": found.rows,
        "suppressed": found.suppressed,
        "totals": {"cases": found.total},
        "as_of": rfc3339(at or known_at or now()),
        "positions": await positions(pool, NAME),
    }
    return Response(orjson.dumps(shown), media_type="application/json")
