"""How a figure is taken: several runs, minimum, median and maximum; nothing is asserted about absolute times."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one subject over several runs."""

    measure: str
    subject: str
    unit: str
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.runs)


@dataclass(frozen=True, slots=True)
class Scale:
    """How long and how large to measure."""

    runs: int
    seconds: float
    events: int
    """Events in the log for what depends on its length."""


async def per_second(work: Callable[[int], Awaitable[object]], *, clients: int, seconds: float) -> float:
    """How many times per second `work(client)` completes with so many clients at once."""
    until = time.perf_counter() + seconds
    counts = [0] * clients

    async def client(number: int) -> None:
        while time.perf_counter() < until:
            await work(number)
            counts[number] += 1

    started = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return sum(counts) / (time.perf_counter() - started)


async def paced(work: Callable[[int], Awaitable[object]], *, rate: int, seconds: float) -> None:
    """Begin `work(n)` at a steady rate; one that is slow does not hold up the next."""
    started, total = time.perf_counter(), int(rate * seconds)
    running: set[asyncio.Task[object]] = set()
    for number in range(total):
        wait = started + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task: asyncio.Task[object] = asyncio.ensure_future(work(number))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
