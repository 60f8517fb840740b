"""The routes of the coverage view: who knows whom, and the estimate of those whom nobody knows."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from libs.estimates.capture import LISTS_MAX, LISTS_MIN, OVERLAP_MIN, CannotEstimate, estimate
from libs.events.event import JSON
from libs.runtime.edge import Reader, reading
from libs.runtime.ids import now
from libs.runtime.moments import At
from libs.runtime.pages import Paged, part
from libs.runtime.problems import Problem
from libs.runtime.views import answer, projection_of, seen
from projections.coverage.queries import coverage, histories, pairs, systems, totals
from projections.coverage.view import NAME, WANTS, apply

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
router = APIRouter(tags=["coverage"], dependencies=[Depends(seen(NAME))])
_Asker = Annotated[Reader, Depends(reading("view.coverage"))]
CONFIDENCE_PERCENT = 95


@router.get("/v1/views/coverage")
async def read_coverage(reader: _Asker, asked: Paged, at: At = None) -> Response:
    """For every two systems: persons whom both know, whom only one knows, and their disagreements; as known at `at`.

    `totals.systems` has what each system states and how much of it; counts under the threshold are hidden.
    """
    found = await coverage(reader.desk.pool, at or now())
    threshold = _threshold(reader)
    whole: dict[str, JSON] = {**totals(found, threshold), "systems": systems(found, threshold)}
    shown = part(pairs(found, threshold), asked)
    return await answer(reader.desk.pool, NAME, shown["items"], whole, at=at, following=shown["next"])


@router.get("/v1/views/coverage/estimate", responses={409: {"description": "The lists give no estimate"}})
async def read_estimate(
    reader: _Asker,
    systems: Annotated[str, Query(max_length=200, description=f"comma list of {LISTS_MIN} to {LISTS_MAX} systems")],
    at: At = None,
) -> Response:
    """How many persons no system knows: an estimate, with its interval and assumptions; 409 where it has no ground."""
    chosen = [name for name in systems.split(",") if name]
    found = await coverage(reader.desk.pool, at or now())
    unknown = sorted(set(chosen) - set(found.systems))
    if unknown or len(set(chosen)) != len(chosen):
        detail = f"different ones of {', '.join(found.systems) or 'the systems: none was brought in yet'}"
        raise Problem(422, "invalid-request", detail, errors=[{"pointer": "/systems", "detail": detail}])
    threshold = _threshold(reader)
    seen_by = histories(found, chosen)
    try:
        made = estimate(seen_by, max(OVERLAP_MIN, threshold))
    except CannotEstimate as fault:
        raise Problem(409, fault.rule, fault.detail) from None
    small = any(count < threshold for count in seen_by.values())
    shown: dict[str, JSON] = {
        "estimate": True,
        "systems": chosen,
        "method": made.method,
        "model": made.model,
        "known": made.known,
        "unseen": round(made.total - made.known),
        "total": round(made.total),
        "interval": {"low": round(made.low), "high": round(made.high), "confidence_percent": CONFIDENCE_PERCENT},
        "standard_error": round(made.standard_error),
        "assumptions": list(made.assumptions),
    }
    # Where one cell is small, all are hidden: the others and the number of known persons would give it.
    cells: list[dict[str, JSON]] = [
        {"systems": [name for name, stands in zip(chosen, history, strict=True) if stands], "persons": count}
        for history, count in sorted(seen_by.items(), reverse=True)
    ]
    return await answer(reader.desk.pool, NAME, [] if small else cells, shown, at=at)


def _threshold(reader: Reader) -> int:
    return 0 if reader.may("statistics.read_small_cells") else reader.desk.settings.small_cell
