"""How figures are asked for, and how they are handed over: groups, scope, JSON or CSV."""

import asyncio
import csv
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Annotated, Literal, TypeVar

from fastapi import Query, Request, Response
from pydantic import Field

from libs.events.event import JSON
from libs.runtime.moments import At, Begin, End, KnownAt
from libs.runtime.problems import Problem
from projections.statistics.queries import DIMENSIONS, FOREVER, Scope

GROUPS_MAX = 4
FIGURES_MAX = 500
"""Figures of a table in which small ones are hidden: what hiding costs grows with their square, and nearly all of a
larger one would be hidden."""
_WEIGHING = ThreadPoolExecutor(1, thread_name_prefix="weighing")
"""One at a time, beside the event loop: whoever asks for large tables waits for their own kind."""
T = TypeVar("T")
Format = Literal["json", "csv"] | None
Groups = Annotated[str, Query(max_length=200, description="comma list: " + ", ".join(DIMENSIONS))]


def scoped(
    since: Annotated[Begin, Query(alias="from")] = None,
    until: Annotated[End, Query(alias="to")] = None,
    as_of: At = None,
    known_at: KnownAt = None,
) -> Scope:
    """A dependency: which persons (identified in `from`–`to`), as at which moment of both clocks."""
    return Scope(since, until, as_of or FOREVER, known_at or FOREVER)


Cell = Annotated[str, Field(pattern="^[a-z_]+=.", max_length=200, description="dimension=value")]
AS_CSV: dict[int | str, dict[str, JSON]] = {200: {"content": {"application/json": {}, "text/csv": {}}}}
"""What the API document says of an answer that is JSON or CSV."""


def cell_of(texts: Sequence[str]) -> dict[str, str]:
    """The values of a cell by dimension, from `dimension=value`. Raises 422."""
    parts = [text.partition("=") for text in texts]
    wanted = {name: value for name, _, value in parts if name and value}
    if len(wanted) != len(parts):
        detail = "each is dimension=value, e.g. sex=female or year=2026, each dimension once"
        raise Problem(422, "invalid-request", detail, errors=[{"pointer": "/cell", "detail": detail}])
    groups_of(",".join(wanted))
    return wanted


def groups_of(text: str) -> list[str]:
    """The dimensions that a comma list names. Raises 422."""
    groups = [name for name in text.split(",") if name]
    unknown = sorted(set(groups) - set(DIMENSIONS))
    if unknown or len(set(groups)) != len(groups) or len(groups) > GROUPS_MAX:
        detail = f"at most {GROUPS_MAX} different ones of {', '.join(DIMENSIONS)}"
        raise Problem(422, "invalid-request", detail, errors=[{"pointer": "/group_by", "detail": detail}])
    return groups


async def weighed(figures: int, threshold: int, work: Callable[[], T], pointer: str = "/group_by") -> T:
    """What is shown of so many figures. Raises 422 where hiding the small ones of so many would take too long."""
    if not threshold:
        return work()
    if figures > FIGURES_MAX:
        detail = (
            f"{figures} figures; at most {FIGURES_MAX} with small ones hidden: take fewer groups, or a shorter time"
        )
        raise Problem(422, "too-many-figures", detail, errors=[{"pointer": pointer, "detail": detail}])
    return await asyncio.get_running_loop().run_in_executor(_WEIGHING, work)


def as_csv(request: Request, asked: Format) -> bool:
    """Whether the caller wants CSV: by `format`, else by the Accept header."""
    return asked == "csv" or (asked is None and "text/csv" in request.headers.get("accept", ""))


def csv_of(columns: Sequence[str], rows: Sequence[Mapping[str, JSON]]) -> Response:
    """Rows as CSV (RFC 4180); a hidden count is an empty field."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")
