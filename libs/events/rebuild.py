"""Rebuild a projection from the log beside the old rows, compare, and switch: readers never see less than before."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.events import generations
from libs.events.consume import Projection
from libs.events.generations import Generation
from libs.events.projector import BATCH_EVENTS_MAX, Source, Writer, subscribe

KEEP_GENERATIONS = 2
"""The live generation and the one before it, to which one can go back at once."""

IDLE_S_MAX = 60
"""Longest wait for an event that the live rows have consumed and Kafka should still hold."""

Offsets = Mapping[TopicPartition, int]


class CannotRebuild(Exception):
    """Another rebuild runs, there is nothing to rebuild, or Kafka no longer holds what the live rows consumed."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How a rebuild went. `differences` names the tables whose rows are not the same: (old, new) row counts."""

    events: int
    seconds: float
    generation: int
    differences: Mapping[str, tuple[int, int]]
    switched: bool


async def rebuild(
    projection: Projection, dsn: str, source: Source, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> Rebuilt:
    """Fill a new generation up to exactly where the live one is; switch only where every row is equal.

    `tell(done, all)` is called with consumed and expected events. Raises CannotRebuild.
    """
    writing, guarding = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        if not await guarding.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", f"rebuild {projection.name}"):
            raise CannotRebuild("another rebuild of this view runs")
        live = await generations.current(guarding, projection.name)
        if live is None:
            raise CannotRebuild("this view has never run here")
        async with writing.transaction():
            fresh = await generations.create(writing, projection)
        return await _fill(projection, source, (writing, guarding), (live, fresh), tell)
    finally:
        await writing.close(timeout=2)
        await guarding.close(timeout=2)


async def go_back(projection: Projection, dsn: str) -> int:
    """Let readers see the generation before the live one again; the projector brings it up to date. Its number."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            number = await connection.fetchval(
                "SELECT max(number) FROM projection.generation WHERE name = $1 AND number < "
                "(SELECT number FROM projection.generation WHERE name = $1 AND live)",
                projection.name,
            )
            if number is None:
                raise CannotRebuild("there is no earlier generation")
            await generations.switch(connection, Generation(projection.name, number))
        return int(number)
    finally:
        await connection.close(timeout=2)


async def _fill(
    projection: Projection,
    source: Source,
    connections: tuple[asyncpg.Connection, asyncpg.Connection],
    pair: tuple[Generation, Generation],
    tell: Callable[[int, int], None],
) -> Rebuilt:
    (writing, guarding), (live, fresh) = connections, pair
    started = time.monotonic()
    writer = await Writer.open(writing, projection, fresh)
    consumer = await subscribe(source, {})
    copier = _Copier(consumer, writer, tell)
    try:
        await copier.copy_to(await _offsets(guarding, live))
        seconds = time.monotonic() - started
        async with guarding.transaction():
            # The live projector waits here for a moment: both generations then stand at the same offsets.
            await guarding.execute(f"LOCK TABLE {live.schema}.resume IN SHARE ROW EXCLUSIVE MODE")
            await copier.copy_to(await _offsets(guarding, live))
            old, new = await generations.checksums(guarding, live), await generations.checksums(guarding, fresh)
            differences = {table: (old[table][0], new[table][0]) for table in old if old[table] != new[table]}
            if not differences:
                await generations.switch(guarding, fresh)
    finally:
        await consumer.stop()
    await _clean_up(guarding, projection.name, fresh, switched=not differences)
    return Rebuilt(copier.events, seconds, fresh.number, differences, not differences)


class _Copier:
    """Consumes into a generation up to given offsets, and not one event further."""

    def __init__(self, consumer: AIOKafkaConsumer, writer: Writer, tell: Callable[[int, int], None]) -> None:
        self._consumer = consumer
        self._writer = writer
        self._tell = tell
        self._next: dict[TopicPartition, int] = {}
        self.events = 0

    async def copy_to(self, target: Offsets) -> None:
        """Apply every event below the target offsets."""
        behind = {tp for tp, offset in target.items() if self._next.get(tp, 0) < offset}
        total = self.events + sum(offset - self._next.get(tp, 0) for tp, offset in target.items())
        last_seen = time.monotonic()
        while behind:
            fetched = await self._consumer.getmany(timeout_ms=500, max_records=BATCH_EVENTS_MAX)
            wanted = []
            for tp, records in fetched.items():
                below = [record for record in records if record.offset < target.get(tp, 0)]
                if len(below) < len(records):
                    self._consumer.seek(tp, target.get(tp, 0))
                wanted += below
                if below:
                    self._next[tp] = below[-1].offset + 1
                if self._next.get(tp, 0) >= target.get(tp, 0):
                    behind.discard(tp)
            if wanted:
                await self._writer.apply(wanted)
                self.events += len(wanted)
                last_seen = time.monotonic()
                self._tell(self.events, total)
            elif time.monotonic() - last_seen > IDLE_S_MAX:
                raise CannotRebuild("Kafka no longer holds events that the live rows have consumed")


async def _offsets(connection: asyncpg.Connection, generation: Generation) -> Offsets:
    rows = await connection.fetch(f"SELECT topic, kafka_partition, next_offset FROM {generation.schema}.resume")
    return {TopicPartition(row[0], row[1]): row[2] for row in rows}


async def _clean_up(connection: asyncpg.Connection, name: str, fresh: Generation, *, switched: bool) -> None:
    if not switched:
        async with connection.transaction():
            await generations.drop(connection, fresh)
        return
    old = await connection.fetch(
        "SELECT number FROM projection.generation WHERE name = $1 AND NOT live ORDER BY number DESC OFFSET $2",
        name,
        KEEP_GENERATIONS - 1,
    )
    for row in old:
        async with connection.transaction():
            await generations.drop(connection, Generation(name, row["number"]))
