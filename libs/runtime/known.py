"""Facts of other services are a moment behind: wait for them a little before a rule says no."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from libs.events.decider import Refused

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
