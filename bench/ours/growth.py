"""What a long log costs: append and a stream's read while the service's table grows from empty."""

import time
from uuid import UUID

import asyncpg

from bench.measure import Figure, Scale, per_second, percentile
from bench.ours.append import entry
from libs.events.store import Append
from libs.events.store_postgres import PostgresStore
from libs.runtime.database import open_pool
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings

CLIENTS = 64
READS = 500
BATCH = 20_000


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Appends per second and milliseconds of a read, on the empty table and on the full one."""
    pool = await open_pool(role_dsn(settings, "nrm_repatriation"), "bench")
    store = PostgresStore(pool, "repatriation")
    await store.start()
    found: list[Figure] = []
    try:
        for subject in ("empty", "grown"):
            if subject == "grown":
                await _grow(settings.database_url, scale.events)
            rates = [await _rate(store, scale.seconds) for _ in range(scale.runs)]
            found.append(Figure("append while it grows", subject, "1/s", tuple(rates)))
            found.append(Figure("read a stream while it grows", subject, "ms", (await _read_ms(store),)))
    finally:
        await store.stop()
        await pool.close()
    return found


async def _rate(store: PostgresStore, seconds: float) -> float:
    async def append(_: int) -> None:
        await store.append(Append([entry()]))

    return await per_second(append, clients=CLIENTS, seconds=seconds)


async def _read_ms(store: PostgresStore) -> float:
    one = entry()
    await store.append(Append([one]))
    times = []
    for _ in range(READS):
        started = time.perf_counter()
        await store.read(one.envelope.stream)
        times.append((time.perf_counter() - started) * 1000)
    return percentile(times, 0.5)


async def _grow(url: str, events: int) -> None:
    """Rows as the service writes them, already relayed: nothing waits in the outbox."""
    connection = await asyncpg.connect(url)
    try:
        position = await connection.fetchval("SELECT coalesce(max(position), 0) FROM repatriation.log")
        for start in range(0, events, BATCH):
            made = [entry() for _ in range(min(BATCH, events - start))]
            rows = [
                (one.envelope.stream, 1, UUID(one.envelope.id), one.envelope.subject,
                 bytes.fromhex(one.envelope.hash), one.body)
                for one in made
            ]  # fmt: skip
            await connection.copy_records_to_table("event", schema_name="repatriation", records=rows)
            placed = [(position + start + n, row[0], 1) for n, row in enumerate(rows, 1)]
            await connection.copy_records_to_table("log", schema_name="repatriation", records=placed)
        await connection.execute("DELETE FROM repatriation.outbox")
        await connection.execute("VACUUM (ANALYZE) repatriation.event, repatriation.outbox")
    finally:
        await connection.close()
