"""A broker in memory with the two clients that our code uses, and their slow, lossy, late wires for the simulation.

`Log` obeys what the code asks of Kafka and passes the same contract tests (tests/contracts/test_broker.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from aiokafka import ConsumerRecord, TopicPartition

from tests.simulation.world import Process, World

PARTITIONS = 2
Spawn = Callable[[Awaitable[None]], "asyncio.Task[None]"]


@dataclass
class Log:
    """One topic: partitions of records. A key's records share a partition."""

    topic: str
    partitions: int = PARTITIONS
    records: list[list[tuple[bytes, bytes]]] = field(init=False)

    def __post_init__(self) -> None:
        self.records = [[] for _ in range(self.partitions)]

    def partition_of(self, key: bytes) -> int:
        return crc32(key) % self.partitions

    def append(self, key: bytes, value: bytes) -> int:
        """The offset that the record got in its key's partition."""
        records = self.records[self.partition_of(key)]
        records.append((key, value))
        return len(records) - 1

    def read(self, partition: int, offset: int, most: int) -> list["ConsumerRecord[bytes, bytes]"]:
        found = self.records[partition][offset : offset + most]
        return [
            ConsumerRecord(self.topic, partition, number, 0, 0, key, value, None, len(key), len(value), ())
            for number, (key, value) in enumerate(found, offset)
        ]

    def all(self) -> list["ConsumerRecord[bytes, bytes]"]:
        return [one for number in range(self.partitions) for one in self.read(number, 0, len(self.records[number]))]


class Producer:
    """An idempotent producer: each partition's records arrive in order and once, late, or cut off with all after."""

    def __init__(self, world: World, process: Process, log: Log, up: asyncio.Event, spawn: Spawn) -> None:
        self._world, self._process, self._log, self._up, self._spawn = world, process, log, up, spawn
        self._waiting: list[list[tuple[bytes, bytes, asyncio.Future[object]]]] = [[] for _ in range(log.partitions)]
        self._pumps: dict[int, asyncio.Task[None]] = {}
        self._abandoned = False
        self._broken: set[int] = set()

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: list[tuple[str, bytes]]
    ) -> "asyncio.Future[object]":
        assert topic == self._log.topic
        assert headers
        await self._world.hop(self._process)
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        number = self._log.partition_of(key)
        self._waiting[number].append((key, value, done))
        if number not in self._pumps or self._pumps[number].done():
            self._pumps[number] = self._spawn(self._pump(number))
        return done

    def abandon(self) -> None:
        """Sends no more; what is already on the wire may still arrive, up to some record of each partition."""
        self._abandoned = True
        for waiting in self._waiting:
            del waiting[self._world.rng.randint(0, len(waiting)) :]

    async def _pump(self, number: int) -> None:
        """The network and the broker: they go on when the process is dead."""
        world, waiting = self._world, self._waiting[number]
        while waiting:
            await world.hop(None)
            if number in self._broken or (not self._up.is_set() and world.rng.random() < 0.3):
                self._lose(number)
                return
            await self._up.wait()
            if not waiting:
                return
            key, value, done = waiting.pop(0)
            offset = self._log.append(key, value)
            world.say("broker", f"{number}@{offset} from {self._process.name}")
            await world.hop(None)
            if not done.done() and not self._process.dead:
                done.set_result(offset)

    def _lose(self, number: int) -> None:
        """A record is given up; its sequence number is missing, so the broker takes no later one either."""
        self._broken.add(number)
        lost, self._waiting[number][:] = list(self._waiting[number]), []
        for _, _, done in lost:
            if not (done.done() or self._process.dead or self._abandoned):
                done.set_exception(ConnectionError("the broker is away"))
                done.exception()  # whoever gathers may have gone: it is no unseen fault


class Consumer:
    """Reads every partition of a log from given offsets."""

    def __init__(
        self, world: World, process: Process, log: Log, up: asyncio.Event, offsets: Mapping[TopicPartition, int]
    ) -> None:
        self._world, self._process, self._log, self._up = world, process, log, up
        self._next = {
            TopicPartition(log.topic, number): offsets.get(TopicPartition(log.topic, number), 0)
            for number in range(log.partitions)
        }

    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence["ConsumerRecord[bytes, bytes]"]]:
        """Some of what is there, of some partitions, each in its order."""
        await self._world.hop(self._process)
        fetched = {}
        places = list(self._next)
        self._world.rng.shuffle(places)
        for place in places if self._up.is_set() else []:
            most = self._world.rng.choice([0, 1, 2, max_records])
            if records := self._log.read(place.partition, self._next[place], most):
                fetched[place] = records
                self._next[place] = records[-1].offset + 1
        await self._world.hop(self._process)
        if not fetched:
            await asyncio.sleep(timeout_ms / 10_000)
        return fetched
