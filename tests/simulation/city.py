"""The processes of one schedule: clients, service replicas, relays, projectors, and what keeps starting them again.

What they run is the real code: `Recorder`, `relay` and `publish`, `feed`, `Writer` and `Batch`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from libs.events.consume import Projection
from libs.events.envelope import Envelope
from libs.events.handle import Origin, Outcome, Recorder, Step
from libs.events.projector import feed
from libs.events.relay import SEQUENCE_EVENTS_MAX, Placed, relay
from libs.events.store import Answer, Append, Conflict, KeyReused, Unavailable
from libs.events.store_memory import MemoryStore
from libs.events.writer import Writer
from tests.simulation.broker import Consumer, Log, Producer
from tests.simulation.model import DECIDER, NoSealer, Say, View
from tests.simulation.shelf import Ground, MemoryShelf, Rows
from tests.simulation.world import Killed, Process, Session, T, World

SERVICE, TOPIC = "referral", "nrm.referral.events.v1"
REPLICAS = 2
Loop = Callable[["City", Process], Awaitable[None]]


@dataclass
class Wish:
    """One request of a client, and how it ended: an answer under its key, once."""

    key: str
    streams: Sequence[str]
    words: str
    answers: list[bytes] = field(default_factory=list)


class Store:
    """The memory store over a connection that may break at any step, also between commit and answer."""

    def __init__(self, city: "City", process: Process) -> None:
        self._city, self._process = city, process

    async def read(self, stream: str) -> list[Envelope]:
        await self._city.world.hop(self._process)
        return await self._city.store.read(stream)

    async def answer(self, organisation: str, key: str) -> Answer | None:
        await self._city.world.hop(self._process)
        return await self._city.store.answer(organisation, key)

    async def append(self, append: Append) -> None:
        world, store = self._city.world, self._city.store
        await world.hop(self._process)
        numbers = store.begin(append)
        await world.hop(self._process, "insert")
        if world.rng.random() < 0.05:
            raise Unavailable("rolled back: the connection broke")
        store.commit(append, numbers)
        await world.hop(self._process, "commit")
        if world.rng.random() < 0.05:
            raise Unavailable("committed: the connection broke")


class Journal:
    """The memory store as a relay's journal, over the session that leads."""

    def __init__(self, city: "City", session: Session) -> None:
        self._city, self._session = city, session

    async def sequence(self, most: int) -> int:
        await self._arrive()
        return await self._back(await self._city.store.sequence(most), "sequence")

    async def published(self, topic: str) -> int:
        await self._arrive()
        return await self._back(await self._city.store.published(topic))

    async def after(self, position: int, most: int) -> Sequence[Placed]:
        await self._arrive()
        return await self._back(await self._city.store.after(position, most))

    async def mark(self, topic: str, position: int) -> None:
        await self._arrive()
        await self._city.store.mark(topic, position)
        await self._back(None, f"published {position}")

    async def _arrive(self) -> None:
        await self._city.world.hop(self._session.owner)
        if not self._session.lives:
            raise ConnectionError("the session has ended")

    async def _back(self, found: T, what: str = "") -> T:
        await self._city.world.hop(self._session.owner, what)
        if not self._session.lives:
            raise ConnectionError("the session has ended")
        return found


@dataclass
class City:
    """Everything that runs in one schedule."""

    world: World
    store: MemoryStore = field(default_factory=MemoryStore)
    log: Log = field(default_factory=lambda: Log(TOPIC))
    ground: Ground = field(default_factory=lambda: Ground(Rows({"last": {}, "tally": {}})))
    view: View = field(default_factory=View)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    processes: dict[str, Process] = field(default_factory=dict)
    recorders: dict[Process, Recorder] = field(default_factory=dict)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    over: bool = False
    relay: Callable[..., Awaitable[None]] = relay
    writer: type[Writer] = Writer

    def start(self) -> None:
        """Start every process; each is started again when it dies."""
        self.up.set()
        for kind, loop in (("service", serve), ("relay", publish_on), ("projector", project)):
            for number in range(REPLICAS):
                self.spawn(self._keep(kind, number, loop))

    def spawn(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        async def run() -> None:
            try:
                await work
            except Killed:  # a task that raised it would end the loop
                return
            except Exception as fault:  # noqa: BLE001 - whatever our code did not expect is a finding
                self.unexpected.append(f"{type(fault).__name__}: {fault}")

        task = asyncio.ensure_future(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def kill(self, name: str) -> None:
        process = self.processes[name]
        process.dead = True
        self.world.say(name, "KILLED")
        for end in list(process.killed):
            end()

    async def _keep(self, kind: str, number: int, loop: Loop) -> None:
        """A supervisor: starts a process, and again after each death."""
        while True:
            process = self.processes[f"{kind}-{number}"] = Process(kind, number)
            while not process.dead:
                try:
                    await self._until_dead(process, loop)
                except Killed:
                    break
                except ConnectionError as fault:
                    self.world.say(process.name, f"waits: {fault}")
                    await asyncio.sleep(0.02)
            await asyncio.sleep(self.world.rng.random() * 0.05)

    async def _until_dead(self, process: Process, loop: Loop) -> None:
        """Run it; one that dies while it waits for an answer is noticed too."""
        working = asyncio.ensure_future(loop(self, process))
        process.killed.append(working.cancel)
        try:
            await working
        except asyncio.CancelledError:
            if process.dead and not self.over:
                raise Killed from None
            raise
        finally:
            working.cancel()
            process.killed.clear()

    async def ask(self, wish: Wish) -> None:
        """A client: repeats its request with its key, sometimes before the first try has ended."""
        while not wish.answers:
            process = self.processes.get(f"service-{self.world.rng.randrange(REPLICAS)}")
            attempt = self.spawn(self._attempt(wish, process)) if process in self.recorders else None
            patience = self.world.rng.choice([0.005, 0.05, 0.5])
            if attempt:
                await asyncio.wait({attempt}, timeout=patience)
            await asyncio.sleep(self.world.rng.random() * 0.01)

    async def _attempt(self, wish: Wish, process: Process) -> None:
        recorder, origin = self.recorders[process], Origin("org", "client", "role", "c", self.world.now())
        steps = [Step(DECIDER, stream, Say(wish.words)) for stream in wish.streams]

        given: list[Answer] = []

        def answer(outcome: Outcome) -> Answer:
            body = " ".join(entry.envelope.id for entry in outcome.entries).encode()
            given.append(Answer("org", wish.key, b"r" * 32, 201, body, "/", outcome.version))
            return given[-1]

        try:
            await recorder.record(steps, origin, answer)
        except (Conflict, Unavailable, ConnectionError):
            return
        except KeyReused as reused:
            given.append(reused.answer)
        await self.world.hop(process)  # the answer is on its way
        wish.answers.append(given[-1].body)
        self.world.say("client", f"{wish.words}: answered")


async def serve(city: City, process: Process) -> None:
    """A service replica: it has a recorder with a cache of its own, until it dies."""
    recorder = Recorder(Store(city, process), SERVICE, NoSealer(), city.world.now, city.world.new_id)
    city.recorders[process] = recorder
    while not process.dead:
        await asyncio.sleep(0.01)
    del city.recorders[process]
    raise Killed


async def publish_on(city: City, process: Process) -> None:
    """A relay: leads when nobody else does."""
    session = await city.world.lead(process, "relay")
    journal, producer = Journal(city, session), Producer(city.world, process, city.log, city.up, city.spawn)
    try:
        await journal.sequence(SEQUENCE_EVENTS_MAX)
        await city.relay(SERVICE, journal, producer, TOPIC, await journal.published(TOPIC))
    finally:
        producer.abandon()
        session.cut = True


async def project(city: City, process: Process) -> None:
    """A projector: leads when nobody else does."""
    session = await city.world.lead(process, "projection")
    shelf = MemoryShelf(city.ground, session, city.world)
    writer = city.writer(Projection("view", city.view.apply, ""), shelf)

    async def moved() -> None:
        return None

    async def told() -> None:
        return None

    try:
        consumer = Consumer(city.world, process, city.log, city.up, await writer.offsets())
        await feed(writer, consumer, moved, told)
    finally:
        session.cut = True
