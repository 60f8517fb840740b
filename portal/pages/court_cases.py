"""The cases behind a figure of court outcomes, for those entitled to read court cases."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Answer, Client, Json
from portal.provinces import province_name
from portal.visitor import Signed, day

router = APIRouter(include_in_schema=False)
AT_ONCE: Final = 6
READ_MAX: Final = 300
"""Court cases that are opened to look into their charges; a narrower question shows the rest."""

Text = Annotated[str, Query(max_length=100)]


class CourtCase(Answer):
    """A court case with what became of each charge."""

    court_case_id: str
    case_ids: list[str]
    court: str
    province: str
    accused: list[dict[str, Json]]
    charges: list[dict[str, Json]]


@router.get("/courts/cases")
async def show(
    visitor: Signed,
    court: Text = "",
    province: Text = "",
    year: Annotated[str, Query(max_length=4)] = "",
    article: Text = "",
    outcome: Text = "",
) -> Response:
    """Court cases by court, province, year, article and what became of somebody in it."""
    listed = await visitor.client.every("justice", "/v1/court-cases", court=court, province=province)
    began = {one["court_case_id"]: day(one["began_at"]) for one in listed}
    wanted = [one for one in listed if began[one["court_case_id"]].startswith(year)][:READ_MAX]
    room = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_read(visitor.client, room, one["court_case_id"]) for one in wanted))
    shown = [one for one in found if _has_article(one, article) and _has_outcome(one, outcome)]
    shown.sort(key=lambda one: began[one.court_case_id], reverse=True)
    asked = {"court": court, "year": year, "article": article, "outcome": outcome}
    return visitor.page(
        "court_cases.html", cases=shown, began=began, asked={name: value for name, value in asked.items() if value},
        province=province, province_name=lambda code: province_name(code, visitor.words),
        opens_story=visitor.may("history.read"), cut=len(listed) > READ_MAX,
    )  # fmt: skip


@router.get("/courts/reports")
async def reports(visitor: Signed) -> Response:
    """The police reports, with their cases."""
    found = await visitor.client.every("justice", "/v1/reports")
    return visitor.page("reports.html", reports=found)


async def _read(client: Client, room: asyncio.Semaphore, court_case_id: str) -> CourtCase:
    async with room:
        return await client.read(CourtCase, "justice", f"/v1/court-cases/{court_case_id}")


def _has_article(one: CourtCase, article: str) -> bool:
    statute, _, number = article.rpartition(":")
    return not article or any(
        charge["article"] == number and statute in ("", charge["statute"]) for charge in one.charges
    )


def _has_outcome(one: CourtCase, outcome: str) -> bool:
    return not outcome or any(result_of(accused) == outcome for accused in one.accused)


def result_of(accused: Mapping[str, Json]) -> str:
    """What became of an accused."""
    return str(accused.get("outcome") or "pending")
