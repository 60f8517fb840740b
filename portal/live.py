"""Live pages: server-sent events that say how far the views are, so that a page can tell that it is old.

The positions come from the views' own answers (contract, "Answers of the views"): one question for all who listen.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

from portal.client import Away, Client, Refused, SignInNeeded
from portal.visitor import Signed

router = APIRouter(include_in_schema=False)
POLL_S: Final = 2.0
STREAM_S: Final = 300.0
"""A stream ends after this time and the browser opens the next: the token is looked at again."""


class Pulse:
    """The newest known positions of the views; asked for at most every two seconds, however many listen."""

    def __init__(self) -> None:
        self._at = 0.0
        self._known: dict[str, object] = {"away": "views"}
        self._lock = asyncio.Lock()

    async def read(self, client: Client) -> dict[str, object]:
        """`{"positions": {…}}`, or `{"away": "views"}`."""
        async with self._lock:
            if time.monotonic() - self._at > POLL_S:
                self._known = await self._ask(client)
                self._at = time.monotonic()
        return self._known

    async def _ask(self, client: Client) -> dict[str, object]:
        try:
            answer = await client.get("views", "/v1/statistics")
        except (Away, Refused):
            return {"away": "views"}
        return {"positions": answer.get("positions", {})}


@router.get("/events")
async def events(visitor: Signed) -> StreamingResponse:
    """The stream of one page."""
    return StreamingResponse(
        _stream(visitor.request, visitor.client), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _stream(request: Request, client: Client) -> AsyncIterator[bytes]:
    app: FastAPI = request.app
    until, said = time.monotonic() + STREAM_S, b""
    while time.monotonic() < until and not app.state.stopping.is_set():
        try:
            now = orjson.dumps(await app.state.pulse.read(client), option=orjson.OPT_SORT_KEYS)
        except SignInNeeded:
            yield b"event: signed-out\ndata: {}\n\n"
            return
        yield b"data: " + now + b"\n\n" if now != said else b": still here\n\n"
        said = now
        try:
            await asyncio.wait_for(app.state.stopping.wait(), POLL_S)
        except TimeoutError:
            continue
