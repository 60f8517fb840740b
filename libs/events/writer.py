"""Write what records say to one generation of a projection: rows, progress and offsets in one transaction each."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog
from aiokafka import ConsumerRecord, TopicPartition
from prometheus_client import Counter

from libs.events import telemetry
from libs.events.batch import Batch, Dead, Place, Received, parked_at, read
from libs.events.consume import Projection
from libs.events.envelope import parse
from libs.events.generations import Generation
from libs.events.rows import Columns, DoesNotFit, columns_of, write

_DOES_NOT_FIT = (
    DoesNotFit,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CardinalityViolationError,
    asyncpg.PostgresSyntaxError,
    asyncpg.DatatypeMismatchError,
    asyncpg.InvalidColumnReferenceError,
)
"""What PostgreSQL says where an event's rows do not fit the tables. Alone, each event either fits or is named."""

log = structlog.get_logger()
REFUSED = Counter("nrm_projection_refused", "Records that are no event of their stream", ["projection"])
DEAD = Counter("nrm_projection_dead_letters", "Events that could not be applied", ["projection"])


class Writer:
    """Applies records to one generation, each batch in one transaction."""

    def __init__(
        self, connection: asyncpg.Connection, projection: Projection, generation: Generation, columns: Columns
    ) -> None:
        self._connection = connection
        self._projection = projection
        self._schema = generation.schema
        self._columns = columns

    @classmethod
    async def open(cls, connection: asyncpg.Connection, projection: Projection, generation: Generation) -> "Writer":
        """A writer for a generation that exists."""
        return cls(connection, projection, generation, await columns_of(connection, generation.schema))

    async def offsets(self) -> Mapping[TopicPartition, int]:
        """Where to go on reading."""
        rows = await self._connection.fetch(f"SELECT topic, kafka_partition, next_offset FROM {self._schema}.resume")
        return {TopicPartition(row[0], row[1]): row[2] for row in rows}

    async def apply(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        """Record everything that these records say, or nothing."""
        received, refused = read(records)
        try:
            await self._transact(received, refused, records)
        except _DOES_NOT_FIT:
            for one in received:
                await self._alone(one)
            await self._transact([], refused, records)

    async def replay_dead_letters(self) -> int:
        """Try every dead letter again (after a fix), with the events parked behind it. How many are none any more."""
        before = await self._dead_letters()
        for row in before:
            try:
                async with self._transaction():
                    await self._run("DELETE FROM {}.dead_letter WHERE stream = $1 AND version = $2", row[0], row[1])
                    await self._change([_from_parked(row[0], row[1], row[2])], follow=False)
            except _DOES_NOT_FIT:
                continue  # it stays where it is
            await self._follow(row[0])
        after = {(row[0], row[1]) for row in await self._dead_letters()}
        return sum((row[0], row[1]) not in after for row in before)

    async def _alone(self, received: Received) -> None:
        """Apply one event, then those parked behind it, each in its own transaction."""
        await self._one(received)
        await self._follow(received.envelope.stream)

    async def _follow(self, stream: str) -> None:
        """Apply what is parked behind a stream's head, one by one."""
        while True:
            row = await self._connection.fetchrow(
                f"SELECT k.version, k.envelope FROM {self._schema}.parked k JOIN {self._schema}.progress p "
                f"ON p.stream = k.stream AND p.version + 1 = k.version WHERE k.stream = $1 AND NOT EXISTS "
                f"(SELECT 1 FROM {self._schema}.dead_letter d WHERE d.stream = k.stream)",
                stream,
            )
            if row is None:
                return
            await self._one(_from_parked(stream, row[0], row[1]))

    async def _one(self, received: Received) -> None:
        try:
            async with self._transaction():
                await self._change([received], follow=False)
        except _DOES_NOT_FIT as fault:
            async with self._transaction():
                reason = f"its rows do not fit: {type(fault).__name__}"
                await self._bury([Dead(received.envelope, reason, received.raw)])

    async def _transact(
        self,
        received: Sequence[Received],
        refused: Sequence[tuple[Place, str]],
        records: Sequence[ConsumerRecord[bytes, bytes]],
    ) -> None:
        async with self._transaction():
            spans = await self._change(received, follow=True)
            await self._refuse(refused)
            await self._record_offsets(records)
        for span in spans:
            span.end()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        """A transaction that no other writer of this generation runs beside: what it reads stays so to its end."""
        async with self._connection.transaction():
            await self._connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"write {self._schema}")
            yield

    async def _change(self, received: Sequence[Received], *, follow: bool) -> list[telemetry.Span]:
        """Apply events and record the progress, in the surrounding transaction."""
        batch = await self._begin({one.envelope.stream for one in received}, follow=follow)
        spans = [batch.take(one) for one in received]
        await write(self._connection, self._schema, self._columns, batch.changes)
        await self._record_progress(batch)
        await self._bury(batch.dead)
        await self._refuse(batch.refused)
        return spans

    async def _begin(self, streams: Iterable[str], *, follow: bool) -> Batch:
        names = list(streams)
        heads, blocked, parked = [
            await self._connection.fetch(f"SELECT {columns} FROM {self._schema}.{table} WHERE stream = ANY($1)", names)
            for columns, table in (
                ("stream, version, hash", "progress"),
                ("stream, version", "dead_letter"),
                ("stream, version, envelope", "parked"),
            )
        ]
        return Batch(
            self._projection,
            heads={row[0]: (row[1], row[2].hex()) for row in heads},
            blocked={row[0]: row[1] for row in blocked},
            parked={(row[0], row[1]): row[2] for row in parked},
            follow=follow,
        )

    async def _record_progress(self, batch: Batch) -> None:
        if batch.advanced:
            heads = [(stream, *batch.head(stream)) for stream in batch.advanced]
            await self._run(
                "INSERT INTO {}.progress SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[]) "
                "ON CONFLICT (stream) DO UPDATE SET version = excluded.version, hash = excluded.hash",
                [stream for stream, _, _ in heads],
                [version for _, version, _ in heads],
                [bytes.fromhex(digest) for _, _, digest in heads],
            )
            await self._run(
                "INSERT INTO {}.consumed AS c SELECT * FROM unnest($1::text[], $2::bigint[]) "
                "ON CONFLICT (service) DO UPDATE SET events = c.events + excluded.events",
                list(batch.consumed),
                list(batch.consumed.values()),
            )
        waiting = [(stream, version, raw) for (stream, version), raw in batch.newly_parked.items()]
        await self._run_many("INSERT INTO {}.parked VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", waiting)
        await self._run_many("DELETE FROM {}.parked WHERE stream = $1 AND version = $2", batch.unparked)

    async def _bury(self, dead: Sequence[Dead]) -> None:
        name = self._projection.name
        for envelope, reason, raw in dead:
            DEAD.labels(name).inc()
            stream, version = envelope.stream, envelope.streamversion
            log.error("projection.dead_letter", projection=name, stream=stream, version=version, reason=reason)
            await self._run(
                "INSERT INTO {}.dead_letter VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                *(stream, version, envelope.id, envelope.type, reason, raw),
            )

    async def _refuse(self, refused: Sequence[tuple[Place, str]]) -> None:
        name = self._projection.name
        for place, reason in refused:
            REFUSED.labels(name).inc()
            log.error("projection.refused", projection=name, topic=place.topic, offset=place.offset, reason=reason)
        await self._run_many(
            "INSERT INTO {}.refused VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [(*place, reason) for place, reason in refused],
        )

    async def _record_offsets(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        nexts = {(record.topic, record.partition): record.offset + 1 for record in records}
        await self._run_many(
            "INSERT INTO {}.resume VALUES ($1, $2, $3) "
            "ON CONFLICT (topic, kafka_partition) DO UPDATE SET next_offset = excluded.next_offset",
            [(*partition, offset) for partition, offset in nexts.items()],
        )

    async def _dead_letters(self) -> list[asyncpg.Record]:
        return await self._connection.fetch(
            f"SELECT stream, version, envelope FROM {self._schema}.dead_letter ORDER BY 1, 2"
        )

    async def _run(self, sql: str, *values: object) -> None:
        await self._connection.execute(sql.format(self._schema), *values)

    async def _run_many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            await self._connection.executemany(sql.format(self._schema), rows)


def _from_parked(stream: str, version: int, raw: bytes) -> Received:
    return Received(parse(raw), raw, parked_at(stream, version))
