"""Positions given after commit: dense, none skipped, streams in order, while transactions commit out of order.

The negative controls show that the two usual readers fail in the same schedules.
"""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs.events.store_postgres import _columns
from tests.contracts.conftest import Connect, Dsn
from tests.contracts.kit import after, append, chain, entry, new_stream

APPEND = "SELECT referral.append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)"
Pair = tuple[str, int]


@pytest.fixture
async def writer(connect: Connect) -> asyncpg.Connection:
    return await connect("nrm_referral")


@pytest.fixture
async def slow_writer(connect: Connect) -> asyncpg.Connection:
    return await connect("nrm_referral")


@pytest.fixture
async def relay(connect: Connect) -> AsyncIterator[asyncpg.Connection]:
    session = await connect("nrm_relay")
    yield session
    await _sequence_all(session)


async def _write(session: asyncpg.Connection, *entries: object) -> list[Pair]:
    await session.execute(APPEND, *_columns([append(*entries)]))
    return [(one.envelope.stream, one.envelope.streamversion) for one in entries]  # type: ignore[attr-defined]


async def _sequence_all(session: asyncpg.Connection, size: int = 1000) -> None:
    while await session.fetchval("SELECT referral.sequence($1)", size):
        pass


async def _log(session: asyncpg.Connection) -> list[Pair]:
    rows = await session.fetch("SELECT position, stream, version FROM referral.log ORDER BY position")
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return [(row["stream"], row["version"]) for row in rows]


async def test_a_transaction_held_open_is_neither_waited_for_nor_skipped(
    writer: asyncpg.Connection, slow_writer: asyncpg.Connection, relay: asyncpg.Connection
) -> None:
    await _sequence_all(relay)
    before = await _log(relay)
    held = slow_writer.transaction()
    await held.start()
    late = await _write(slow_writer, entry(new_stream()))
    early = await _write(writer, *chain(new_stream(), 2))
    await _sequence_all(relay)
    assert (await _log(relay))[len(before) :] == early
    await held.commit()
    await _sequence_all(relay)
    assert (await _log(relay))[len(before) :] == early + late


async def test_a_reader_by_identity_skips_in_that_schedule(
    writer: asyncpg.Connection, slow_writer: asyncpg.Connection, relay: asyncpg.Connection
) -> None:
    """The negative control: the outbox read by a growing cursor loses the event that was committed late."""
    await _sequence_all(relay)
    cursor, seen = 0, []

    async def read() -> None:
        nonlocal cursor
        for row in await relay.fetch("SELECT seq, stream FROM referral.outbox WHERE seq > $1 ORDER BY seq", cursor):
            cursor = row["seq"]
            seen.append(row["stream"])

    held = slow_writer.transaction()
    await held.start()
    [(lost, _)] = await _write(slow_writer, entry(new_stream()))
    [(found, _)] = await _write(writer, entry(new_stream()))
    await read()
    await held.commit()
    await read()
    assert found in seen
    assert lost not in seen
    await _sequence_all(relay)
    assert {lost, found} <= {stream for stream, _ in await _log(relay)}


async def _by_xid(session: asyncpg.Connection, xid: int) -> list[tuple[str, int, int]]:
    """The reader that orders by transaction and stops at the oldest running one."""
    rows = await session.fetch(
        "SELECT stream, version, xmin::text::bigint AS xid FROM referral.outbox "
        "WHERE xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint % (2::bigint ^ 32)::bigint "
        "AND xmin::text::bigint > $1 ORDER BY xmin::text::bigint, seq",
        xid,
    )
    return [(row["stream"], row["version"], row["xid"]) for row in rows]


async def test_a_reader_by_xid_reorders_a_stream(
    writer: asyncpg.Connection, slow_writer: asyncpg.Connection, relay: asyncpg.Connection
) -> None:
    """The negative control: a transaction that wrote elsewhere first has the lower xid, and the later event."""
    await _sequence_all(relay)
    first, second = chain(new_stream(), 2)
    held = slow_writer.transaction()
    await held.start()
    await slow_writer.execute("SELECT pg_current_xact_id()")  # it wrote something else first
    await _write(writer, first)
    await _write(slow_writer, second)
    await held.commit()
    assert [version for _, version, _ in await _by_xid(relay, 0)] == [2, 1]
    await _sequence_all(relay)
    assert [version for stream, version in await _log(relay) if stream == first.envelope.stream] == [1, 2]


async def test_a_reader_by_xid_waits_for_any_database_of_the_cluster(
    postgres_url: str, writer: asyncpg.Connection, relay: asyncpg.Connection
) -> None:
    """The negative control: a write left open in another database hides what is committed here."""
    await _sequence_all(relay)
    stranger = await asyncpg.connect(postgres_url)
    held = stranger.transaction()
    await held.start()
    await stranger.execute("SELECT pg_current_xact_id()")
    try:
        written = await _write(writer, entry(new_stream()))
        assert await _by_xid(relay, 0) == []
        await _sequence_all(relay)
        assert (await _log(relay))[-1:] == written
    finally:
        await held.rollback()
        await stranger.close()


async def test_a_rolled_back_append_leaves_no_gap(
    writer: asyncpg.Connection, slow_writer: asyncpg.Connection, relay: asyncpg.Connection
) -> None:
    held = slow_writer.transaction()
    await held.start()
    gone = await _write(slow_writer, entry(new_stream()))
    await held.rollback()
    kept = await _write(writer, entry(new_stream()))
    await _sequence_all(relay)
    log = await _log(relay)
    assert log[-1:] == kept
    assert gone[0] not in log


async def test_many_writers_and_two_sequencers_lose_and_double_nothing(dsn: Dsn, connect: Connect) -> None:
    """Writers of some streams commit after random pauses; two sequencers run at once, as after a split brain."""
    chance = random.Random(7)  # noqa: S311 - a seed, so that a failure can be run again
    written: list[Pair] = []
    admin = await connect("admin")

    async def write(stream: str) -> None:
        session = await asyncpg.connect(dsn("nrm_referral"))
        try:
            one = entry(stream)
            for _ in range(12):
                async with session.transaction():
                    written.extend(await _write(session, one))
                    await asyncio.sleep(chance.uniform(0, 0.01))
                one = after(one)
        finally:
            await session.close()

    async def sequence(stop: asyncio.Event) -> None:
        session = await asyncpg.connect(dsn("nrm_relay"))
        try:
            while not stop.is_set():
                try:
                    await session.execute("SELECT referral.sequence($1)", chance.randint(1, 5))
                except asyncpg.UniqueViolationError:  # the other one was faster: nothing of this attempt stands
                    await asyncio.sleep(0)
            await _sequence_all(session)
        finally:
            await session.close()

    stop = asyncio.Event()
    sequencers = [asyncio.create_task(sequence(stop)) for _ in range(2)]
    await asyncio.gather(*(write(new_stream()) for _ in range(12)))
    stop.set()
    await asyncio.gather(*sequencers[:1])
    await asyncio.gather(*sequencers[1:], return_exceptions=True)
    await _sequence_all(admin)
    log = await _log(admin)
    assert len(log) == len(set(log))
    assert set(written) <= set(log)
    for stream in {stream for stream, _ in written}:
        assert [version for name, version in log if name == stream] == list(range(1, 13))


async def test_a_batch_smaller_than_a_request_keeps_its_order(
    writer: asyncpg.Connection, relay: asyncpg.Connection
) -> None:
    await _sequence_all(relay)
    entries = chain(new_stream(), 5)
    written = await _write(writer, *entries)
    await _sequence_all(relay, size=2)
    assert (await _log(relay))[-5:] == written
