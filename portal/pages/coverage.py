"""Which system knows whom, how complete it is, and how many persons none of them knows."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from portal.client import Refused
from portal.visitor import Signed

router = APIRouter(include_in_schema=False)
LISTS = range(2, 5)


@router.get("/coverage")
async def show(
    visitor: Signed,
    at: Annotated[str, Query(max_length=10)] = "",
    system: Annotated[list[str] | None, Query(max_length=10)] = None,
) -> Response:
    """The pairs of systems, each system's facts, and an estimate over the chosen ones."""
    found = await visitor.client.get("views", "/v1/views/coverage", at=at, limit=500)
    chosen, estimate, no = system or [], None, None
    if len(chosen) in LISTS:
        try:
            estimate = await visitor.client.get("views", "/v1/views/coverage/estimate", systems=",".join(chosen), at=at)
        except Refused as refused:
            no = refused
    return visitor.page(
        "coverage.html", found=found, systems=found["totals"]["systems"], at=at, chosen=chosen,
        estimate=estimate["totals"] if estimate else None, no=no,
    )  # fmt: skip
