"""The authoritative count by any group; small cells stay hidden from those not entitled to them."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Answer, Json
from portal.provinces import province_name
from portal.visitor import Signed

router = APIRouter(include_in_schema=False)
GROUPS: Final = (
    "sex", "age_group", "nationality", "exploitation", "province", "channel", "reported_by", "year", "status",
)  # fmt: skip
MEASURES: Final = ("identified", "presumed", "determined", "in_care", "returned")
NAMED: Final = {"exploitation": "purpose", "status": "case_status"}


class Statistics(Answer):
    """An answer of the statistics."""

    rows: list[dict[str, Json]]
    suppressed: int
    totals: dict[str, int | None]
    as_of: str
    positions: dict[str, int]


@router.get("/numbers")
async def show(
    visitor: Signed,
    group: Annotated[str, Query(max_length=20)] = "year",
    measure: Annotated[str, Query(max_length=20)] = "identified",
) -> Response:
    """One table with bars."""
    group = group if group in GROUPS else "year"
    measure = measure if measure in MEASURES else "identified"
    found = await visitor.client.read(Statistics, "views", "/v1/statistics", group_by=group, measure=measure)
    largest = max((row["cases"] or 0 for row in found.rows), default=0) or 1
    words = visitor.words

    def name(value: object) -> str:
        if value is None:
            return words("any.unknown")
        return province_name(str(value), words) if group == "province" else words.of(NAMED.get(group, group), value)

    return visitor.page(
        "numbers.html", found=found, group=group, measure=measure, groups=GROUPS, measures=MEASURES, largest=largest,
        name=name,
    )  # fmt: skip
