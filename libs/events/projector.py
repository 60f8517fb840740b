"""Consume, apply, and record the progress in one transaction. Progress lives with the rows, never only in Kafka.

The advisory lock that makes a replica the leader is held by the session that writes: a replica that loses its
session loses both, so two never write.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pydantic import ValidationError

from libs.events import generations, telemetry
from libs.events.catalogue import UnknownEvent, decode
from libs.events.consume import Change, Fact, Projection
from libs.events.envelope import Envelope, Tampered, parse
from libs.events.event import service_of
from libs.events.rows import Columns, columns_of, write

BATCH_EVENTS_MAX = 2_000
"""Events that share one transaction: enough to amortise a commit, few enough to keep memory flat."""

PAUSE_S_MAX = 5.0
"""Longest wait between attempts while PostgreSQL or Kafka is away."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from: the brokers and the topics of the services."""

    bootstrap: str
    topics: Sequence[str]


@dataclass(slots=True)
class Batch:
    """What one transaction is about to record."""

    versions: dict[str, int]
    blocked: dict[str, int]
    """Streams with a dead letter, and its version: what follows it waits."""
    parked: dict[tuple[str, int], bytes]
    changes: list[Change] = field(default_factory=list)
    advanced: dict[str, int] = field(default_factory=dict)
    consumed: dict[str, int] = field(default_factory=dict)
    newly_parked: dict[tuple[str, int], bytes] = field(default_factory=dict)
    unparked: list[tuple[str, int]] = field(default_factory=list)
    dead: list[tuple[Envelope, str, bytes]] = field(default_factory=list)


class Projector:
    """Keeps one projection's current generation up to date."""

    def __init__(self, projection: Projection, dsn: str, source: Source) -> None:
        self.projection = projection
        self._dsn = dsn
        self._source = source
        self.leading = self.standby = False
        self.advanced = asyncio.Condition()

    async def run(self) -> None:
        """Project until cancelled; wait out whatever is away."""
        pause = 0.1
        while True:
            try:
                await self._lead()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ConnectionError) as fault:
                log.warning("projection.waiting", projection=self.projection.name, fault=type(fault).__name__)
            except Exception as fault:  # noqa: BLE001 - the consume loop: say it, wait, and try again; never skip
                log.error("projection.failed", projection=self.projection.name, fault=type(fault).__name__)
            self.leading = self.standby = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_S_MAX)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", self.projection.name):
                self.standby = True
                await asyncio.sleep(0.5)
            self.standby = False
            generation = await generations.ensure(connection, self.projection)
            self.leading = True
            log.info("projection.leading", projection=self.projection.name, generation=generation.number)
            while True:
                generation = await self._follow(connection, generation)
        finally:
            await connection.close(timeout=2)

    async def _follow(
        self, connection: asyncpg.Connection, generation: generations.Generation
    ) -> generations.Generation:
        """Project into a generation until another one is current; return that one."""
        writer = await Writer.open(connection, self.projection, generation)
        consumer = await subscribe(self._source, await writer.offsets())
        try:
            while True:
                records = await consumer.getmany(timeout_ms=200, max_records=BATCH_EVENTS_MAX)
                live = await generations.current(connection, self.projection.name)
                if live and live != generation:
                    return live
                if records:
                    await writer.apply([record for batch in records.values() for record in batch])
                    async with self.advanced:
                        self.advanced.notify_all()
        finally:
            await consumer.stop()


class Writer:
    """Applies records to one generation, each batch in one transaction."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        projection: Projection,
        generation: generations.Generation,
        columns: Columns,
    ) -> None:
        self._connection = connection
        self._projection = projection
        self._schema = generation.schema
        self._generation = generation
        self._columns = columns

    @classmethod
    async def open(
        cls, connection: asyncpg.Connection, projection: Projection, generation: generations.Generation
    ) -> "Writer":
        """A writer for a generation that exists."""
        return cls(connection, projection, generation, await columns_of(connection, generation.schema))

    async def offsets(self) -> Mapping[TopicPartition, int]:
        """Where to go on reading."""
        rows = await self._connection.fetch(f"SELECT topic, kafka_partition, next_offset FROM {self._schema}.resume")
        return {TopicPartition(row[0], row[1]): row[2] for row in rows}

    async def apply(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        """Record everything that these records say, or nothing."""
        good, refused = _parsed(records)
        try:
            await self._transact(good, refused, records)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PostgresSyntaxError):
            # One event's rows do not fit. Alone, each either fits or is named in dead_letter.
            for envelope, raw in good:
                await self._one(envelope, raw)
            await self._transact([], refused, records)

    async def replay_dead_letters(self) -> int:
        """Try every dead letter again (after a fix); the events parked behind them follow."""
        rows = await self._connection.fetch(
            f"SELECT stream, version, envelope FROM {self._schema}.dead_letter ORDER BY 1, 2"
        )
        for row in rows:
            await self._connection.execute(
                f"DELETE FROM {self._schema}.dead_letter WHERE stream = $1 AND version = $2", row[0], row[1]
            )
            await self._one(parse(row["envelope"]), row["envelope"])
        return len(rows)

    async def _one(self, envelope: Envelope, raw: bytes) -> None:
        try:
            await self._transact([(envelope, raw)], [], [])
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.PostgresSyntaxError) as fault:
            async with self._connection.transaction():
                await self._bury([(envelope, f"its rows do not fit: {type(fault).__name__}", raw)])

    async def _transact(
        self,
        good: Sequence[tuple[Envelope, bytes]],
        refused: Sequence[tuple[ConsumerRecord[bytes, bytes], str]],
        records: Sequence[ConsumerRecord[bytes, bytes]],
    ) -> None:
        async with self._connection.transaction():
            batch = await self._begin({envelope.stream for envelope, _ in good})
            spans = [self._consider(batch, envelope, raw) for envelope, raw in good]
            await write(self._connection, self._schema, self._columns, batch.changes)
            await self._record_progress(batch)
            await self._record_offsets(records, refused)
        for span in spans:
            span.end()

    async def _begin(self, streams: Iterable[str]) -> Batch:
        names = list(streams)
        fetch = self._connection.fetch
        versions = await fetch(f"SELECT stream, version FROM {self._schema}.progress WHERE stream = ANY($1)", names)
        blocked = await fetch(f"SELECT stream, version FROM {self._schema}.dead_letter WHERE stream = ANY($1)", names)
        parked = await fetch(
            f"SELECT stream, version, envelope FROM {self._schema}.parked WHERE stream = ANY($1)", names
        )
        return Batch(
            versions={row[0]: row[1] for row in versions},
            blocked={row[0]: row[1] for row in blocked},
            parked={(row[0], row[1]): row[2] for row in parked},
        )

    def _consider(self, batch: Batch, envelope: Envelope, raw: bytes) -> telemetry.Span:
        """Apply an event whose turn it is, with those parked behind it; park one that is early; drop a duplicate."""
        span = telemetry.start("project", envelope.traceparent, projection=self._projection.name, type=envelope.type)
        stream, version = envelope.stream, batch.versions.get(envelope.stream, 0)
        if envelope.streamversion <= version or batch.blocked.get(stream) == envelope.streamversion:
            return span
        if envelope.streamversion > version + 1 or stream in batch.blocked:
            if (stream, envelope.streamversion) not in batch.parked:
                batch.parked[stream, envelope.streamversion] = raw
                batch.newly_parked[stream, envelope.streamversion] = raw
            return span
        self._apply(batch, envelope, raw)
        while stream not in batch.blocked and (waiting := batch.parked.pop((stream, batch.versions[stream] + 1), None)):
            batch.newly_parked.pop((stream, batch.versions[stream] + 1), None)
            batch.unparked.append((stream, batch.versions[stream] + 1))
            self._apply(batch, parse(waiting), waiting)
        return span

    def _apply(self, batch: Batch, envelope: Envelope, raw: bytes) -> None:
        wants = self._projection.wants
        if wants is None or envelope.type in wants:
            try:
                batch.changes.extend(self._projection.apply(Fact(decode(envelope.type, envelope.data), envelope)))
            except (UnknownEvent, ValidationError, LookupError, TypeError, ValueError, AssertionError) as fault:
                batch.blocked[envelope.stream] = envelope.streamversion
                batch.dead.append((envelope, f"cannot be applied: {type(fault).__name__}", raw))
                return
        batch.versions[envelope.stream] = batch.advanced[envelope.stream] = envelope.streamversion
        service = service_of(envelope.type)
        batch.consumed[service] = batch.consumed.get(service, 0) + 1

    async def _record_progress(self, batch: Batch) -> None:
        run = self._connection.execute
        if batch.advanced:
            await run(
                f"INSERT INTO {self._schema}.progress SELECT * FROM unnest($1::text[], $2::int[]) "
                "ON CONFLICT (stream) DO UPDATE SET version = excluded.version",
                list(batch.advanced), list(batch.advanced.values()),
            )  # fmt: skip
            await run(
                f"INSERT INTO {self._schema}.consumed AS c SELECT * FROM unnest($1::text[], $2::bigint[]) "
                "ON CONFLICT (service) DO UPDATE SET events = c.events + excluded.events",
                list(batch.consumed), list(batch.consumed.values()),
            )  # fmt: skip
        if batch.newly_parked:
            rows = [(stream, version, raw) for (stream, version), raw in batch.newly_parked.items()]
            await self._connection.executemany(
                f"INSERT INTO {self._schema}.parked VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", rows
            )
        if batch.unparked:
            await self._connection.executemany(
                f"DELETE FROM {self._schema}.parked WHERE stream = $1 AND version = $2", batch.unparked
            )
        await self._bury(batch.dead)

    async def _bury(self, dead: Sequence[tuple[Envelope, str, bytes]]) -> None:
        for envelope, reason, raw in dead:
            log.error(
                "projection.dead_letter",
                projection=self._projection.name,
                stream=envelope.stream,
                version=envelope.streamversion,
                reason=reason,
            )
            await self._connection.execute(
                f"INSERT INTO {self._schema}.dead_letter VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                envelope.stream, envelope.streamversion, envelope.id, envelope.type, reason, raw,
            )  # fmt: skip

    async def _record_offsets(
        self,
        records: Sequence[ConsumerRecord[bytes, bytes]],
        refused: Sequence[tuple[ConsumerRecord[bytes, bytes], str]],
    ) -> None:
        nexts: dict[tuple[str, int], int] = {}
        for record in records:
            nexts[record.topic, record.partition] = record.offset + 1
        await self._connection.executemany(
            f"INSERT INTO {self._schema}.resume VALUES ($1, $2, $3) "
            "ON CONFLICT (topic, kafka_partition) DO UPDATE SET next_offset = excluded.next_offset",
            [(topic, partition, offset) for (topic, partition), offset in nexts.items()],
        )
        for record, reason in refused:
            log.error("projection.refused", projection=self._projection.name, topic=record.topic, offset=record.offset)
            await self._connection.execute(
                f"INSERT INTO {self._schema}.refused VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                record.topic, record.partition, record.offset, reason,
            )  # fmt: skip


async def subscribe(source: Source, offsets: Mapping[TopicPartition, int]) -> AIOKafkaConsumer:
    """A consumer of every partition of the topics, from the recorded offsets or the beginning."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=source.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=250,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        partitions = []
        for topic in source.topics:
            known = consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
            partitions += [TopicPartition(topic, number) for number in sorted(known)]
        consumer.assign(partitions)
        for partition in partitions:
            if partition in offsets:
                consumer.seek(partition, offsets[partition])
            else:
                await consumer.seek_to_beginning(partition)
    except BaseException:
        await consumer.stop()
        raise
    return consumer


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 - the public call asks for subscribed topics only
    known: set[int] | None = consumer.partitions_for_topic(topic)
    if not known:
        raise ConnectionError(f"topic {topic} does not exist")
    return known


def _parsed(
    records: Sequence[ConsumerRecord[bytes, bytes]],
) -> tuple[list[tuple[Envelope, bytes]], list[tuple[ConsumerRecord[bytes, bytes], str]]]:
    good: list[tuple[Envelope, bytes]] = []
    refused: list[tuple[ConsumerRecord[bytes, bytes], str]] = []
    for record in records:
        try:
            raw = record.value or b""
            good.append((parse(raw), raw))
        except Tampered as fault:
            refused.append((record, str(fault)))
    return good, refused
