"""One suite for both journals and both brokers: what the simulation runs on keeps what the relay asks of the real."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from libs.events.envelope import parse
from libs.events.relay import Journal, publish
from libs.events.relay_kafka import PostgresJournal
from libs.events.store import Conflict, Entry, EventStore
from libs.events.store_memory import MemoryStore
from libs.events.store_postgres import PostgresStore
from tests.contracts.conftest import Connect
from tests.contracts.kafka import new_topic, records
from tests.contracts.kit import append, chain, new_stream
from tests.simulation.broker import Log


@dataclass
class Pair:
    """A store and the relay's view of it."""

    store: EventStore
    journal: Journal
    before: int = 0


@pytest.fixture
def memory_pair() -> Pair:
    memory = MemoryStore()
    return Pair(memory, memory)


@pytest.fixture
async def postgres_pair(connect: Connect, postgres_store: PostgresStore) -> Pair:
    journal = PostgresJournal(await connect("nrm_relay"), "referral")
    while await journal.sequence(1000):
        pass
    before = 0
    while rest := await journal.after(before, 1000):
        before = rest[-1].position
    return Pair(postgres_store, journal, before)


@pytest.fixture(params=["memory", "postgres"])
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.getfixturevalue(f"{request.param}_pair")
    return found


async def _write(store: EventStore, *streams: list[Entry]) -> None:
    for stream in streams:
        for one in stream:
            await store.append(append(one))


async def test_positions_are_dense_and_streams_in_order(pair: Pair) -> None:
    streams = [chain(new_stream(), 3) for _ in range(3)]
    await _write(pair.store, *streams)
    assert [await pair.journal.sequence(4) for _ in range(4)] == [4, 4, 1, 0]
    placed = await pair.journal.after(pair.before, 100)
    assert [one.position for one in placed] == list(range(pair.before + 1, pair.before + 10))
    found = [parse(one.body or b"", digest=(one.hash or b"").hex()) for one in placed]
    for stream in streams:
        name = stream[0].envelope.stream
        assert [one.streamversion for one in found if one.stream == name] == [1, 2, 3]
    assert await pair.journal.after(pair.before + 9, 100) == []
    assert [one.position for one in await pair.journal.after(pair.before + 2, 2)] == [pair.before + 3, pair.before + 4]


async def test_what_is_refused_is_not_in_the_log(pair: Pair) -> None:
    first, second = chain(new_stream(), 2)
    with pytest.raises(Conflict):
        await pair.store.append(append(second))
    await pair.store.append(append(first))
    assert await pair.journal.sequence(100) == 1
    assert [one.body for one in await pair.journal.after(pair.before, 100)] == [first.body]


async def test_what_is_published_is_remembered_by_topic(pair: Pair) -> None:
    topic, other = f"t{uuid4().hex}", f"t{uuid4().hex}"
    assert await pair.journal.published(topic) == 0
    await pair.journal.mark(topic, 5)
    await pair.journal.mark(topic, 7)
    assert [await pair.journal.published(one) for one in (topic, other)] == [7, 0]


Broker = tuple[str, Any, Any]
"""A topic, a producer, and how to read everything of it."""


class LogProducer:
    """The memory broker's log, acknowledged at once."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> Awaitable[object]:
        assert (topic, bool(headers)) == (self.log.topic, True)
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.set_result(self.log.append(key, value))
        return done


@pytest.fixture
def memory_broker() -> Broker:
    log = Log("t.referral.events.v1", partitions=3)

    async def remembered() -> Any:
        return log.all()

    return log.topic, LogProducer(log), remembered


@pytest.fixture
async def kafka_broker(kafka_bootstrap: str) -> AsyncIterator[Broker]:
    topic = await new_topic(kafka_bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, enable_idempotence=True, acks="all", linger_ms=0)
    await producer.start()
    try:
        yield topic, producer, lambda: records(kafka_bootstrap, topic)
    finally:
        await producer.stop()


@pytest.fixture(params=["memory", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found


async def test_a_round_reaches_the_broker_in_order_and_a_repeated_one_doubles_it(broker: Broker) -> None:
    topic, producer, read = broker
    store = MemoryStore()
    streams = [chain(new_stream(), 4) for _ in range(4)]
    await _write(store, *streams)
    assert await store.sequence(100) == 16
    assert await publish("referral", store, producer, topic, 0) == 16
    assert await publish("referral", store, producer, topic, 16) == 16
    await publish("referral", store, producer, topic, 10)  # a new leader that does not know the last mark
    found = await read()
    assert len(found) == 22
    partitions: dict[bytes, set[int]] = {}
    first: dict[str, list[int]] = {}
    for record in found:
        envelope = parse(record.value)
        partitions.setdefault(record.key, set()).add(record.partition)
        versions = first.setdefault(envelope.stream, [])
        if envelope.streamversion not in versions:
            versions.append(envelope.streamversion)
    assert all(len(numbers) == 1 for numbers in partitions.values())
    assert all(versions == [1, 2, 3, 4] for versions in first.values())
    for number in {record.partition for record in found}:
        offsets = [record.offset for record in found if record.partition == number]
        assert offsets == list(range(len(offsets)))
