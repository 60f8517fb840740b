"""The short form of the scenes `network` and `sessions`: a bad wire to PostgreSQL, and sessions that it ends itself.

A client repeats under its key until it has an answer; each append is then there once, whatever became of its attempts.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from libs.events.store import Answer, Append, Entry, KeyReused, Unavailable
from libs.events.store_postgres import PostgresStore
from tests.contracts.conftest import Connect, Dsn
from tests.contracts.kit import append, chain, new_stream
from tests.faults.wire import Wire

AT_ONCE, BREAKS = 8, 8
Break = Callable[[Wire, asyncpg.Connection], Awaitable[None]]


@pytest.fixture
async def far(dsn: Dsn) -> AsyncIterator[tuple[Wire, PostgresStore]]:
    """The real store behind a wire that can be made bad."""
    wire, there = await Wire.before(dsn("nrm_referral"), random.Random(7))  # noqa: S311 - a fault, no secret
    async with asyncpg.create_pool(there, min_size=0, max_size=5) as pool:
        store = PostgresStore(pool, "referral")
        await store.start()
        yield wire, store
        wire.delay_s, wire.chop = 0.0, False
        await store.stop()
    await wire.stop()


async def _until_answered(store: PostgresStore, wanted: Append) -> Answer:
    assert wanted.answer
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Unavailable):
                try:
                    await store.append(wanted)
                except KeyReused as earlier:
                    return earlier.answer
                return wanted.answer
            await asyncio.sleep(0.02)


async def _slow_and_chopped(wire: Wire, _: asyncpg.Connection) -> None:
    wire.delay_s, wire.chop = 0.002, True


async def _cut(wire: Wire, _: asyncpg.Connection) -> None:
    wire.cut()


async def _ended(_: Wire, admin: asyncpg.Connection) -> None:
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'nrm_referral'")


@pytest.mark.parametrize("breaks", [_slow_and_chopped, _cut, _ended], ids=lambda one: one.__name__)
async def test_each_append_is_there_once(far: tuple[Wire, PostgresStore], connect: Connect, breaks: Break) -> None:
    wire, store = far
    admin = await connect("admin")
    written: list[list[Entry]] = []
    broken = 0

    async def again_and_again() -> None:
        nonlocal broken
        while True:
            await breaks(wire, admin)
            broken += 1
            await asyncio.sleep(0.03 + random.random() * 0.4)  # noqa: S311 - as above; some attempts must get through

    trouble = asyncio.create_task(again_and_again())
    try:
        while broken < BREAKS:
            streams = [chain(new_stream(), 1) for _ in range(AT_ONCE)]
            wanted = [append(*one, key=one[0].envelope.id) for one in streams]
            answers = await asyncio.gather(*(_until_answered(store, each) for each in wanted))
            assert answers == [each.answer for each in wanted]
            written += streams
            await asyncio.sleep(0.01)
    finally:
        trouble.cancel()
    for one in written:
        sql = "SELECT body FROM referral.event WHERE stream = $1 ORDER BY version"
        rows = await admin.fetch(sql, one[0].envelope.stream)
        assert [row["body"] for row in rows] == [each.body for each in one]
