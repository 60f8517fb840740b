"""One seed, one schedule: who asks, what breaks when, and whether every promise held at the end."""

import asyncio
import gc
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from libs.events.envelope import GENESIS, parse, wire_bytes
from libs.events.writer import Writer
from tests.simulation.city import City, Wish
from tests.simulation.loop import VirtualLoop
from tests.simulation.model import POISON, STREAMS
from tests.simulation.mutants import MUTANTS
from tests.simulation.shelf import MemoryShelf
from tests.simulation.world import Process, Session, World

CALM_S_MAX = 20.0
"""Virtual seconds after the last fault within which everything must be everywhere."""
HURT_S_MAX = 0.25


@dataclass
class Result:
    """What a schedule did, and what was found to be wrong."""

    seed: int
    found: list[str]
    faults: Counter[str]
    steps: int
    events: int
    trace: list[str] = field(default_factory=list)


def run(seed: int, mutant: str = "", *, traced: bool = False) -> Result:
    """Play one schedule to its end."""
    world = World(seed, mutant, trace=[] if traced else None)
    loop = VirtualLoop()
    gc.disable()
    try:
        return loop.run_until_complete(_Schedule(world).play())
    finally:
        loop.close()
        gc.enable()


class _Schedule:
    def __init__(self, world: World) -> None:
        self.world, self.rng = world, world.rng
        self.city = City(world)
        if world.mutant:
            MUTANTS[world.mutant](self.city)
        self.faults: Counter[str] = Counter()
        self.poisoned = self.rng.random() < 0.1
        self.wishes = [self._wish(number) for number in range(self.rng.randint(2, 6))]

    def _wish(self, number: int) -> Wish:
        streams = self.rng.sample(STREAMS, self.rng.choice([1, 1, 1, 2]))
        poison = f" {POISON}" if self.poisoned and number == 1 else ""
        return Wish(f"key-{number}", streams, f"wish {number}{poison}")

    async def play(self) -> Result:
        self.city.start()
        clients = [self.city.spawn(self._client(wish)) for wish in self.wishes]
        hurting = [self.city.spawn(self._hurt()) for _ in range(self.rng.randint(0, 5))]
        found: list[str] = []
        try:
            async with asyncio.timeout(CALM_S_MAX):
                await asyncio.gather(*hurting)
                self.city.up.set()
                await asyncio.gather(*clients)
                await self._calm()
        except TimeoutError:
            found.append(f"not everything arrived in {CALM_S_MAX:g} s of calm: {self._standing()}")
        self.city.over = True
        for process in self.city.processes.values():
            process.dead = True
        for task in list(self.city.tasks):
            task.cancel()
        await asyncio.gather(*self.city.tasks, return_exceptions=True)
        found += self._wrong()
        events = len(self.city.store.log)
        return Result(self.world.seed, found, self.faults, self.world.steps, events, self.world.trace or [])

    async def _client(self, wish: Wish) -> None:
        await asyncio.sleep(self.rng.random() * 0.1)
        await self.city.ask(wish)

    async def _hurt(self) -> None:
        """One fault at one moment."""
        await asyncio.sleep(self.rng.random() * HURT_S_MAX)
        fault = self.rng.choice(["kill", "kill", "kill", "cut", "cut", "away", "clock", "copy", "early", "forged"])
        self.faults[fault] += 1
        await getattr(self, f"_{fault}")()

    async def _kill(self) -> None:
        self.city.kill(self.rng.choice(sorted(self.city.processes)))

    async def _cut(self) -> None:
        """A leader loses its session and does not know: another may lead at once."""
        living = [session for session in self.world.sessions if session.lives]
        if living:
            self.rng.choice(living).cut = True
            self.world.say("network", "a session is CUT")

    async def _away(self) -> None:
        self.city.up.clear()
        self.world.say("broker", "AWAY")
        await asyncio.sleep(self.rng.random() * 0.2)
        self.city.up.set()

    async def _clock(self) -> None:
        self.world.clock_offset += timedelta(hours=self.rng.choice([-48, -1, 1, 48]))

    async def _copy(self) -> None:
        """Somebody delivers a record again, much later."""
        if records := self.city.log.all():
            record = self.rng.choice(records)
            self.city.log.append(record.key or b"", record.value or b"")

    async def _early(self) -> None:
        """An event reaches the topic before those that stand before it."""
        store = self.city.store
        if store.log:
            number = self.rng.randrange(len(store.log))
            entry = store.log[number]
            raw = wire_bytes(entry.body, bytes.fromhex(entry.envelope.hash), number + 1)
            self.city.log.append(entry.envelope.subject.encode(), raw)

    async def _forged(self) -> None:
        """Somebody changes what an event says, and sends it on."""
        if self.city.store.log:
            entry = self.rng.choice(self.city.store.log)
            body = entry.body.replace(b"wish", b"lie!")
            raw = wire_bytes(body, bytes.fromhex(entry.envelope.hash), 1)
            self.city.log.append(entry.envelope.subject.encode(), raw)

    async def _calm(self) -> None:
        """Wait until everything is everywhere; poison is mended and replayed as `nrm dead-letters --replay` does."""
        while not self._everywhere():
            if self.poisoned and not self.city.view.mended and self._waits_for_poison():
                self.city.view.mended = True
                operator = Process("operator", 0)
                shelf = MemoryShelf(self.city.ground, Session(operator), self.world)
                await self._replay(shelf)
            elif self.city.view.mended and self.city.ground.rows.dead:
                await self._replay(MemoryShelf(self.city.ground, Session(Process("operator", 0)), self.world))
            await asyncio.sleep(0.02)

    async def _replay(self, shelf: MemoryShelf) -> None:
        from libs.events.consume import Projection  # noqa: PLC0415 - beside its only use

        await Writer(Projection("view", self.city.view.apply, ""), shelf).replay_dead_letters()

    def _waits_for_poison(self) -> bool:
        rows = self.city.ground.rows
        applied = sum(rows.consumed.values()) + len(rows.dead) + len(rows.parked)
        return bool(rows.dead) and self._all_published() and applied >= len(self.city.store.log)

    def _all_published(self) -> bool:
        store = self.city.store
        return not store.outbox and store._published.get(self.city.log.topic, 0) == len(store.log)  # noqa: SLF001

    def _everywhere(self) -> bool:
        consumed = sum(self.city.ground.rows.consumed.values())
        read = sum(self.city.ground.rows.resume.values())
        sent = sum(len(records) for records in self.city.log.records)
        return self._all_published() and consumed >= len(self.city.store.log) and read == sent

    def _standing(self) -> str:
        store, rows = self.city.store, self.city.ground.rows
        return (
            f"{len(store.outbox)} not sequenced, {len(store.log)} in the log, "
            f"{store._published} published, {rows.consumed} consumed, {len(rows.parked)} parked"  # noqa: SLF001
        )

    def _wrong(self) -> list[str]:
        return [*self.city.unexpected, *self._of_store(), *self._of_topic(), *self._of_view()]

    def _of_store(self) -> list[str]:
        store, found = self.city.store, []
        for stream, entries in store.streams.items():
            version, digest = 0, GENESIS
            time = ""
            for entry in entries:
                envelope = entry.envelope
                if (envelope.streamversion, envelope.prevhash) != (version + 1, digest) or envelope.time <= time:
                    found.append(f"{stream} is broken after {version}")
                if sha256(entry.body).hexdigest() != envelope.hash:
                    found.append(f"{stream} {version + 1} has not its hash")
                version, digest, time = envelope.streamversion, envelope.hash, envelope.time
        stored = Counter(entry.envelope.id for entries in store.streams.values() for entry in entries)
        logged = Counter(entry.envelope.id for entry in store.log)
        if stored != logged or set(stored.values()) - {1}:
            found.append("the log is not what is stored, once each")
        answered: Counter[str] = Counter()
        for wish in self.wishes:
            if len(set(wish.answers)) > 1:
                found.append(f"{wish.key} was answered in two ways")
            if wish.answers:
                answered.update(wish.answers[0].decode().split())
        if any(stored[one] != 1 for one in answered):
            found.append("an event of an answered request is not stored once")
        if stored != answered and all(wish.answers for wish in self.wishes):
            found.append("something is stored that nobody was answered")
        return found

    def _of_topic(self) -> list[str]:
        found, heads, seen = [], Counter[str](), set()
        for record in self.city.log.all():
            try:
                envelope = parse(record.value or b"")
            except ValueError:
                continue
            seen.add(envelope.id)
            in_turn = envelope.streamversion <= heads[envelope.stream] + 1
            heads[envelope.stream] = max(heads[envelope.stream], envelope.streamversion)
            if not in_turn and not self.faults["early"]:
                found.append(f"{envelope.stream} {envelope.streamversion} reached the topic before what precedes it")
        if seen != {entry.envelope.id for entry in self.city.store.log}:
            found.append("the topic does not hold what the log holds")
        return found

    def _of_view(self) -> list[str]:
        rows, store = self.city.ground.rows, self.city.store
        expected = {
            (("stream", stream),): {
                "stream": stream,
                "grounds": entries[-1].envelope.data["grounds"],
                "version": len(entries),
                "seen": len(entries),
            }
            for stream, entries in store.streams.items()
        }
        found = []
        if rows.tables["last"] != expected:
            found.append(f"the view is {rows.tables['last']}, and not {expected}")
        tally = sum(row["n"] for row in rows.tables["tally"].values())
        if tally != len(store.log) or rows.consumed != ({"referral": len(store.log)} if store.log else {}):
            found.append(f"{tally} applied and {rows.consumed} counted of {len(store.log)}")
        lies = sum(b"lie!" in (record.value or b"") for record in self.city.log.all())
        if rows.parked or rows.dead or len(rows.refused) != lies:
            found.append(f"{len(rows.parked)} parked, {len(rows.dead)} dead, refused: {list(rows.refused.items())}")
        return found
