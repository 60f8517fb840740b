"""Is everything everywhere? Compares, per service, store, log, Kafka and views. Names what is not.

It reads all of Kafka: work for a quiet hour, not for a request. Memory is one bit of bookkeeping per event.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.events.subscription import Source, subscribe

BATCH_EVENTS_MAX = 5_000
NAMED_MAX = 100
"""Differences named in full; beyond them only their number is given."""

KAFKA_IDLE_S_MAX = 30


@dataclass(frozen=True, slots=True)
class Difference:
    """One event that is not where it should be."""

    service: str
    where: str
    stream: str
    version: int
    what: str


@dataclass(slots=True)
class Count:
    """What was counted for a service."""

    service: str
    stored: int = 0
    waiting: int = 0
    logged: int = 0
    on_kafka: int = 0
    differences: list[Difference] = field(default_factory=list)
    more: int = 0

    def differs(self, where: str, stream: str, version: int, what: str) -> None:
        """Note a difference; the first ones by name."""
        if len(self.differences) < NAMED_MAX:
            self.differences.append(Difference(self.service, where, stream, version, what))
        else:
            self.more += 1

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, doubled or changed."""
        return not self.differences


async def reconcile(connection: asyncpg.Connection, service: str, bootstrap: str, topic: str) -> Count:
    """Compare the store of a service with its log and its topic, as both are now."""
    count = Count(service)
    count.stored = await connection.fetchval(f"SELECT count(*) FROM {service}.event")
    count.waiting = await connection.fetchval(f"SELECT count(*) FROM {service}.outbox")
    count.logged = await connection.fetchval(f"SELECT count(*) FROM {service}.log")
    published = await connection.fetchval(f"SELECT max(position) FROM {service}.published WHERE topic = $1", topic) or 0
    await _compare_log(connection, count)
    await _compare_kafka(connection, count, Source(bootstrap, [topic]), published)
    return count


async def _compare_log(connection: asyncpg.Connection, count: Count) -> None:
    """Every event has one position or waits for one; positions are dense."""
    service = count.service
    neither = f"""
        SELECT e.stream, e.version FROM {service}.event e
        WHERE NOT EXISTS (SELECT 1 FROM {service}.log l WHERE l.stream = e.stream AND l.version = e.version)
        AND NOT EXISTS (SELECT 1 FROM {service}.outbox o WHERE o.stream = e.stream AND o.version = e.version)
        ORDER BY 1, 2
    """
    doubled = f"SELECT stream, version FROM {service}.log GROUP BY 1, 2 HAVING count(*) > 1"
    orphans = f"""
        SELECT l.stream, l.version FROM {service}.log l
        WHERE NOT EXISTS (SELECT 1 FROM {service}.event e WHERE e.stream = l.stream AND e.version = l.version)
    """
    for sql, what in ((neither, "has no position"), (doubled, "has two positions"), (orphans, "is not in the store")):
        for row in await connection.fetch(sql):
            count.differs("log", row["stream"], row["version"], what)
    top = await connection.fetchval(f"SELECT coalesce(max(position), 0) FROM {service}.log")
    if top != count.logged:
        count.differs("log", "", 0, f"{count.logged} events have positions up to {top}: there are gaps")


async def _compare_kafka(connection: asyncpg.Connection, count: Count, source: Source, published: int) -> None:
    """Every published position is on Kafka at least once with the store's hash, and nothing else is."""
    seen = bytearray(published + 1)
    consumer = await subscribe(source, {})
    try:
        async for records in all_records(consumer):
            await _compare_records(connection, count, records, seen)
    finally:
        await consumer.stop()
    count.on_kafka = sum(seen)
    missing = [position for position in range(1, published + 1) if not seen[position]]
    rows = await connection.fetch(
        f"SELECT stream, version FROM {count.service}.log WHERE position = ANY($1::bigint[]) ORDER BY position", missing
    )
    for row in rows:
        count.differs("kafka", row["stream"], row["version"], "was published and is not there")


async def all_records(consumer: AIOKafkaConsumer) -> AsyncIterator[list[ConsumerRecord[bytes, bytes]]]:
    """Everything that stands on the consumer's partitions now. Raises TimeoutError where Kafka gives no more."""
    partitions = list(consumer.assignment())
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    last = time.monotonic()
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        fetched = await consumer.getmany(timeout_ms=500, max_records=BATCH_EVENTS_MAX)
        if fetched:
            last = time.monotonic()
            yield [record for records in fetched.values() for record in records]
        elif time.monotonic() - last > KAFKA_IDLE_S_MAX:
            raise TimeoutError("Kafka gives nothing although there is more")


async def _compare_records(
    connection: asyncpg.Connection, count: Count, records: Sequence[ConsumerRecord[bytes, bytes]], seen: bytearray
) -> None:
    claims = [_claim(record) for record in records]
    rows = await connection.fetch(
        f"SELECT l.position, e.hash FROM {count.service}.log l JOIN {count.service}.event e USING (stream, version) "
        "WHERE l.position = ANY($1::bigint[])",
        [position for position, _, _, _ in claims],
    )
    stored = {row["position"]: row["hash"].hex() for row in rows}
    for position, digest, stream, version in claims:
        if stored.get(position) != digest:
            count.differs("kafka", stream, version, "is not the event that the store has at this position")
        elif position < len(seen):
            seen[position] = 1


def _claim(record: ConsumerRecord[bytes, bytes]) -> tuple[int, str, str, int]:
    """What a record says it is; a position of −1 where it says nothing usable."""
    try:
        event = orjson.loads(record.value or b"")
        return int(event["position"]), str(event["hash"]), str(event["stream"]), int(event["streamversion"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return -1, "", f"{record.topic}/{record.partition}", record.offset
