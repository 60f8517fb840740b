"""A generation's rows and bookkeeping in its PostgreSQL schema, over the one session that leads."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from libs.events.batch import Batch, Dead, Place
from libs.events.consume import Change
from libs.events.generations import Generation
from libs.events.rows import Columns, columns_of, write
from libs.events.shelf import DoesNotFit, Parked, Standing

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


class PostgresShelf:
    """One generation's schema."""

    def __init__(self, connection: asyncpg.Connection, generation: Generation, columns: Columns) -> None:
        self._connection = connection
        self._schema = generation.schema
        self._columns = columns

    @classmethod
    async def open(cls, connection: asyncpg.Connection, generation: Generation) -> "PostgresShelf":
        """The shelf of a generation that exists."""
        return cls(connection, generation, await columns_of(connection, generation.schema))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A transaction that no other writer of this generation runs beside: what it reads stays so to its end."""
        try:
            async with self._connection.transaction():
                await self._connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"write {self._schema}")
                yield
        except _DOES_NOT_FIT as fault:
            raise DoesNotFit(type(fault).__name__) from fault  # its message may repeat a value

    async def offsets(self) -> Mapping[tuple[str, int], int]:
        """Topic and partition → where to go on reading."""
        rows = await self._connection.fetch(f"SELECT topic, kafka_partition, next_offset FROM {self._schema}.resume")
        return {(row[0], row[1]): row[2] for row in rows}

    async def standing(self, streams: Iterable[str]) -> Standing:
        """Where these streams stand."""
        rows = await self._connection.fetch(
            f"SELECT 'head', stream, version, hash FROM {self._schema}.progress WHERE stream = ANY($1) UNION ALL "
            f"SELECT 'dead', stream, version, NULL FROM {self._schema}.dead_letter WHERE stream = ANY($1) UNION ALL "
            f"SELECT 'parked', stream, version, envelope FROM {self._schema}.parked WHERE stream = ANY($1)",
            list(streams),
        )
        standing = Standing({}, {}, {})
        for kind, stream, version, content in rows:
            if kind == "head":
                standing.heads[stream] = (version, content.hex())
            elif kind == "dead":
                standing.blocked[stream] = version
            else:
                standing.parked[stream, version] = content
        return standing

    async def write(self, changes: Sequence[Change]) -> None:
        """Make row changes."""
        await write(self._connection, self._schema, self._columns, changes)

    async def progress(self, batch: Batch) -> None:
        """Record which events are applied, and which wait or wait no more."""
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

    async def bury(self, dead: Dead) -> None:
        """Keep an event that cannot be applied."""
        event = dead.event
        await self._run(
            "INSERT INTO {}.dead_letter VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            *(event.stream, event.streamversion, event.id, event.type, dead.reason, dead.raw),
        )

    async def refuse(self, refused: Sequence[tuple[Place, str]]) -> None:
        """Remember records that are no event of their stream."""
        rows = [(*place, reason) for place, reason in refused]
        await self._run_many("INSERT INTO {}.refused VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", rows)

    async def resume_at(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Record where to go on reading."""
        await self._run_many(
            "INSERT INTO {}.resume VALUES ($1, $2, $3) "
            "ON CONFLICT (topic, kafka_partition) DO UPDATE SET next_offset = excluded.next_offset",
            [(*partition, offset) for partition, offset in offsets.items()],
        )

    async def next_parked(self, stream: str) -> Parked | None:
        """What waits for no other event than the head of its stream, if that stream is not blocked."""
        row = await self._connection.fetchrow(
            f"SELECT k.version, k.envelope FROM {self._schema}.parked k LEFT JOIN {self._schema}.progress p "
            f"ON p.stream = k.stream WHERE k.stream = $1 AND k.version = coalesce(p.version, 0) + 1 AND NOT EXISTS "
            f"(SELECT 1 FROM {self._schema}.dead_letter d WHERE d.stream = k.stream)",
            stream,
        )
        return Parked(stream, row[0], row[1]) if row else None

    async def dead_letters(self) -> Sequence[Parked]:
        """Every event that could not be applied, by stream and version."""
        sql = f"SELECT stream, version, envelope FROM {self._schema}.dead_letter ORDER BY 1, 2"
        return [Parked(*row) for row in await self._connection.fetch(sql)]

    async def forget_dead_letter(self, stream: str, version: int) -> None:
        """Take back that an event cannot be applied."""
        await self._run("DELETE FROM {}.dead_letter WHERE stream = $1 AND version = $2", stream, version)

    async def _run(self, sql: str, *values: object) -> None:
        await self._connection.execute(sql.format(self._schema), *values)

    async def _run_many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            await self._connection.executemany(sql.format(self._schema), rows)
