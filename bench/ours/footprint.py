"""Memory of each process idle and under load, and the time until all of them are ready on warm data."""

import asyncio
import time
from pathlib import Path

from bench.measure import Figure, Scale
from bench.ours.post import Line, posting
from libs.runtime.settings import Settings
from nrm.system import System

CONNECTIONS = 64


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Starts a system of its own again and again on one folder; the first start, which lays it out, does not count."""
    starts: list[float] = []
    idle: dict[str, list[float]] = {}
    loaded: dict[str, list[float]] = {}
    for run in range(scale.runs + 1):
        started = time.perf_counter()
        async with System(settings) as system:
            if run > 0:
                starts.append(time.perf_counter() - started)
                _note(idle, system)
                await _load(system.settings, scale.seconds)
                _note(loaded, system)
    return [
        Figure("start on warm data", "every process ready", "s", tuple(starts)),
        *(Figure("memory, idle", name, "MB", tuple(sizes)) for name, sizes in idle.items()),
        *(Figure("memory, after load", name, "MB", tuple(sizes)) for name, sizes in loaded.items()),
    ]


def _note(found: dict[str, list[float]], system: System) -> None:
    for name, process in system.processes.items():
        if process.pid is not None:
            found.setdefault(name, []).append(_resident_mb(process.pid))


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


async def _load(settings: Settings, seconds: float) -> None:
    lines = [await Line.to(settings.port("identification")) for _ in range(CONNECTIONS)]
    request = posting("/v1/cases", settings)
    until = time.perf_counter() + seconds

    async def client(line: Line) -> None:
        while time.perf_counter() < until:
            await line.ask(request())
        line.close()

    await asyncio.gather(*(client(line) for line in lines))
