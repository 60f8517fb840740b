"""The routes of what an organisation is told: by position as a list, or as server-sent events while it listens."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from libs.events.event import JSON
from libs.runtime.edge import Reader, reading
from libs.runtime.problems import Problem
from libs.runtime.views import projection_of
from projections.notifications.queries import head_of, told_after
from projections.notifications.view import NAME, WANTS, apply

PROJECTION = projection_of(NAME, apply, WANTS, __file__)
router = APIRouter(tags=["notifications"])
LIMIT_DEFAULT, LIMIT_MAX = 50, 500
POLL_S = 0.5
PING_S = 15.0
DIGITS_MAX = 15


@router.get("/v1/notifications")
async def read_notifications(
    request: Request,
    reader: Annotated[Reader, Depends(reading("notification.read"))],
    after: Annotated[
        int | None, Query(ge=0, lt=10**DIGITS_MAX, description="the position read last; default 0")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    accept: Annotated[str, Header()] = "",
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """What awaits the caller's organisation, is due, overdue; in the order told, again from any position.

    With `Accept: text/event-stream` a stream that stays open; `Last-Event-ID` is the position read last. It ends when
    the token does. Without, a list: `next` is the `after` of the next page.
    """
    begin = _position(last_event_id) if last_event_id and after is None else after or 0
    if "text/event-stream" in accept:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventSourceResponse(_events(request, reader, begin), headers=headers)
    organisation, pool = reader.caller.organisation, reader.desk.pool
    found = await told_after(pool, organisation, begin, limit + 1)
    items = found[:limit]
    following = str(items[-1]["position"]) if len(found) > limit else None
    body = {"items": items, "next": following, "head": await head_of(pool, organisation)}
    return Response(orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _events(request: Request, reader: Reader, position: int) -> AsyncIterator[bytes]:
    """Events as they are told, until the caller leaves, its token ends, or the process stops."""
    yield KEEPALIVE_COMMENT
    pinged = time.monotonic()
    while time.time() < reader.caller.expires_at and not request.app.state.stopping():
        for notice in await told_after(reader.desk.pool, reader.caller.organisation, position, LIMIT_MAX):
            position = notice["position"]
            yield _event(notice)
        if time.monotonic() - pinged > PING_S:
            pinged = time.monotonic()
            yield KEEPALIVE_COMMENT
        await asyncio.sleep(POLL_S)


def _event(notice: dict[str, JSON]) -> bytes:
    return format_sse_event(
        data_str=orjson.dumps(notice).decode(), event=str(notice["type"]), id=str(notice["position"])
    )


def _position(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < DIGITS_MAX):
        raise Problem(400, "bad-position", "Last-Event-ID is the `id` of an event of this stream, unchanged")
    return int(text)
