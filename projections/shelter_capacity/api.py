"""The routes of the shelter-capacity view."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.vocabulary import Cohort, ShelterKind
from libs.runtime.edge import Reader, reading
from libs.runtime.ids import now
from libs.runtime.moments import At
from libs.runtime.pages import Paged, cursor_of, part
from libs.runtime.views import answer, projection_of, seen
from projections.shelter_capacity.queries import FOREVER, Clocks, Filter, beds, gaps, totals
from projections.shelter_capacity.view import NAME, WANTS, apply

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
router = APIRouter(tags=["shelter capacity"], dependencies=[Depends(seen(NAME))])


@router.get("/v1/views/shelter-capacity")
async def read_beds(
    reader: Annotated[Reader, Depends(reading("view.shelter_capacity"))],
    asked: Paged,
    province: Annotated[str | None, Query(max_length=6)] = None,
    cohort: Cohort | None = None,
    kind: ShelterKind | None = None,
    at: At = None,
    known_at: At = None,
) -> Response:
    """Beds per shelter and cohort: capacity, occupied, held, free, waiting, overdue; as at any moment.

    `at` cuts by when things happened, `known_at` by when they were recorded.
    """
    own = reader.caller.organisation if reader.scope == "own" else None
    rows = await beds(reader.desk.pool, Filter(province, cohort, kind, own), _clocks(at, known_at))
    keyed = [(f"{row['shelter_id']} {row['cohort']}", row) for row in rows]
    shown = [(key, row) for key, row in keyed if key > asked.after][: asked.limit + 1]
    following = cursor_of(shown[asked.limit - 1][0]) if len(shown) > asked.limit else None
    items = [row for _, row in shown[: asked.limit]]
    return await answer(reader.desk.pool, NAME, items, totals(rows), at=at or known_at, following=following)


@router.get("/v1/views/shelter-capacity/gaps")
async def read_gaps(
    reader: Annotated[Reader, Depends(reading("view.shelter_capacity"))],
    asked: Paged,
    at: At = None,
    known_at: At = None,
) -> Response:
    """Where persons wait and there is no place: province, cohort, kind, waiting, capacity; a provider's own places."""
    own = reader.caller.organisation if reader.scope == "own" else None
    found = await gaps(reader.desk.pool, _clocks(at, known_at), own)
    waiting = {"waiting": sum(gap["waiting"] for gap in found)}
    shown = part(found, asked)
    return await answer(reader.desk.pool, NAME, shown["items"], waiting, at=at or known_at, following=shown["next"])


def _clocks(at: datetime | None, known_at: datetime | None) -> Clocks:
    """Both clocks; where only `known_at` is asked for, what was known then of that moment."""
    past = at is not None or known_at is not None
    return Clocks(at or known_at or now(), known_at or FOREVER, past)
