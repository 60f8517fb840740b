"""An asyncio loop without a machine: no sockets, no threads, and a clock that jumps to the next thing to be done.

What runs on it is decided by the program and its random numbers alone, so one seed is one schedule.
"""

import asyncio
import heapq
from typing import Any


class Stuck(Exception):
    """Everybody waits, and nothing will ever come."""


class _NoSockets:
    """The selector of a loop that has none: waiting moves the clock."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("every task waits for another")
        self._loop.now += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs real asyncio code in virtual time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._clock_resolution = 1e-9
        self._selector = _NoSockets(self)
        self._scheduled: list[Any] = []
        heapq.heapify(self._scheduled)

    def time(self) -> float:
        return self.now

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""
