"""The routes of the authoritative count: figures, the funnel, and the cases behind a figure for those entitled."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from libs.disclosure.control import NOTHING, Out, hidden
from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.runtime.edge import Reader, reading
from libs.runtime.ids import now
from libs.runtime.pages import Paged, page_of
from libs.runtime.views import positions, projection_of, seen
from projections.statistics.forms.asked import (
    AS_CSV,
    GROUPS_MAX,
    Cell,
    Format,
    Groups,
    as_csv,
    cell_of,
    csv_of,
    groups_of,
    scoped,
    weighed,
)
from projections.statistics.queries import (
    FOREVER,
    FUNNEL,
    MEASURES,
    Cells,
    Key,
    Measure,
    Scope,
    cases_of,
    cells,
    margins,
    table,
)  # fmt: skip
from projections.statistics.release.register import published
from projections.statistics.view import NAME, WANTS, apply

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
router = APIRouter(tags=["statistics"], dependencies=[Depends(seen(NAME))])


@router.get("/v1/statistics", responses=AS_CSV)
async def read_statistics(
    request: Request,
    reader: Annotated[Reader, Depends(reading("statistics.read"))],
    scope: Annotated[Scope, Depends(scoped)],
    group_by: Groups = "",
    measure: Measure = "identified",
    format: Format = None,  # noqa: A002 - the contract's name
) -> Response:
    """Distinct persons by any combination of groups; small cells are hidden from all but those entitled."""
    groups = groups_of(group_by)
    pool = reader.desk.pool
    found = await cells(pool, groups, MEASURES[measure], scope)
    threshold = threshold_of(reader)
    out = (await published(pool)).out if threshold else NOTHING
    shown = await weighed(len(found), threshold, partial(table, groups, found, threshold, out))
    if as_csv(request, format):
        return csv_of([*groups, "cases"], shown.rows)
    body = {
        "dimensions": groups,
        "measure": measure,
        "rows": shown.rows,
        "suppressed": shown.suppressed,
        "totals": {"cases": shown.total},
        "as_of": rfc3339(now() if scope.as_of == FOREVER else scope.as_of),
        "known_at": rfc3339(now() if scope.known_at == FOREVER else scope.known_at),
        "positions": await positions(pool, NAME),
    }
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/statistics/funnel", responses=AS_CSV)
async def read_funnel(
    request: Request,
    reader: Annotated[Reader, Depends(reading("statistics.read"))],
    scope: Annotated[Scope, Depends(scoped)],
    group_by: Groups = "",
    format: Format = None,  # noqa: A002 - the contract's name
) -> Response:
    """How far the persons' cases came: identified, presumed, determined, cared for, returned; by any groups.

    A stage hides what is small in it, and what would give away how few went from one stage to the next.
    """
    groups = groups_of(group_by)
    pool = reader.desk.pool
    stages = {name: await cells(pool, groups, condition, scope) for name, condition in FUNNEL.items()}
    threshold, figures = threshold_of(reader), sum(map(len, stages.values()))
    rows, suppressed = await weighed(figures, threshold, partial(funnel_rows, groups, stages, threshold))
    if as_csv(request, format):
        return csv_of([*groups, *FUNNEL], rows)
    body = {
        "dimensions": groups,
        "stages": list(FUNNEL),
        "rows": rows,
        "suppressed": suppressed,
        "positions": await positions(pool, NAME),
    }
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/statistics/cases")
async def read_cases(
    reader: Annotated[Reader, Depends(reading("statistics.trace"))],
    scope: Annotated[Scope, Depends(scoped)],
    asked: Paged,
    measure: Measure = "identified",
    cell: Annotated[list[Cell] | None, Query(max_length=GROUPS_MAX, description="the cell's values")] = None,
) -> Response:
    """The case references behind a figure: the same scope and measure, and the cell's values."""
    found = await cases_of(
        reader.desk.pool, cell_of(cell or []), MEASURES[measure], scope, asked.after, asked.limit + 1
    )
    return page_of(found, "case_id", asked)


def funnel_rows(
    groups: Sequence[str], stages: Mapping[str, Cells], threshold: int
) -> tuple[list[dict[str, JSON]], int]:
    """A row for each group with a figure for each stage, None where it is hidden; and how many are hidden."""
    keys = sorted({key for found in stages.values() for key in found}, key=str)
    places: list[tuple[Key, str]] = [(key, name) for key in keys for name in stages]
    sets = [stages[name].get(key, frozenset()) for key, name in places]
    steps = [
        stages[one].get(key, frozenset()) - stages[other].get(key, frozenset())
        for key in keys
        for one in stages
        for other in stages
    ]
    small = [step for step in steps if 0 < len(step) < threshold]
    sums = [one for found in stages.values() for one in margins(found)]
    gone = hidden([*sets, *sums], threshold, Out(secret=small))
    rows: dict[Key, dict[str, JSON]] = {key: dict(zip(groups, key, strict=True)) for key in keys}
    for number, (key, name) in enumerate(places):
        rows[key][name] = None if number in gone else len(sets[number])
    return list(rows.values()), sum(number in gone for number in range(len(places)))


def threshold_of(reader: Reader) -> int:
    """From which count on the caller is shown one; 0 for those entitled to small cells."""
    return 0 if reader.may("statistics.read_small_cells") else reader.desk.settings.small_cell
