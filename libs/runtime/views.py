"""What every projection's routes share: its rows' place, `?seen=`, `?at=`, and the shape of an answer."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import orjson
from fastapi import Query, Request, Response

from libs.events.consume import Change, Fact, Projection
from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.runtime.edge import desk_of
from libs.runtime.ids import now
from libs.runtime.problems import Problem

SEEN_WAIT_S = 2.0
SEEN_POLL_S = 0.01


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
