"""Rebuild a projection from the log beside the old rows, compare, and switch: readers never see less than before."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.events import clients, generations
from libs.events.batch import Taken, together
from libs.events.consume import Projection
from libs.events.generations import Generation
from libs.events.session import session, try_lock
from libs.events.subscription import Source, ahead, subscribe
from libs.events.writer import Writer

KEEP_GENERATIONS = 2
"""The live generation and the one before it, to which one can go back at once."""

BATCH_EVENTS_MAX = 5_000
"""Events that share one transaction: more than when live, as nobody waits to see them."""

PIECE_EVENTS = 200
"""Events read without a look at what else there is to do."""

IDLE_S_MAX = 60
"""Longest wait for an event that the live rows have consumed and Kafka should still hold."""

Offsets = Mapping[TopicPartition, int]
_NONE = (0, 0)


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
    async with session(dsn) as writing, session(dsn) as guarding:
        if not await try_lock(guarding, f"rebuild {projection.name}"):
            raise CannotRebuild("another rebuild of this view runs")
        live = await generations.current(guarding, projection.name)
        if live is None:
            raise CannotRebuild("this view has never run here")
        await _drop_leftovers(guarding, live)
        async with writing.transaction():
            fresh = await generations.create(writing, projection)
        switched = False
        try:
            done = await _fill(projection, source, (writing, guarding), (live, fresh), tell)
            switched = done.switched
        finally:
            if not switched:
                async with session(dsn) as dropping:  # the others may be what failed
                    await _drop(dropping, fresh)
        await _drop_oldest(guarding, projection.name)
        return done


async def go_back(projection: Projection, dsn: str) -> int:
    """Let readers see the generation before the live one again; the projector brings it up to date. Its number."""
    async with session(dsn) as connection, connection.transaction():
        number = await connection.fetchval(
            "SELECT max(number) FROM projection.generation WHERE name = $1 AND number < "
            "(SELECT number FROM projection.generation WHERE name = $1 AND live)",
            projection.name,
        )
        if number is None:
            raise CannotRebuild("there is no earlier generation")
        await generations.switch(connection, Generation(projection.name, number))
        return int(number)


async def _fill(
    projection: Projection,
    source: Source,
    connections: tuple[asyncpg.Connection, asyncpg.Connection],
    pair: tuple[Generation, Generation],
    tell: Callable[[int, int], None],
) -> Rebuilt:
    (writing, guarding), (live, fresh) = connections, pair
    started = time.monotonic()
    # Until it is switched to, a fresh generation may be lost: its commits need not wait for the disk. The switch does,
    # on the other connection, and with it reaches the disk whatever was committed before.
    await writing.execute("SET synchronous_commit = off")
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
            differences = {
                table: (old.get(table, _NONE)[0], new.get(table, _NONE)[0])
                for table in sorted(old.keys() | new.keys())
                if old.get(table) != new.get(table)
            }
            if not differences:
                await generations.switch(guarding, fresh)
    finally:
        await clients.stop(consumer)
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
        """Apply every event below the target offsets. The next ones are read while PostgreSQL works on the last."""
        total = self.events + sum(offset - self._next.get(tp, 0) for tp, offset in target.items())
        async with aclosing(ahead(self._read_to(target))) as batches:
            async for taken in batches:
                await self._writer.record(taken)
                self.events += len(taken.events) + len(taken.refused)
                self._tell(self.events, total)

    async def _read_to(self, target: Offsets) -> AsyncGenerator[Taken]:
        behind = {tp for tp, offset in target.items() if self._next.get(tp, 0) < offset}
        self._consumer.pause(*self._consumer.assignment())
        self._consumer.resume(*behind)
        last_seen = time.monotonic()
        while behind:
            fetched = await self._consumer.getmany(timeout_ms=500, max_records=BATCH_EVENTS_MAX)
            wanted = []
            for tp, records in fetched.items():
                below = [record for record in records if record.offset < target[tp]]
                wanted += below
                if below:
                    self._next[tp] = below[-1].offset + 1
                if len(below) < len(records) or self._next[tp] >= target[tp]:
                    self._next[tp] = target[tp]
                    self._consumer.seek(tp, target[tp])
                    self._consumer.pause(tp)
                    behind.discard(tp)
            if wanted:
                yield await self._read(wanted)
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > IDLE_S_MAX:
                raise CannotRebuild("Kafka no longer holds events that the live rows have consumed")

    async def _read(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> Taken:
        """Read in small pieces: between them what PostgreSQL has answered is followed up at once."""
        pieces = []
        for start in range(0, len(records), PIECE_EVENTS):
            pieces.append(self._writer.read(records[start : start + PIECE_EVENTS]))
            await asyncio.sleep(0)
        return together(pieces)


async def _offsets(connection: asyncpg.Connection, generation: Generation) -> Offsets:
    rows = await connection.fetch(f"SELECT topic, kafka_partition, next_offset FROM {generation.schema}.resume")
    return {TopicPartition(row[0], row[1]): row[2] for row in rows}


async def _drop_leftovers(connection: asyncpg.Connection, live: Generation) -> None:
    """Remove what a rebuild that was killed, or a way back, has left behind: it would be taken for whole later."""
    newer = await connection.fetch(
        "SELECT number FROM projection.generation WHERE name = $1 AND number > $2 AND NOT live", live.name, live.number
    )
    for row in newer:
        await _drop(connection, Generation(live.name, row["number"]))


async def _drop_oldest(connection: asyncpg.Connection, name: str) -> None:
    old = await connection.fetch(
        "SELECT number FROM projection.generation WHERE name = $1 AND NOT live ORDER BY number DESC OFFSET $2",
        name,
        KEEP_GENERATIONS - 1,
    )
    for row in old:
        await _drop(connection, Generation(name, row["number"]))


async def _drop(connection: asyncpg.Connection, generation: Generation) -> None:
    async with connection.transaction():
        await generations.drop(connection, generation)
