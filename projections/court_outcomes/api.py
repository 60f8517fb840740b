"""The routes of the court-outcome view."""

from dataclasses import replace
from typing import Annotated, get_args

import orjson
from fastapi import APIRouter, Depends, Query, Response

from libs.runtime.edge import Reader, forbidden, reading
from libs.runtime.moments import At, Begin, End, KnownAt
from libs.runtime.pages import Paged, cursor_of
from libs.runtime.problems import Problem
from libs.runtime.views import answer, projection_of, seen
from projections.court_outcomes.queries import Asked, DatedBy, FunnelBy, GroupBy, funnel, keys_of, outcomes
from projections.court_outcomes.view import NAME, WANTS, apply

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
GROUPS: tuple[str, ...] = get_args(GroupBy)

router = APIRouter(tags=["court outcomes"], dependencies=[Depends(seen(NAME))])
Allowed = Annotated[Reader, Depends(reading("view.court_outcomes"))]
From = Annotated[Begin, Query(alias="from", description="First date in Cambodia, or moment, of the period")]
To = Annotated[End, Query(alias="to", description="Last date of the period, or the moment at which it ends")]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


def period(from_: From = None, to: To = None, at: At = None, known_at: KnownAt = None) -> Asked:
    """A dependency: the period that is asked for, the moment at which its figures stood, and what was known when."""
    return Asked(at, known_at, from_, to)


def selection(
    within: Annotated[Asked, Depends(period)],
    court: Text = None,
    province: Text = None,
    article: Annotated[
        str | None, Query(pattern=r"^[0-9A-Za-z.()/:-]{1,100}$", description="`12` or `lshtse-2008:12`")
    ] = None,
    dated_by: DatedBy = "prosecution",
) -> Asked:
    """A dependency: the accused and charges that are asked for."""
    statute, _, number = (article or "").rpartition(":")
    return replace(
        within, court=court, province=province, statute=statute or None, article=number or None, dated_by=dated_by
    )


@router.get("/v1/views/court-outcomes")
async def read_outcomes(
    reader: Allowed,
    asked: Paged,
    wanted: Annotated[Asked, Depends(selection)],
    group_by: Annotated[str, Query(max_length=200, description="A comma list of " + ", ".join(GROUPS))] = "year",
) -> Response:
    """Prosecutions and what became of them, by group; as at any moment, as known at any. The README defines each."""
    groups = _groups(group_by)
    if "accused" in groups and not reader.may("court_case.read"):
        raise forbidden(reader.caller, "court_case.read")
    items, totals = await outcomes(reader.desk.pool, wanted, groups)
    keyed = [(orjson.dumps([item[name] for name in keys_of(groups)]).decode(), item) for item in items]
    begin = next((place for place, (key, _) in enumerate(keyed, 1) if key == asked.after), 0)
    shown = keyed[begin : begin + asked.limit]
    following = cursor_of(shown[-1][0]) if begin + asked.limit < len(keyed) else None
    return await answer(reader.desk.pool, NAME, [item for _, item in shown], totals, at=wanted.at, following=following)


@router.get("/v1/views/court-outcomes/funnel")
async def read_funnel(
    reader: Allowed,
    wanted: Annotated[Asked, Depends(period)],
    group_by: Annotated[
        FunnelBy | None,
        Query(description="`source`: who reported the person; `system`: each system that knows the person"),
    ] = None,
) -> Response:
    """From determination over report and prosecution to conviction: persons, each stage when it was reached."""
    totals = (await funnel(reader.desk.pool, wanted, None))[0]
    items = await funnel(reader.desk.pool, wanted, group_by) if group_by else [totals]
    shown = await answer(reader.desk.pool, NAME, items, totals, at=wanted.at)
    return Response(
        orjson.dumps({**orjson.loads(shown.body), **totals}),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _groups(text: str) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not set(groups) <= set(GROUPS):
        detail = f"is a comma list of {', '.join(GROUPS)}"
        raise Problem(422, "invalid-request", detail, errors=[{"pointer": "/group_by", "detail": detail}])
    return groups
