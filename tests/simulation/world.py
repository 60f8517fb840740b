"""What every simulated process stands on: latency at each round trip, processes that die at any of them, sessions.

A process dies as by SIGKILL: from that moment each of its round trips raises `Killed`, so that nothing it does later
reaches anybody. What it sent before may still arrive.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")
ROUND_TRIP_S = 0.002
SLOW_CHANCE, SLOW_TIMES = 0.03, 30
START = datetime(2026, 11, 1, 8, tzinfo=UTC)


class Killed(BaseException):
    """This process is dead; no code of it may go on."""


@dataclass(eq=False)
class Process:
    """One process from its start to its death."""

    kind: str
    number: int
    dead: bool = False
    killed: list[Callable[[], object]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"


@dataclass(eq=False)
class Session:
    """A process's session at the database. When it ends, its locks are free and its transaction is undone."""

    owner: Process
    cut: bool = False

    @property
    def lives(self) -> bool:
        return not (self.cut or self.owner.dead)


@dataclass
class World:
    """The seed, the clock, and what happened so far."""

    seed: int
    mutant: str = ""
    rng: random.Random = field(init=False)
    clock_offset: timedelta = timedelta()
    steps: int = 0
    trace: list[str] | None = None
    locks: dict[str, Session] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - to be repeated, not to be secret

    def say(self, who: str, what: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{asyncio.get_running_loop().time() * 1000:10.3f} ms  {who:<14} {what}")

    def now(self) -> datetime:
        """The wall clock of the processes: it may jump, forwards and back."""
        return START + timedelta(seconds=asyncio.get_running_loop().time()) + self.clock_offset

    def new_id(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    async def hop(self, who: Process | None, what: str = "") -> None:
        """Half a round trip: others run meanwhile, and the process may be dead at its end."""
        if who and who.dead:
            raise Killed
        slow = SLOW_TIMES if self.rng.random() < SLOW_CHANCE else 1
        await asyncio.sleep(self.rng.random() * ROUND_TRIP_S * slow)
        if who and who.dead:
            raise Killed
        self.steps += 1
        if what:
            self.say(who.name if who else "network", what)

    async def call(self, session: Session, what: str, work: Callable[[], T]) -> T:
        """One statement over a session: it reaches the server and is done, or the session is gone."""
        await self.hop(session.owner)
        if not session.lives:
            raise ConnectionError("the session has ended")
        done = work()
        await self.hop(session.owner, what)
        if not session.lives:
            raise ConnectionError("the session has ended")
        return done

    async def lead(self, process: Process, name: str) -> Session:
        """A session that holds the advisory lock of this name, once whoever had it is gone."""
        session = Session(process)
        self.sessions.append(session)
        while not await self.call(session, "", lambda: self._take(session, name)):
            await asyncio.sleep(0.05)
        self.say(process.name, f"leads {name}")
        return session

    def _take(self, session: Session, name: str) -> bool:
        holder = self.locks.get(name)
        if holder and holder.lives:
            return False
        self.locks[name] = session
        return True
