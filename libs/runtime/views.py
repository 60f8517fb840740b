"""What every projection's routes share: its rows' place, `?seen=`, `?at=`, and the shape of an answer."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import orjson
from fastapi import Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from libs.events.consume import Change, Fact, Projection
from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.runtime.edge import desk_of
from libs.runtime.ids import now
from libs.runtime.problems import Problem

SEEN_WAIT_S = 2.0
SEEN_POLL_S = 0.01


def _at(moment: datetime | None) -> datetime | None:
    if moment and not MOMENT_YEARS[0] <= moment.year <= MOMENT_YEARS[1]:
        raise ValueError(f"lies outside the years {MOMENT_YEARS[0]} to {MOMENT_YEARS[1]}")
    return moment


def _text(value: object) -> object:
    if isinstance(value, str) and not _MOMENT.match(value):
        raise ValueError("is no moment of RFC 3339, e.g. 2026-11-01T08:00:00+07:00")
    return value


MOMENT_YEARS = (1900, 2200)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")
Moment = Annotated[AwareDatetime | None, BeforeValidator(_text), AfterValidator(_at)]
"""A moment that every clock and the database can hold, whatever its offset. Pydantic alone takes a number too."""
At = Annotated[
    Moment,
    Query(description="The answer as at this moment (RFC 3339); default: now"),
]
KnownAt = Annotated[
    Moment,
    Query(description="Only what had been recorded by this moment (RFC 3339); default: everything recorded"),
]


def projection_of(
    name: str, apply: Callable[[Fact], Sequence[Change]], wants: frozenset[str] | None, folder: str
) -> Projection:
    """A projection from its folder: the pure `apply` of view.py and the tables of table.sql."""
    return Projection(name, apply, (Path(folder).parent / "table.sql").read_text(encoding="utf-8"), wants)


def seen(projection: str) -> Callable[[Request], Any]:
    """A dependency: `?seen=<stream>:<version>` waits up to 2 s until the projection has applied that event.

    Raises 400 on another form, 503 with Retry-After where it has not in time.
    """

    async def wait(
        request: Request,
        seen: Annotated[str, Query(max_length=300, description="<stream>:<version> of a write's answer")] = "",
    ) -> None:
        if not seen:
            return
        stream, _, version = seen.rpartition(":")
        if not stream or not version.isascii() or not version.isdecimal() or "\0" in stream:
            raise Problem(400, "bad-seen", "seen is <stream>:<version> from the answer to a write")
        until = time.monotonic() + SEEN_WAIT_S
        while not await _has_applied(desk_of(request).pool, projection, stream, int(version)):
            if time.monotonic() > until:
                raise Problem(503, "not-yet-seen", "this view has not applied that event yet", retry_after_s=1)
            await asyncio.sleep(SEEN_POLL_S)

    return wait


async def _has_applied(pool: asyncpg.Pool, projection: str, stream: str, version: int) -> bool:
    sql = f"SELECT coalesce((SELECT version FROM {projection}.progress WHERE stream = $1), 0)"
    return bool(await pool.fetchval(sql, stream) >= version)


async def positions(pool: asyncpg.Pool, projection: str) -> dict[str, int]:
    """How many events of each service the projection has consumed: its position in that service's dense log."""
    rows = await pool.fetch(f"SELECT service, events FROM {projection}.consumed ORDER BY service")
    return {row["service"]: row["events"] for row in rows}


async def answer(
    pool: asyncpg.Pool,
    projection: str,
    items: Sequence[Mapping[str, JSON]],
    totals: Mapping[str, JSON],
    *,
    at: datetime | None = None,
    following: str | None = None,
) -> Response:
    """The answer of a view: `items`, `totals`, `as_of`, `positions`, `next`."""
    shown = {
        "items": items,
        "totals": totals,
        "as_of": rfc3339(at or now()),
        "positions": await positions(pool, projection),
        "next": following,
    }
    return Response(orjson.dumps(shown), media_type="application/json", headers={"Cache-Control": "no-store"})
