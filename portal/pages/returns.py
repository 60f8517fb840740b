"""The cross-border board, and one repatriation against the limits of its procedure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Answer, Json
from portal.pages.shelters import first_day, moment_of
from portal.visitor import CAMBODIA, Signed, day

router = APIRouter(include_in_schema=False)
STEPS: Final = (
    "notified", "local_verification", "nationality_verified", "family_traced", "risk_assessed", "consent_given",
    "travel_document_issued", "itinerary_agreed", "handed_over", "receipt_acknowledged", "transit_screening",
    "received_into_care", "followed_up",
)  # fmt: skip
"""The order in which the board shows steps; those that a corridor adds stand at the end."""

STATUSES: Final = ("running", "awaiting_acknowledgement", "stopped", "completed")
OPEN: Final = ("running", "awaiting_acknowledgement", "stopped")
WIDTH: Final = 640
ROW: Final = 34


class StepMark(Answer):
    """A step of a repatriation against its limit."""

    step: str
    party: str
    outcome: str | None
    occurred_at: str | None
    due: str | None
    due_provisional: bool = False
    side: str = ""
    optional: bool = False
    by: str | None = None
    recorded_by: str | None = None
    documents: list[str] = []
    documents_missing: list[str] = []


class Acknowledgement(Answer):
    """A step that another organisation than its recorder has confirmed."""

    step: str
    by: str


class Waits(Answer):
    """Which step is waited for, and whose it is."""

    step: str
    party: str


class Return(Answer):
    """A repatriation."""

    repatriation_id: str
    case_id: str | None
    corridor: str
    direction: str
    sop_version: str
    status: str
    waiting_for: Waits | None
    since: str
    due: str | None
    due_provisional: bool = False
    overdue: bool
    stopped_by: str | None
    steps: list[StepMark]
    opened_at: str = ""
    occurred_at: str = ""
    acknowledged: list[Acknowledgement] = []
    custody: dict[str, Json] | None = None
    personal: dict[str, Json] | None = None


class Board(Answer):
    """A page of the view."""

    items: list[Return]
    totals: dict[str, dict[str, Json]]
    as_of: str
    positions: dict[str, int]
    next: str | None


NO_CORRIDOR: Final = {"all", "inbound", "outbound"}
"""Totals over several corridors."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A step in the timeline: where it was done, where it was due, and how long it is late."""

    mark: StepMark
    y: int
    done: float | None
    due: float | None
    late: tuple[float, float] | None


@router.get("/returns")
async def show(
    visitor: Signed,
    corridor: Annotated[str, Query(max_length=10)] = "",
    status: Annotated[str, Query(max_length=30)] = "",
    at: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Who is on the way home, and who keeps whom waiting."""
    moment = moment_of(at)
    query = {"corridor": corridor, "at": moment, "limit": 500}
    board = await visitor.client.read(Board, "views", "/v1/views/cross-border", **query)
    apart = (await visitor.client.get("views", "/v1/views/cross-border/differences", **query))["items"]
    waiting = [one for one in board.items if one.waiting_for]
    wanted = (status,) if status in STATUSES else OPEN
    shown = sorted(
        (one for one in board.items if one.status in wanted),
        key=lambda one: (not one.overdue, one.due or "9", one.since),
    )
    return visitor.page(
        "returns.html", board=board, shown=shown, at=at if moment else "", first=first_day(), corridor=corridor,
        status=status, statuses=STATUSES, total=board.totals.get("all", {}), matrix=_matrix(waiting),
        corridors=sorted(set(board.totals) - NO_CORRIDOR), on=at if moment else _today(),
        apart=sorted(apart, key=lambda one: (not one["alert"], one["since"])),
        opens=visitor.may("repatriation.read"), records=visitor.may("repatriation.step"),
        sends=visitor.may("inbox.post"), parties=_parties(board.totals.get("all", {})), days_since=days_since,
    )  # fmt: skip


@router.get("/returns/{repatriation}")
async def timeline(visitor: Signed, repatriation: str) -> Response:
    """One repatriation: each step against its limit."""
    found = await visitor.client.read(Return, "repatriation", f"/v1/repatriations/{repatriation}")
    start, end = _span(found)
    lanes = [_lane(mark, at, start, end) for at, mark in enumerate(found.steps)]
    return visitor.page(
        "return.html", one=found, lanes=lanes, width=WIDTH, row=ROW, now=_x(_today(), start, end),
        months=_months(start, end),
        records=visitor.may("repatriation.step"), story=visitor.may("history.read"),
        prints=visitor.may("handover_file.read"),
    )  # fmt: skip


def days_since(moment: str, on: str) -> int:
    """Whole days from a moment to a day."""
    return (date.fromisoformat(on) - date.fromisoformat(day(moment))).days


def _matrix(waiting: Sequence[Return]) -> dict[str, dict[str, tuple[int, int]]]:
    """Per step and corridor: how many wait there, and how many of them too long."""
    all_, late = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in waiting:
        assert one.waiting_for is not None  # see the caller
        place = (one.waiting_for.step, one.corridor)
        all_[place] += 1
        late[place] += one.overdue
    steps = sorted({step for step, _ in all_}, key=lambda step: STEPS.index(step) if step in STEPS else len(STEPS))
    return {
        step: {
            corridor: (all_[step, corridor], late[step, corridor]) for _, corridor in all_ if (step, corridor) in all_
        }
        for step in steps
    }


def _parties(total: dict[str, Json]) -> list[tuple[str, int, int]]:
    """Who is waited for: how often, and how often too long; the most waited for first."""
    waited, late = total.get("waiting_for", {}), total.get("overdue_by_party", {})
    return sorted(((party, count, late.get(party, 0)) for party, count in waited.items()), key=lambda one: -one[1])


def _today() -> str:
    return datetime.now(CAMBODIA).date().isoformat()


def _span(one: Return) -> tuple[date, date]:
    """The first and the last day of the timeline."""
    days = [day(one.occurred_at or one.opened_at)]
    for mark in one.steps:
        days += [day(mark.occurred_at)] if mark.occurred_at else []
        days += [mark.due] if mark.due else []
    if one.status in OPEN:
        days.append(_today())
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    return first, max(last, date.fromordinal(first.toordinal() + 7))


def _x(moment: str, start: date, end: date) -> float:
    passed = (date.fromisoformat(day(moment)) - start).days
    return round(WIDTH * max(0, min(1, passed / (end - start).days)), 1)


def _lane(mark: StepMark, at: int, start: date, end: date) -> Lane:
    done = _x(mark.occurred_at, start, end) if mark.occurred_at else None
    due = _x(mark.due, start, end) if mark.due else None
    until = done if done is not None else _x(_today(), start, end)
    late = (due, until) if due is not None and not mark.optional and until > due else None
    return Lane(mark, at * ROW + ROW // 2, done, due, late)


def _months(start: date, end: date) -> list[tuple[str, float]]:
    """The marks of the time axis: about six, each with its day."""
    step = max(1, (end - start).days // 6)
    days = [date.fromordinal(start.toordinal() + passed) for passed in range(0, (end - start).days + 1, step)]
    return [(one.isoformat(), _x(one.isoformat(), start, end)) for one in days]
