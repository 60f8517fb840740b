"""From committed to visible in a view's rows at 500 events a second, against bare Kafka at the same rate."""

import asyncio
import time

import asyncpg

from bench.measure import Figure, Scale, paced, percentile
from bench.ours.append import entry
from bench.peers import bare_kafka
from libs.events.store import Append
from libs.events.store_postgres import PostgresStore
from libs.runtime.database import open_pool
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings

RATE = 500
LOOK_S = 0.0005
QUIET_LOOKS = 10
_CONSUMED = "SELECT events FROM statistics.consumed WHERE service = 'identification'"


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Median and 99th percentile of both, run after run in turn."""
    found: dict[tuple[str, str], list[float]] = {}
    value = entry().body
    topic = settings.topic("justice")  # the system of this benchmark writes nothing else to it, and nobody reads it
    for _ in range(scale.runs):
        for subject, took in (
            ("OpenNRM", await _committed_to_visible_ms(settings, scale.seconds)),
            (
                "bare Kafka",
                await bare_kafka.produce_to_consume_ms(
                    settings.kafka_bootstrap_servers, topic, value, RATE, scale.seconds
                ),
            ),
        ):
            for name, share in (("median", 0.5), ("99th percentile", 0.99)):
                found.setdefault((name, subject), []).append(percentile(took, share))
    return [
        Figure(f"visible after commit, {name}, {RATE}/s", subject, "ms", tuple(runs))
        for (name, subject), runs in found.items()
    ]


async def _committed_to_visible_ms(settings: Settings, seconds: float) -> list[float]:
    """An event counts as visible when the view's own committed count of events reaches its place in commit order."""
    pool = await open_pool(role_dsn(settings, "nrm_identification"), "bench")
    store = PostgresStore(pool, "identification")
    await store.start()
    looking = await asyncpg.connect(role_dsn(settings, "nrm_views"))
    before = await _settled(looking)
    committed: list[float] = []
    visible: list[float] = []

    async def append(_: int) -> None:
        await store.append(Append([entry()]))
        committed.append(time.perf_counter())

    try:
        appending = asyncio.create_task(paced(append, rate=RATE, seconds=seconds))
        while not appending.done() or len(visible) < len(committed):
            count = (await looking.fetchval(_CONSUMED) or 0) - before
            moment = time.perf_counter()
            visible += [moment] * (count - len(visible))
            await asyncio.sleep(LOOK_S)
        await appending
    finally:
        await looking.close()
        await store.stop()
        await pool.close()
    return [(seen - done) * 1000 for seen, done in zip(visible, sorted(committed), strict=True)]


async def _settled(connection: asyncpg.Connection) -> int:
    """The count once nothing has come for a while."""
    last, same = -1, 0
    while same < QUIET_LOOKS:
        count = await connection.fetchval(_CONSUMED) or 0
        last, same = count, same + 1 if count == last else 0
        await asyncio.sleep(0.05)
    return last
