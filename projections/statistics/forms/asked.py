"""How figures are asked for, and how they are handed over: groups, scope, JSON or CSV."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Annotated, Literal

from fastapi import Query, Request, Response

from libs.events.event import JSON
from libs.runtime.problems import Problem
from libs.runtime.views import At, Moment
from projections.statistics.queries import DIMENSIONS, FOREVER, Scope

GROUPS_MAX = 4
Format = Literal["json", "csv"] | None
Groups = Annotated[str, Query(max_length=200, description="comma list: " + ", ".join(DIMENSIONS))]


def scoped(
    since: Annotated[Moment, Query(alias="from")] = None,
    until: Annotated[Moment, Query(alias="to")] = None,
    as_of: At = None,
    known_at: At = None,
) -> Scope:
    """A dependency: which persons (identified in `from`–`to`), as at which moment of both clocks."""
    return Scope(since, until, as_of or FOREVER, known_at or FOREVER)


def groups_of(text: str) -> list[str]:
    """The dimensions that a comma list names. Raises 422."""
    groups = [name for name in text.split(",") if name]
    unknown = sorted(set(groups) - set(DIMENSIONS))
    if unknown or len(set(groups)) != len(groups) or len(groups) > GROUPS_MAX:
        detail = f"at most {GROUPS_MAX} different ones of {', '.join(DIMENSIONS)}"
        raise Problem(422, "invalid-request", detail, errors=[{"pointer": "/group_by", "detail": detail}])
    return groups


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
