"""Shelter capacity: where beds are free and for whom, and where somebody waits although there is none."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Answer
from portal.provinces import HEIGHT, PROVINCES, SIZE, WIDTH, Province, province_name
from portal.visitor import CAMBODIA, Signed

router = APIRouter(include_in_schema=False)
COHORTS: Final = ("women", "men", "girls", "boys", "transgender_adults", "families")
KINDS: Final = ("transit", "short_term", "long_term")
YEARS_BACK: Final = 3


class Bed(Answer):
    """A row of the view: a cohort's beds in a shelter."""

    shelter_id: str
    province: str
    kind: str
    cohort: str
    capacity: int
    occupied: int
    held: int
    free: int
    waiting: int
    overdue: int


class Gap(Answer):
    """A place where persons wait and no bed is free."""

    province: str
    cohort: str
    kind: str
    waiting: int
    capacity: int


class Beds(Answer):
    """A page of the view."""

    items: list[Bed]
    totals: dict[str, int]
    as_of: str
    positions: dict[str, int]


class Gaps(Answer):
    """The gaps of the view."""

    items: list[Gap]


@dataclass(frozen=True, slots=True)
class Tile:
    """A province on the map."""

    province: Province
    name: str
    capacity: int
    free: int
    waiting: int
    state: str


def moment_of(text: str) -> str | None:
    """The end of a Cambodian day; None for today, or for what is no past day."""
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        return None
    return f"{chosen.isoformat()}T23:59:59+07:00" if chosen < datetime.now(CAMBODIA).date() else None


def first_day(years: int = YEARS_BACK) -> str:
    """Where a slider over time begins."""
    return (datetime.now(CAMBODIA).date() - timedelta(days=365 * years)).isoformat()


@router.get("/shelters")
async def show(
    visitor: Signed,
    at: Annotated[str, Query(max_length=10)] = "",
    cohort: Annotated[str, Query(max_length=30)] = "",
    kind: Annotated[str, Query(max_length=30)] = "",
    province: Annotated[str, Query(max_length=6)] = "",
) -> Response:
    """The map, the gaps and the table, as at any day."""
    moment = moment_of(at)
    chosen = {"cohort": cohort if cohort in COHORTS else "", "kind": kind if kind in KINDS else ""}
    beds = await visitor.client.read(Beds, "views", "/v1/views/shelter-capacity", at=moment, limit=500, **chosen)
    gaps = await visitor.client.read(Gaps, "views", "/v1/views/shelter-capacity/gaps", at=moment, limit=500)
    wanted = [gap for gap in gaps.items if all(getattr(gap, name) == value for name, value in chosen.items() if value)]
    rows = sorted(
        (bed for bed in beds.items if province in ("", bed.province)),
        key=lambda bed: (list(PROVINCES).index(bed.province), bed.kind, COHORTS.index(bed.cohort)),
    )
    return visitor.page(
        "shelters.html", beds=beds, rows=rows, gaps=wanted, at=at if moment else "", first=first_day(),
        cohort=chosen["cohort"], kind=chosen["kind"], province=province, cohorts=COHORTS, kinds=KINDS,
        tiles=_tiles(visitor, beds.items, wanted), size=SIZE, tile=(WIDTH, HEIGHT),
        gap_places={(gap.province, gap.kind, gap.cohort) for gap in wanted},
        province_name=lambda code: province_name(code, visitor.words),
    )  # fmt: skip


def _tiles(visitor: Signed, beds: list[Bed], gaps: list[Gap]) -> list[Tile]:
    capacity: dict[str, int] = defaultdict(int)
    free: dict[str, int] = defaultdict(int)
    waiting: dict[str, int] = defaultdict(int)
    for bed in beds:
        capacity[bed.province] += bed.capacity
        free[bed.province] += bed.free
    for gap in gaps:
        waiting[gap.province] += gap.waiting
    return [
        Tile(one, one.name(visitor.words), capacity[code], free[code], waiting[code],
             _state(capacity[code], free[code], waiting[code]))
        for code, one in PROVINCES.items()
    ]  # fmt: skip


def _state(capacity: int, free: int, waiting: int) -> str:
    if waiting:
        return "gap"
    if not capacity:
        return "none"
    return "free" if free else "full"
