"""The routes of releases: register one, list them, read one as it was published, trace a figure."""

from functools import partial
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, Field

from libs.runtime.edge import Reader, not_found, reading
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id, now
from libs.runtime.pages import Paged, page_of
from libs.runtime.problems import Problem
from libs.runtime.requests import Body, idempotency_key, parsed, read_raw
from libs.runtime.views import positions
from projections.statistics.forms.asked import AS_CSV, Format, as_csv, csv_of, groups_of, weighed
from projections.statistics.queries import MEASURES, Measure, Scope, cells
from projections.statistics.release.register import (
    Definition,
    keep,
    members_of,
    published,
    release,
    release_of,
    releases,
)  # fmt: skip
from projections.statistics.view import NAME

router = APIRouter(tags=["statistics"])
TABLES_MAX = 12
"""Larger releases are made in parts: the work of hiding grows with the square of the cells."""


class TableBody(Body):
    """One table of a release."""

    group_by: Annotated[list[Annotated[str, Field(max_length=30)]], Field(max_length=4)] = []
    measure: Measure = "identified"


class ReleaseBody(Body):
    """Tables to be published, of persons identified in `from`–`to`, as at both clocks; by default as at now."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    tables: Annotated[list[TableBody], Field(min_length=1, max_length=TABLES_MAX)]
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    as_of: AwareDatetime | None = None
    known_at: AwareDatetime | None = None


@router.post("/v1/statistics/releases", status_code=201, openapi_extra=body_schema(ReleaseBody))
async def register(request: Request, reader: Annotated[Reader, Depends(reading("statistics.release"))]) -> Response:
    """Publish tables: frozen from now on, listed, and weighed in every later release. Needs an Idempotency-Key."""
    key = idempotency_key(request)
    raw = await read_raw(request, reader.desk.settings.body_bytes_max)
    body, print_ = parsed(ReleaseBody, raw), sha256(raw).digest()
    pool = reader.desk.pool
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('statistics_release'))")
        first = await _first(connection, reader.caller.organisation, key, print_)
        if first is None:
            made = await _made(reader, connection, body, key, print_)
    shown = await release_of(pool, first or made)
    headers = {"Location": f"/v1/statistics/releases/{first or made}"}
    if first:
        headers["Idempotent-Replayed"] = "true"
    return Response(orjson.dumps(shown), 201, headers, "application/json")


@router.get("/v1/statistics/releases")
async def list_releases(reader: Annotated[Reader, Depends(reading("statistics.read"))], asked: Paged) -> Response:
    """Every release, the oldest first."""
    return page_of(await releases(reader.desk.pool, asked.after, asked.limit + 1), "release_id", asked)


@router.get("/v1/statistics/releases/{release}", responses=AS_CSV)
async def read_release(
    release: UUID,
    request: Request,
    reader: Annotated[Reader, Depends(reading("statistics.read"))],
    format: Format = None,  # noqa: A002 - the contract's name
) -> Response:
    """One release as it was published, whoever asks. As CSV, a line per figure of every table."""
    found = await release_of(reader.desk.pool, release)
    if found is None:
        raise not_found("release")
    if not as_csv(request, format):
        return Response(orjson.dumps(found), media_type="application/json")
    groups = sorted({name for table in found["tables"] for name in table["group_by"]})
    rows = [
        {"table": number, "measure": table["measure"], **row}
        for number, table in enumerate(found["tables"])
        for row in table["rows"]
    ]
    return csv_of(["table", "measure", *groups, "cases"], rows)


@router.get("/v1/statistics/releases/{release}/cases")
async def read_release_cases(
    release: UUID,
    reader: Annotated[Reader, Depends(reading("statistics.trace"))],
    asked: Paged,
    table: Annotated[int, Query(ge=0, lt=TABLES_MAX)] = 0,
    key: Annotated[list[str] | None, Query(max_length=4, description="the figure's values, in order")] = None,
) -> Response:
    """The case references behind a figure of a release, hidden ones too, for those entitled."""
    found = await release_of(reader.desk.pool, release)
    if found is None or table >= len(found["tables"]):
        raise not_found("release or table")
    groups = found["tables"][table]["group_by"]
    if key and len(key) != len(groups):
        raise Problem(422, "invalid-request", f"key has a value for each of {', '.join(groups)}, or none")
    pairs = zip(groups, key or groups, strict=True) if key else ()
    values = [int(one) if name == "year" and one.isdecimal() else one for name, one in pairs]
    rows = await members_of(reader.desk.pool, release, table, values, asked.after, asked.limit + 1)
    return page_of(rows, "case_id", asked)


async def _first(connection: Any, organisation: str, key: str, print_: bytes) -> UUID | None:  # noqa: ANN401 - a pooled connection
    """The release that was made under this key. Raises 422 where it was for another request."""
    row = await connection.fetchrow(
        "SELECT release_id, request FROM statistics_release.release WHERE organisation = $1 AND key = $2",
        organisation, key,
    )  # fmt: skip
    if row is None:
        return None
    if row["request"] != print_:
        raise Problem(422, "idempotency-key-reused", "this key was used for another request; take a new one")
    found: UUID = row["release_id"]
    return found


async def _made(reader: Reader, connection: Any, body: ReleaseBody, key: str, print_: bytes) -> UUID:  # noqa: ANN401 - as above
    moment, pool = now(), reader.desk.pool
    scope = Scope(body.since, body.until, body.as_of or moment, body.known_at or moment)
    definitions = [Definition(tuple(groups_of(",".join(one.group_by))), one.measure) for one in body.tables]
    found = [(one, await cells(pool, one.group_by, MEASURES[one.measure], scope)) for one in definitions]  # type: ignore[index]  # Measure, from the body
    threshold = reader.desk.settings.small_cell
    earlier, many = await published(connection), sum(len(table) for _, table in found)
    figures = await weighed(many, threshold, partial(release, found, earlier, threshold), "/tables")
    stated = [{"group_by": list(one.group_by), "measure": one.measure} for one in definitions]
    release_id = UUID(new_id())
    values = {
        "release_id": release_id,
        "title": body.title,
        "organisation": reader.caller.organisation,
        "actor": reader.caller.subject,
        "since": scope.since,
        "until": scope.until,
        "as_of": scope.as_of,
        "known_at": scope.known_at,
        "threshold": threshold,
        "tables": orjson.dumps(stated).decode(),
        "positions": orjson.dumps(await positions(pool, NAME)).decode(),
        "key": key,
        "request": print_,
    }
    await _keep(connection, values, figures)
    return release_id


async def _keep(connection: Any, values: dict[str, Any], figures: Any) -> None:  # noqa: ANN401 - as above
    try:
        await keep(connection, values, figures)
    except asyncpg.UniqueViolationError:
        raise Problem(
            409, "request-in-progress", "the first request under this key still runs", retry_after_s=1
        ) from None
