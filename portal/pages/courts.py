"""Court outcomes: the funnel, what became of prosecutions by year, court, province and article, and where it stands."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from portal import charts
from portal.client import Answer
from portal.pages.court_files import as_csv, as_xlsx
from portal.provinces import PROVINCES, province_name
from portal.visitor import Signed, Visitor

router = APIRouter(include_in_schema=False)
PATH: Final = "/v1/views/court-outcomes"
RESULTS: Final = ("convicted", "acquitted", "dismissed", "pending")
GROUPS: Final = ("year", "court", "province", "article")
CHOICES: Final = ("court", "article")
"""The groups whose names are offered to choose from."""

STAGES: Final = ("determined", "reported", "prosecuted", "convicted")
Text = Annotated[str, Query(max_length=100)]


class Days(Answer):
    """Days from charge to verdict."""

    median: float | None
    p90: float | None


class Outcome(Answer):
    """The figures of a group; which group it is stands in the fields that are set."""

    year: int | None = None
    court: str | None = None
    province: str | None = None
    statute: str | None = None
    article: str | None = None
    prosecutions: int
    convicted: int
    acquitted: int
    dismissed: int
    pending: int
    conviction_rate_percent: float | None
    days_to_verdict: Days
    compensation: dict[str, int]
    victims_charged: int


class Outcomes(Answer):
    """An answer of the view."""

    items: list[Outcome]
    totals: Outcome
    as_of: str
    positions: dict[str, int]


class Funnel(Answer):
    """Persons by the stage that their case reached."""

    determined: int
    reported: int
    prosecuted: int
    convicted: int


async def outcomes(visitor: Visitor, group: str, asked: dict[str, str]) -> Outcomes:
    """The figures by one group."""
    query = {"from_" if name == "from" else name: value for name, value in asked.items()}
    return await visitor.client.read(Outcomes, "views", PATH, group_by=group, limit=500, **query)


async def funnel(visitor: Visitor, asked: dict[str, str]) -> Funnel:
    """The funnel of the same period."""
    return await visitor.client.read(Funnel, "views", f"{PATH}/funnel", from_=asked["from"], to=asked["to"])


def selection(
    from_: Annotated[str, Query(alias="from", max_length=10)] = "",
    to: Annotated[str, Query(max_length=10)] = "",
    court: Text = "",
    province: Text = "",
    article: Text = "",
    dated_by: Annotated[str, Query(pattern="^(prosecution|event|)$")] = "",
) -> dict[str, str]:
    """A dependency: what is asked of the view."""
    return {
        "from": from_, "to": to, "court": court, "province": province, "article": article, "dated_by": dated_by,
    }  # fmt: skip


Asked = Annotated[dict[str, str], Depends(selection)]


@router.get("/courts")
async def show(
    visitor: Signed,
    asked: Asked,
) -> Response:
    """Charts, and the same as tables."""
    by = {group: await outcomes(visitor, group, asked) for group in GROUPS}
    whole = {**asked, "court": "", "province": "", "article": ""}
    offered = by if asked == whole else {group: await outcomes(visitor, group, whole) for group in CHOICES}
    years = [one.model_dump() for one in by["year"].items]
    top = charts.top_of(max((one["prosecutions"] for one in years), default=1))
    return visitor.page(
        "courts.html", by=by, asked=asked, totals=by["year"].totals, funnel=await funnel(visitor, asked),
        bars=charts.stacked(years, "year", RESULTS, top), ticks=charts.ticks(top), plot=charts.PLOT,
        longest=max((one.days_to_verdict.p90 or 0 for one in by["court"].items), default=0) or 1,
        results=RESULTS, stages=STAGES, choices={group: offered[group].items for group in CHOICES},
        provinces=list(PROVINCES), share=charts.share,
        province_name=lambda code: province_name(code, visitor.words),
        reads_cases=visitor.may("court_case.read"),
        query="&".join(f"{name}={value}" for name, value in asked.items() if value),
        stage_links=_stage_links(visitor),
    )  # fmt: skip


@router.get("/courts/figures.{kind}")
async def download(
    visitor: Signed,
    kind: str,
    asked: Asked,
) -> Response:
    """The figures as a file: CSV (one table), or XLSX (a sheet for each table)."""
    tables = {group: (await outcomes(visitor, group, asked)).items for group in GROUPS}
    rows = {group: [one.model_dump() for one in items] for group, items in tables.items()}
    stages = (await funnel(visitor, asked)).model_dump()
    content, media_type = (
        (as_xlsx(rows, stages) if kind == "xlsx" else as_csv(rows)),
        _MEDIA_TYPES.get(kind, "text/csv"),
    )
    headers = {
        "Content-Disposition": f'attachment; filename="court-outcomes.{"xlsx" if kind == "xlsx" else "csv"}"',
        "Cache-Control": "no-store",
    }
    return Response(content, headers=headers, media_type=media_type)


_MEDIA_TYPES: Final = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def _stage_links(visitor: Visitor) -> dict[str, str]:
    """Where a stage's cases are listed, for those entitled."""
    links = {}
    if visitor.may("case.list"):
        links["determined"] = "/cases?outcome=victim"
    if visitor.may("report.read"):
        links["reported"] = "/courts/reports"
    if visitor.may("court_case.read"):
        links |= {"prosecuted": "/courts/cases", "convicted": "/courts/cases?outcome=convicted"}
    return links
