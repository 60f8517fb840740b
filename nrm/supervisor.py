"""Starts again what dies: a process or a part that we started, each with its own growing pause."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nrm.parts.part import Part
from nrm.parts.processes import PartFailed, PartMissing, Tethered

WATCH_S = 0.25
PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0
STEADY_S = 60.0  # what ran this long died for a new reason: its pause begins anew


@dataclass
class Record:
    """How often one thing has died lately."""

    pause_s: float = PAUSE_FIRST_S
    started: float = 0.0
    due: float = 0.0


class Supervisor:
    """Watches processes and parts; `held` names those that are down on purpose."""

    def __init__(
        self,
        processes: Mapping[str, Tethered],
        parts: Mapping[str, Part],
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.held: set[str] = set()
        self._processes = processes
        self._parts = parts
        self._say = say
        self._changed = changed
        self._records: dict[str, Record] = {name: Record() for name in (*processes, *parts)}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to watch, on the running event loop; a part that takes long to return delays nothing else."""
        parts = [self._watch_part(name, part) for name, part in self._parts.items() if part.ours]
        processes = [self._watch_process(name, process) for name, process in self._processes.items()]
        self._tasks = [asyncio.create_task(watch) for watch in (*parts, *processes)]

    async def stop(self) -> None:
        """Stop watching, before what is watched is stopped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_process(self, name: str, process: Tethered) -> None:
        while True:
            if self._is_due(name, alive=process.alive(), how=f"ended with {process.exit_code()}"):
                self._restart_process(name, process)
            await asyncio.sleep(WATCH_S)

    async def _watch_part(self, name: str, part: Part) -> None:
        while True:
            if self._is_due(name, alive=await asyncio.to_thread(part.alive), how="stopped"):
                await self._restart_part(name, part)
            await asyncio.sleep(WATCH_S)

    def _restart_process(self, name: str, process: Tethered) -> None:
        try:
            process.start()
        except OSError as reason:  # no memory, no process to be had: it is tried again
            self._say(f"{name} does not start: {reason}")
        else:
            self._note()

    def _note(self) -> None:
        try:
            self._changed()
        except OSError as reason:  # a full disk: what runs is worth more than the note of it
            self._say(f"what runs cannot be written down: {reason}")

    async def _restart_part(self, name: str, part: Part) -> None:
        try:
            await part.start_async()
        except (PartFailed, PartMissing, OSError) as reason:  # OSError: a full disk has no room for what it writes
            self._say(f"{name} does not start: {reason}")
            await asyncio.to_thread(part.stop)
        else:
            self._say(f"{name} runs again")
            self._note()

    def _is_due(self, name: str, *, alive: bool, how: str) -> bool:
        """Whether it is down and its pause is over; the first look at a dead one says so and sets the pause."""
        record = self._records[name]
        if alive or name in self.held:
            record.due = 0.0
            return False
        now = time.monotonic()
        if not record.due:
            if now - record.started > STEADY_S:
                record.pause_s = PAUSE_FIRST_S
            self._say(f"{name} {how}; starting it again in {record.pause_s:g} s")
            record.due = now + record.pause_s
        if now < record.due:
            return False
        record.pause_s = min(record.pause_s * 2, PAUSE_MAX_S)
        record.started = now
        record.due = 0.0
        return True
