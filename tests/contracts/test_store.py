"""One suite for both stores: what an append promises, under races, refusals and lost connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from libs.events.envelope import GENESIS, Tampered
from libs.events.store import Append, Conflict, Entry, EventStore, KeyReused, Unavailable
from libs.events.store_memory import MemoryStore
from libs.events.store_postgres import PostgresStore
from tests.contracts.conftest import Connect, Dsn
from tests.contracts.kit import after, answer, append, chain, entry, new_stream
from tests.faults.wire import through


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> EventStore:
    found: EventStore = MemoryStore() if request.param == "memory" else request.getfixturevalue("postgres_store")
    return found


async def _outcomes(writes: list[Awaitable[None]]) -> list[BaseException | None]:
    async with asyncio.timeout(30):
        return await asyncio.gather(*writes, return_exceptions=True)


async def test_what_was_appended_is_read_in_order(store: EventStore) -> None:
    entries = chain(new_stream(), 5)
    await store.append(append(*entries[:2]))
    await store.append(append(*entries[2:]))
    assert await store.read(entries[0].envelope.stream) == [one.envelope for one in entries]


async def test_a_stream_nobody_wrote_is_empty(store: EventStore) -> None:
    assert await store.read(new_stream()) == []


async def test_a_taken_version_is_a_conflict(store: EventStore) -> None:
    first = entry(new_stream())
    await store.append(append(first))
    for late in (first, entry(first.envelope.stream, grounds="late")):
        with pytest.raises(Conflict):
            await store.append(append(late))
    assert await store.read(first.envelope.stream) == [first.envelope]


async def test_a_missing_predecessor_is_a_conflict(store: EventStore) -> None:
    entries = chain(new_stream(), 3)
    for gap in (entries[1:2], entries[2:], [entries[0], entries[2]]):
        with pytest.raises(Conflict):
            await store.append(append(*gap))
    assert await store.read(entries[0].envelope.stream) == []


async def test_a_wrong_prevhash_is_a_conflict(store: EventStore) -> None:
    first, second = chain(new_stream(), 2)
    stream = first.envelope.stream
    await store.append(append(first))
    stranger = entry(stream, 2, "a" * 64)
    for wrong in ([stranger], [second, entry(stream, 3, first.envelope.hash)], [entry(stream, 2, GENESIS)]):
        with pytest.raises(Conflict):
            await store.append(append(*wrong))
    with pytest.raises(Conflict):
        await store.append(append(entry(new_stream(), 1, "a" * 64)))
    assert await store.read(stream) == [first.envelope]


async def test_bytes_without_their_hash_are_never_stored(store: EventStore) -> None:
    one = entry(new_stream())
    with pytest.raises(Tampered):
        await store.append(append(Entry(one.envelope, one.body.replace(b"fine", b"evil"))))
    assert await store.read(one.envelope.stream) == []


async def test_a_key_is_used_once(store: EventStore) -> None:
    key, first = uuid4().hex, entry(new_stream())
    await store.append(append(first, key=key))
    assert await store.answer("mosvy", key) == answer(key)
    assert await store.answer("another-organisation", key) is None
    other = new_stream()
    for again in (first, after(first), entry(other)):
        with pytest.raises(KeyReused) as reused:
            await store.append(append(again, key=key))
        assert reused.value.answer == answer(key)
    assert await store.read(other) == []
    assert await store.read(first.envelope.stream) == [first.envelope]


async def test_a_key_of_another_organisation_is_another_key(store: EventStore) -> None:
    key = uuid4().hex
    await store.append(append(entry(new_stream()), key=key))
    await store.append(Append([entry(new_stream())], answer(key, organisation="cnp")))
    assert await store.answer("cnp", key) == answer(key, organisation="cnp")


async def test_an_answer_without_events_is_kept(store: EventStore) -> None:
    key = uuid4().hex
    await store.append(append(key=key))
    with pytest.raises(KeyReused):
        await store.append(append(key=key))


async def test_all_streams_of_an_append_or_none(store: EventStore) -> None:
    taken, free, key = entry(new_stream()), entry(new_stream()), uuid4().hex
    await store.append(append(taken))
    with pytest.raises(Conflict):
        await store.append(append(free, entry(taken.envelope.stream, grounds="late"), key=key))
    assert await store.read(free.envelope.stream) == []
    assert await store.answer("mosvy", key) is None
    await store.append(append(free, after(taken), key=key))
    assert len(await store.read(taken.envelope.stream)) == 2


async def test_64_writers_of_one_stream_have_one_winner_a_version(store: EventStore) -> None:
    """F26: each tries every version with an event of its own; exactly one of them stands."""
    before = entry(new_stream())
    await store.append(append(before))
    for _ in range(3):
        rivals = [after(before, grounds=f"writer {number}") for number in range(64)]
        outcomes = await _outcomes([store.append(append(one)) for one in rivals])
        winners = [one for one, outcome in zip(rivals, outcomes, strict=True) if outcome is None]
        assert len(winners) == 1
        assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome is not None)
        assert (await store.read(before.envelope.stream))[-1] == winners[0].envelope
        before = winners[0]


async def test_64_requests_under_one_key_have_one_winner(store: EventStore) -> None:
    key, rivals = uuid4().hex, [entry(new_stream()) for _ in range(64)]
    outcomes = await _outcomes([store.append(append(one, key=key)) for one in rivals])
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, KeyReused) for outcome in outcomes) == 63
    assert [len(await store.read(one.envelope.stream)) for one in rivals].count(1) == 1


def _unsealed(one: Entry, **changes: Any) -> Entry:
    """An entry that sealing would refuse, as a program with a fault in it might pass on."""
    envelope = one.envelope._replace(**changes)
    body = envelope.canonical()
    return Entry(envelope._replace(hash=sha256(body).hexdigest()), body)


def _wrong_uuid(one: Entry) -> Append:
    return append(_unsealed(one, id="no uuid"))


def _nul(one: Entry) -> Append:
    return Append([one], replace(answer(uuid4().hex), location="/v1/\0"))


def _too_many(one: Entry) -> Append:
    return Append([one], replace(answer(uuid4().hex), status=2**40))


def _surrogate(one: Entry) -> Append:
    return Append([one], replace(answer(uuid4().hex), location="\ud800"))


def _no_answer_at_all(one: Entry) -> Append:
    return Append([one], replace(answer(uuid4().hex), status=None))


def _no_hex(one: Entry) -> Append:
    return append(_unsealed(one, streamversion=2, prevhash="no hex"))


BAD: list[Callable[[Entry], Append]] = [_no_hex, _wrong_uuid, _nul, _too_many, _surrogate, _no_answer_at_all]


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_append_in_a_group_fails_alone(
    postgres_store: PostgresStore, bad: Callable[[Entry], Append]
) -> None:
    """Whatever PostgreSQL or its driver refuses one for, the others of the transaction are stored."""
    entries = [entry(new_stream()) for _ in range(63)]
    writes = [postgres_store.append(append(one, key=uuid4().hex)) for one in entries]
    wrong = entry(new_stream())
    outcomes = await _outcomes([*writes[:30], postgres_store.append(bad(wrong)), *writes[30:]])
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [30]
    for one in entries:
        assert await postgres_store.read(one.envelope.stream) == [one.envelope]
    assert await postgres_store.read(wrong.envelope.stream) == []


async def test_a_loser_in_a_group_fails_alone(store: EventStore) -> None:
    taken = entry(new_stream())
    await store.append(append(taken))
    entries = [entry(new_stream()) for _ in range(63)]
    writes = [store.append(append(one)) for one in entries]
    late = store.append(append(entry(taken.envelope.stream, grounds="late")))
    outcomes = await _outcomes([*writes[:10], late, *writes[10:]])
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [10]
    assert isinstance(outcomes[10], Conflict)


async def test_processes_that_cross_each_others_streams_never_deadlock(dsn: Dsn) -> None:
    """F16: groups of two processes insert the same streams and keys in opposite orders."""
    async with asyncpg.create_pool(dsn("nrm_referral")) as pool:
        stores = [PostgresStore(pool, "referral"), PostgresStore(pool, "referral")]
        for each in stores:
            await each.start()
        for _ in range(15):
            streams = [new_stream() for _ in range(30)]
            forth = [stores[0].append(append(*map(entry, streams))) for _ in range(2)]
            back = [stores[1].append(append(*map(entry, reversed(streams)))) for _ in range(2)]
            outcomes = await _outcomes([*forth, *back])
            assert outcomes.count(None) == 1
            assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome is not None)
        for each in stores:
            await each.stop()


async def test_a_store_that_stopped_says_so(dsn: Dsn) -> None:
    async with asyncpg.create_pool(dsn("nrm_referral"), min_size=0) as pool:
        idle = PostgresStore(pool, "referral")
        with pytest.raises(Unavailable):
            await idle.append(append(entry(new_stream())))
        await idle.start()
        waiting = [asyncio.create_task(idle.append(append(entry(new_stream())))) for _ in range(20)]
        await asyncio.sleep(0)
        await idle.stop()
        assert await _outcomes(list(waiting)) == [None] * 20
        with pytest.raises(Unavailable):
            await idle.append(append(entry(new_stream())))


async def test_a_cancelled_caller_leaves_all_or_nothing(postgres_store: PostgresStore) -> None:
    key, one = uuid4().hex, entry(new_stream())
    task = asyncio.create_task(postgres_store.append(append(one, key=key)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await postgres_store.append(append(entry(new_stream())))  # behind it in the queue
    assert bool(await postgres_store.answer("mosvy", key)) == (await postgres_store.read(one.envelope.stream) != [])


class Cut:
    """A proxy in front of PostgreSQL that can cut a connection before or after the server has answered."""

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self.when: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection(*self.target)
        await asyncio.wait(
            [
                asyncio.create_task(self._pump(reader, downstream, "before")),
                asyncio.create_task(self._pump(upstream, writer, "after")),
            ],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for end in (writer, downstream):
            end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, side: str) -> None:
        while block := await source.read(65536):
            if self.when == side and (side == "after" or b"B\0" in block):
                return
            sink.write(block)
            await sink.drain()


@asynccontextmanager
async def _cuttable(dsn: str) -> AsyncIterator[tuple[Cut, PostgresStore]]:
    parts = urlsplit(dsn)
    cut = Cut(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(cut.serve, "127.0.0.1", 0)
    address = through(dsn, server.sockets[0].getsockname()[1])
    async with server, asyncpg.create_pool(address, min_size=1, max_size=1, ssl=False) as pool:
        store = PostgresStore(pool, "referral")
        await store.start()
        yield cut, store
        cut.when = ""
        await store.stop()


@pytest.mark.parametrize(("when", "stored"), [("before", False), ("after", True)])
async def test_a_connection_cut_in_the_commit_is_unknown_and_the_key_tells(
    dsn: Dsn, postgres_store: PostgresStore, when: str, stored: bool
) -> None:
    """F13: nobody can say whether it was committed; the retry under the same key finds out."""
    async with _cuttable(dsn("nrm_referral")) as (cut, store):
        await store.append(append(entry(new_stream())))  # the statement is prepared now: one packet, one answer
        key, one = uuid4().hex, entry(new_stream())
        cut.when = when
        with pytest.raises(Unavailable):
            await store.append(append(one, key=key))
        cut.when = ""
        async with asyncio.timeout(5):
            while stored and await postgres_store.answer("mosvy", key) is None:
                await asyncio.sleep(0.01)
        if stored:
            with pytest.raises(KeyReused) as reused:
                await store.append(append(one, key=key))
            assert reused.value.answer == answer(key)
        else:
            await store.append(append(one, key=key))
        assert await store.read(one.envelope.stream) == [one.envelope]


async def test_a_terminated_backend_is_unknown_to_the_whole_group_and_the_next_goes_on(
    postgres_store: PostgresStore, connect: Connect
) -> None:
    admin = await connect("admin")
    lock = await connect("admin")
    entries = [entry(new_stream()) for _ in range(10)]
    async with lock.transaction():
        await lock.execute("LOCK TABLE referral.event IN EXCLUSIVE MODE")
        writes = [asyncio.create_task(postgres_store.append(append(one))) for one in entries]
        ended = 0
        while not ended:
            await asyncio.sleep(0.02)
            ended = await admin.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE usename = 'nrm_referral' AND wait_event_type = 'Lock' AND datname = current_database()"
            )
        done, _ = await asyncio.wait(writes, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert done
        assert all(isinstance(task.exception(), Unavailable) for task in done)
    await _outcomes(list(writes))
    await postgres_store.append(append(entry(new_stream())))
