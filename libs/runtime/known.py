"""Facts of other services are a moment behind: wait for them a little before a rule says no."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from libs.events.decider import NotYetKnown, Refused
from libs.runtime.problems import Problem

T = TypeVar("T")
WAIT_S_MAX = 1.5
POLL_S = 0.03


async def settled(look: Callable[[], Awaitable[T]]) -> T:
    """What `look` finds. Where it raises Refused, look again for a moment: the fact may be on its way from Kafka."""
    until = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            return await look()
        except Refused:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(POLL_S)


async def heard(pool: asyncpg.Pool, projection: str, seen: str) -> None:
    """Raises NotYetKnown while a service has not heard of an event `<stream>:<version>` that its caller knows of."""
    if not seen:
        return
    stream, _, version = seen.rpartition(":")
    if not stream or not version.isascii() or not version.isdecimal() or "\0" in stream:
        raise Problem(400, "bad-seen", "seen is <stream>:<version> from the answer to a write")
    reached = await pool.fetchval(f"SELECT version FROM {projection}.progress WHERE stream = $1", stream)
    if (reached or 0) < int(version):
        raise NotYetKnown("what `seen` names")
