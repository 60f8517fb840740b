"""How much one process takes on: requests per organisation, requests at once, and how long one may take.

Whoever comes too often or too many gets an answer at once that says when to come again (429, 503), so that those who
are inside are served as fast as ever.
"""

import asyncio
import time
from collections.abc import Callable

from fastapi import Request
from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.runtime.problems import Problem, problem_response

ORGANISATIONS_MAX = 10_000
BURST_S = 2.0
"""An organisation that was silent may ask at once for what it may ask in this time."""
_UNLIMITED = ("/health/", "/metrics")
BUSY = Counter("nrm_http_refused_busy", "Requests refused because of load", ["why"])


class Buckets:
    """A token bucket per organisation: `rate` requests a second, and some at once after a silence."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, rate * BURST_S)
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait_s(self, organisation: str) -> float:
        """0 where the request may pass, and is counted; else when to come again, and it is not counted.

        What is remembered is only the moment at which the bucket is full again.
        """
        if not self._rate:
            return 0.0
        now = self._clock()
        full_at = max(self._full_at.get(organisation, now), now) + 1 / self._rate
        over = full_at - now - self._burst / self._rate
        if over > 0:
            return over
        if len(self._full_at) >= ORGANISATIONS_MAX:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        self._full_at[organisation] = full_at
        return 0.0

    def check(self, organisation: str) -> None:
        """Raises 429 with Retry-After where the organisation asks too often."""
        if wait := self.wait_s(organisation):
            BUSY.labels("rate").inc()
            detail = "your organisation asks more often than it may; come again later"
            raise Problem(429, "too-many-requests", detail, retry_after_s=max(1, round(wait + 0.5)))


class Bounded:
    """At most so many requests at once, and none for longer than so long before its answer begins."""

    def __init__(self, app: ASGIApp, *, at_once: int, seconds: float) -> None:
        self._app = app
        self._at_once = at_once
        self._seconds = seconds
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse at once."""
        if scope["type"] != "http" or scope["path"].startswith(_UNLIMITED):
            await self._app(scope, receive, send)
            return
        if self._inside >= self._at_once:
            BUSY.labels("queue").inc()
            await self._refuse(scope, receive, send, "overloaded", "too many requests at once; retry with the same key")
            return
        self._inside += 1
        try:
            await self._timed(scope, receive, send)
        finally:
            self._inside -= 1

    async def _timed(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                deadline.reschedule(None)  # an answer that has begun is read as slowly as its reader likes
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as deadline:
                await self._app(scope, receive, watched)
        except TimeoutError:
            if begun:
                raise
            BUSY.labels("time").inc()
            detail = "it took too long and the outcome may be unknown; retry with the same Idempotency-Key"
            await self._refuse(scope, receive, send, "timed-out", detail)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, name: str, detail: str) -> None:
        problem = Problem(503, name, detail, retry_after_s=1)
        await problem_response(Request(scope), problem)(scope, receive, send)
