"""The killing: SIGKILL to one process or part at a random moment, then its return, by the supervisor or by hand."""

import asyncio
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

from libs.runtime.settings import SERVICES
from nrm.parts.processes import PartFailed, PartMissing, Tethered
from nrm.system import System

PARTS = ("postgres", "kafka")
KINDS = (*SERVICES, "relay", "views", "audit", *PARTS)
PROGRESS = 50
LEFT_TO_THE_SUPERVISOR = 2
"""First kills of each kind that the supervisor mends alone. Its pauses double, so later ones are mended by hand."""


@dataclass
class Killer:
    """Kills by a seed. `others` are replicas beside the system's own processes, started again like them."""

    system: System
    rng: random.Random
    others: dict[str, Tethered] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    while_starting: int = 0
    mended: set[asyncio.Task[None]] = field(default_factory=set)
    _down: set[str] = field(default_factory=set)

    async def kill(self, count: int, pause_s: tuple[float, float]) -> None:
        """Kill so often, each kind about as often as the next, in an order that the seed gives; all is up after."""
        names = [*KINDS, *self.others]
        order: list[str] = []
        while len(order) < count:
            self.rng.shuffle(names)
            order += names
        for number, name in enumerate(order[:count], 1):
            await asyncio.sleep(self.rng.uniform(*pause_s))
            await self.one(name)
            if number % PROGRESS == 0:
                sys.stdout.write(f"{number} of {count} kills\n")
                sys.stdout.flush()
        await asyncio.gather(*self.mended)
        await self.system.until(lambda: self.system.healthy, 120)
        for name in self.system.processes:
            await self.system.wait_ready(name, 120)

    async def one(self, name: str) -> None:
        """Kill one, also while it is starting again after the last time; a part is first let come up."""
        while name in self._down and not self._alive(name):
            await asyncio.sleep(0.05)
        if name in PARTS:
            while name in self._down:
                await asyncio.sleep(0.05)
        await self.system.until(lambda: self._alive(name), 120)
        self.kills[name] += 1
        if name in self.others:
            self.others[name].kill()
        else:
            self.system.kill(name)
        if name in self._down:
            self.while_starting += 1  # whoever mends it notices
        elif name in self.others or self.kills[name] > LEFT_TO_THE_SUPERVISOR:
            self._down.add(name)
            task = asyncio.create_task(self._mend(name, self.rng.uniform(0, 1.5)))
            self.mended.add(task)
            task.add_done_callback(self.mended.discard)

    def _alive(self, name: str) -> bool:
        if name in self.others:
            return self.others[name].alive()
        return (self.system.parts[name] if name in PARTS else self.system.processes[name]).alive()

    async def _mend(self, name: str, pause_s: float) -> None:
        try:
            if name not in self.others:
                await self.system.hold(name)
            await asyncio.sleep(pause_s)
            while True:
                try:
                    if name in self.others:
                        self.others[name].start()
                    else:
                        await self.system.release(name)
                except (PartFailed, PartMissing):
                    await asyncio.sleep(0.3)
                    continue
                return
        finally:
            self._down.discard(name)


async def away(system: System, name: str, seconds: float) -> None:
    """Keep something down for a while."""
    await system.hold(name)
    await asyncio.sleep(seconds)
    while True:
        try:
            await system.release(name)
        except (PartFailed, PartMissing):
            await asyncio.sleep(0.5)
            continue
        return
