"""The routes of the cross-border view."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.repatriation import Direction, RepatriationStatus
from libs.events.event import JSON
from libs.rules.local import day_of
from libs.runtime.edge import Reader, reading
from libs.runtime.ids import now
from libs.runtime.moments import At, KnownAt
from libs.runtime.pages import Paged, cursor_of
from libs.runtime.views import answer, projection_of, seen
from projections.cross_border.queries import Asked, differences, page_of_items
from projections.cross_border.view import NAME, WANTS, apply

CLOCK_SKEW = timedelta(minutes=10)
"""What desks state may lie a few minutes ahead; without `at=` it counts all the same."""

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
router = APIRouter(tags=["cross border"], dependencies=[Depends(seen(NAME))])
Corridor = Annotated[str | None, Query(max_length=40, description="`KH-VN`")]
_Asker = Annotated[Reader, Depends(reading("view.cross_border"))]


@router.get("/v1/views/cross-border")
async def read_repatriations(
    reader: _Asker,
    wanted: Paged,
    corridor: Corridor = None,
    direction: Direction | None = None,
    status: RepatriationStatus | None = None,
    overdue: bool | None = None,  # noqa: FBT001 - a query parameter
    at: At = None,
    known_at: KnownAt = None,
) -> Response:
    """Repatriations: whom each waits for, since when, what is due and overdue, each step against its limit.

    `direction` is `outbound` from Cambodia and `inbound` to it. Totals are by corridor, by
    direction and over `all`, and status.
    """
    asked = _asked(reader, at, known_at, corridor, direction, status, overdue)
    found, totals = await page_of_items(reader.desk.pool, asked, wanted.after, wanted.limit)
    following = cursor_of(found[wanted.limit - 1]["repatriation_id"]) if len(found) > wanted.limit else None
    items = [_shown(item, reader) for item in found[: wanted.limit]]
    return await answer(reader.desk.pool, NAME, items, totals, at=at, following=following)


@router.get("/v1/views/cross-border/differences")
async def read_differences(
    reader: _Asker,
    wanted: Paged,
    corridor: Corridor = None,
    direction: Direction | None = None,
    at: At = None,
    known_at: KnownAt = None,
) -> Response:
    """What one side recorded and the other has not acknowledged; an open hand-over stands with its alert."""
    asked = _asked(reader, at, known_at, corridor, direction)
    found = await differences(reader.desk.pool, asked, wanted.after, wanted.limit + 1)
    following = cursor_of(found[wanted.limit - 1]["key"]) if len(found) > wanted.limit else None
    items = [_shown({k: v for k, v in item.items() if k != "key"}, reader) for item in found[: wanted.limit]]
    totals = {"shown": len(items), "alerts": sum(bool(item["alert"]) for item in items)}
    return await answer(reader.desk.pool, NAME, items, totals, at=at, following=following)


def _asked(
    reader: Reader,
    at: datetime | None,
    known_at: datetime | None,
    corridor: str | None,
    direction: str | None,
    status: str | None = None,
    overdue: bool | None = None,  # noqa: FBT001 - passed on
) -> Asked:
    desk = reader.caller.organisation if reader.scope == "own" else None
    moment = at or now()
    until, past = at or moment + CLOCK_SKEW, at is not None or known_at is not None
    return Asked(corridor, direction, status, overdue, desk, until, known_at, day_of(moment), past)


def _shown(item: dict[str, JSON], reader: Reader) -> dict[str, JSON]:
    """An item as the caller may see it: the national committee sees deadlines, no persons."""
    persons = reader.caller.roles & {"social_affairs", "competent_authority", "auditor", "embassy_desk"}
    return item if persons else {**item, "case_id": None}
