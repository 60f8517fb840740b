"""Where a projection's rows live: one schema per generation, and views in front that name the current one.

Readers use `<name>.<table>`; the projector writes `<name>_g<N>.<table>`. A rebuild fills a new generation and
switches the views in one transaction, so the old rows answer until then, and can come back the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.events.consume import Projection
from libs.events.rows import Connection

_BOOKKEEPING = """
CREATE TABLE progress (stream text PRIMARY KEY, version integer NOT NULL, hash bytea NOT NULL);
CREATE TABLE resume (topic text, kafka_partition integer, next_offset bigint NOT NULL,
    PRIMARY KEY (topic, kafka_partition));
CREATE TABLE consumed (service text PRIMARY KEY, events bigint NOT NULL);
CREATE TABLE parked (stream text, version integer, envelope bytea NOT NULL, PRIMARY KEY (stream, version));
CREATE TABLE dead_letter (stream text, version integer, event_id uuid, type text, reason text NOT NULL,
    envelope bytea NOT NULL, PRIMARY KEY (stream, version));
CREATE TABLE refused (topic text, kafka_partition integer, kafka_offset bigint, reason text NOT NULL,
    PRIMARY KEY (topic, kafka_partition, kafka_offset));
"""
BOOKKEEPING = frozenset({"progress", "resume", "consumed", "parked", "dead_letter", "refused"})
READABLE_BOOKKEEPING = ("progress", "consumed", "dead_letter", "parked", "resume", "refused")


@dataclass(frozen=True, slots=True)
class Generation:
    """One filling of a projection's tables."""

    name: str
    number: int

    @property
    def schema(self) -> str:
        """The schema that holds its rows."""
        return f"{self.name}_g{self.number}"


async def current(connection: Connection, name: str) -> Generation | None:
    """The generation that readers see, or None before the first."""
    number = await connection.fetchval("SELECT max(number) FROM projection.generation WHERE name = $1 AND live", name)
    return None if number is None else Generation(name, number)


async def ensure(connection: Connection, projection: Projection) -> Generation:
    """The current generation; a new one where there is none, or where a release has other tables.

    A new one fills itself from the first event on. Call under the projection's advisory lock.
    """
    found = await current(connection, projection.name)
    if found and await _has_the_tables(connection, projection, found):
        return found
    async with connection.transaction():
        generation = await create(connection, projection)
        await switch(connection, generation)
    return generation


async def _has_the_tables(connection: Connection, projection: Projection, found: Generation) -> bool:
    """Whether a generation has the columns that the release's tables have: made once more beside it, and undone."""
    trial = connection.transaction()
    await trial.start()
    try:
        fresh = await create(connection, projection)
        return await _columns(connection, fresh) == await _columns(connection, found)
    finally:
        await trial.rollback()


async def _columns(connection: Connection, generation: Generation) -> list[tuple[str, ...]]:
    rows = await connection.fetch(
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns "
        "WHERE table_schema = $1 ORDER BY 1, 2",
        generation.schema,
    )
    return [tuple(row) for row in rows]


async def create(connection: Connection, projection: Projection) -> Generation:
    """A new, empty generation."""
    number = await connection.fetchval(
        "INSERT INTO projection.generation (name, number, live) "
        "SELECT $1, coalesce(max(number), 0) + 1, false FROM projection.generation WHERE name = $1 RETURNING number",
        projection.name,
    )
    generation = Generation(projection.name, number)
    await connection.execute(f"CREATE SCHEMA {generation.schema}")
    await connection.execute(f"SET LOCAL search_path TO {generation.schema}")
    await connection.execute(_BOOKKEEPING)
    await connection.execute(projection.tables)
    await connection.execute("SET LOCAL search_path TO DEFAULT")
    return generation


async def switch(connection: Connection, generation: Generation) -> None:
    """Let readers see this generation from the end of the surrounding transaction on."""
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {generation.name}")
    for table in await tables_of(connection, generation.schema):
        await connection.execute(
            f"CREATE OR REPLACE VIEW {generation.name}.{table} AS SELECT * FROM {generation.schema}.{table}"
        )
    # Two statements: a unique index is checked row by row, and no two generations are ever live.
    await connection.execute("UPDATE projection.generation SET live = false WHERE name = $1 AND live", generation.name)
    await connection.execute(
        "UPDATE projection.generation SET live = true WHERE name = $1 AND number = $2",
        generation.name,
        generation.number,
    )


async def drop(connection: Connection, generation: Generation) -> None:
    """Remove a generation that no reader sees."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {generation.schema} CASCADE")
    await connection.execute(
        "DELETE FROM projection.generation WHERE name = $1 AND number = $2 AND NOT live",
        generation.name,
        generation.number,
    )


async def tables_of(connection: Connection, schema: str) -> Sequence[str]:
    """The tables of a schema, sorted."""
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", schema)
    return [row["tablename"] for row in rows]


async def checksums(connection: Connection, generation: Generation) -> dict[str, tuple[int, int]]:
    """Rows and an order-free checksum of every answer table (progress and the like left out)."""
    sums = {}
    for table in await tables_of(connection, generation.schema):
        if table not in BOOKKEEPING:
            [row] = await connection.fetch(
                "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text "
                f"FROM {generation.schema}.{table} t"
            )
            sums[table] = (row[0], int(row[1]))
    return sums
