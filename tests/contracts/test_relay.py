"""From the store to a real Kafka: everything at least once, first occurrences in order, whatever kills the relay."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from prometheus_client import REGISTRY

from libs.events.envelope import parse
from libs.events.relay_kafka import Relay
from libs.events.store import Entry, EventStore
from libs.events.store_postgres import PostgresStore
from tests.contracts.conftest import Connect, Dsn
from tests.contracts.kafka import cancel, new_topic, records, running, until
from tests.contracts.kit import after, append, chain, entry, new_stream

Records = list[ConsumerRecord[bytes, bytes]]


@pytest.fixture
async def topic(kafka_bootstrap: str) -> str:
    return await new_topic(kafka_bootstrap)


@pytest.fixture
async def admin(connect: Connect) -> asyncpg.Connection:
    return await connect("admin")


@pytest.fixture
def relay(dsn: Dsn, kafka_bootstrap: str, topic: str) -> Relay:
    return Relay("referral", dsn("nrm_relay"), kafka_bootstrap, topic)


async def _published(admin: asyncpg.Connection, topic: str) -> bool:
    """Whether everything that is stored is sequenced and acknowledged."""
    [(head, sent, waiting, events)] = await admin.fetch(
        "SELECT (SELECT coalesce(max(position), 0) FROM referral.log), "
        "(SELECT coalesce(max(position), 0) FROM referral.published WHERE topic = $1), "
        "(SELECT count(*) FROM referral.outbox), (SELECT count(*) FROM referral.event)",
        topic,
    )
    return bool(head == sent == events and not waiting)


def _check(found: Records, admin_log: Sequence[asyncpg.Record]) -> Counter[int]:
    """I6: the topic holds exactly the log; in each stream first occurrences are in order. Copies per position."""
    positions = Counter(json.loads(record.value or b"")["position"] for record in found)
    assert sorted(positions) == [row["position"] for row in admin_log]
    by_position = {row["position"]: (row["stream"], row["version"]) for row in admin_log}
    heads: dict[str, int] = {}
    partitions: dict[bytes | None, int] = {}
    for record in found:
        envelope = parse(record.value or b"")
        assert by_position[envelope.position or 0] == (envelope.stream, envelope.streamversion)
        assert record.key == envelope.subject.encode()
        assert partitions.setdefault(record.key, record.partition) == record.partition
        head = heads.get(envelope.stream, 0)
        assert envelope.streamversion <= head + 1, "published before its predecessor"
        heads[envelope.stream] = max(head, envelope.streamversion)
    return positions


async def _log(admin: asyncpg.Connection) -> list[asyncpg.Record]:
    return await admin.fetch("SELECT position, stream, version FROM referral.log ORDER BY position")


async def _write_steadily(store: EventStore, streams: int, length: int) -> list[Entry]:
    """Append to some streams in turn, with a breath in between."""
    heads = [entry(new_stream()) for _ in range(streams)]
    written: list[Entry] = []
    for _ in range(length):
        await asyncio.gather(*(store.append(append(head)) for head in heads))
        written += heads
        heads = [after(head) for head in heads]
        await asyncio.sleep(0.01)
    return written


async def test_each_event_is_published_as_the_contract_says(
    relay: Relay, postgres_store: PostgresStore, admin: asyncpg.Connection, kafka_bootstrap: str, topic: str
) -> None:
    entries = chain(new_stream(), 3)
    await postgres_store.append(append(*entries))
    async with running(relay.run()):
        await until(lambda: _published(admin, topic))
        assert relay.leading
    found = await records(kafka_bootstrap, topic)
    assert set(_check(found, await _log(admin)).values()) == {1}
    mine = [record for record in found if record.key == entries[0].envelope.subject.encode()]
    assert [record.headers for record in mine] == [
        (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
    ] * 3
    public = [json.loads(record.value or b"") for record in mine]
    first = public[0].pop("position")
    assert [first + 1, first + 2] == [each.pop("position") for each in public[1:]]
    assert public == [each.envelope.public() for each in entries]


async def test_a_relay_that_is_killed_again_and_again_loses_nothing(
    relay: Relay, postgres_store: PostgresStore, admin: asyncpg.Connection, kafka_bootstrap: str, topic: str
) -> None:
    """F03: ended at random points, by cancelling it and by terminating its session, while events come."""
    chance = random.Random(11)  # noqa: S311 - a seed, so that a failure can be run again
    writing = asyncio.create_task(_write_steadily(postgres_store, streams=8, length=150))
    kills = 0
    while not writing.done():
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(chance.choice([0.02, 0.05, 0.1, 0.2, 0.4]) * chance.random() + 0.01)
        if kills % 2:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = 'nrm_relay' AND datname = current_database()"
            )
            await asyncio.sleep(chance.uniform(0, 0.15))
        await cancel(task)
        kills += 1
    assert kills > 10
    async with running(relay.run()):
        await until(lambda: _published(admin, topic))
    _check(await records(kafka_bootstrap, topic), await _log(admin))
    assert {(one.envelope.stream, one.envelope.streamversion) for one in writing.result()} <= {
        (row["stream"], row["version"]) for row in await _log(admin)
    }


async def test_of_two_relays_one_leads_and_the_other_takes_over(
    dsn: Dsn, postgres_store: PostgresStore, admin: asyncpg.Connection, kafka_bootstrap: str, topic: str
) -> None:
    """F04."""
    relays = [Relay("referral", dsn("nrm_relay"), kafka_bootstrap, topic) for _ in range(2)]
    async with running(*(each.run() for each in relays)) as tasks:

        async def settled() -> bool:
            return sorted((each.leading, each.standby) for each in relays) == [(False, True), (True, False)]

        await until(settled)
        leader = next(number for number, each in enumerate(relays) if each.leading)
        writing = asyncio.create_task(_write_steadily(postgres_store, streams=5, length=60))
        await asyncio.sleep(0.2)
        await cancel(tasks[leader])
        await writing
        await until(lambda: _published(admin, topic))
        assert relays[1 - leader].leading
    _check(await records(kafka_bootstrap, topic), await _log(admin))


async def test_a_leader_without_its_session_publishes_no_more_than_copies(
    dsn: Dsn, postgres_store: PostgresStore, admin: asyncpg.Connection, kafka_bootstrap: str, topic: str
) -> None:
    """A split brain: the leader's session is ended under it again and again, and another takes over at once."""
    relays = [Relay("referral", dsn("nrm_relay"), kafka_bootstrap, topic) for _ in range(2)]
    async with running(*(each.run() for each in relays)):
        writing = asyncio.create_task(_write_steadily(postgres_store, streams=5, length=100))
        while not writing.done():
            await asyncio.sleep(0.15)
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                "WHERE locktype = 'advisory' AND granted AND usename = 'nrm_relay' AND datname = current_database()"
            )
        await until(lambda: _published(admin, topic))
    _check(await records(kafka_bootstrap, topic), await _log(admin))


async def test_positions_are_given_while_kafka_is_away_and_the_end_is_clean(
    dsn: Dsn, postgres_store: PostgresStore, admin: asyncpg.Connection
) -> None:
    relay = Relay("referral", dsn("nrm_relay"), "127.0.0.1:1", "t.referral.events.v1")
    async with running(relay.run()):
        for one in chain(new_stream(), 3):
            await postgres_store.append(append(one))

            async def sequenced() -> bool:
                return not await admin.fetchval("SELECT count(*) FROM referral.outbox")

            await until(sequenced)
        assert not relay.leading


@asynccontextmanager
async def _triggers_off(admin: asyncpg.Connection) -> AsyncIterator[None]:
    """A superuser who can change what is recorded; afterwards everything is as it was."""
    await admin.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM referral.event")
    await admin.execute("CREATE TEMPORARY TABLE kept_log AS SELECT * FROM referral.log")
    await admin.execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        await admin.execute("DELETE FROM referral.event")
        await admin.execute("INSERT INTO referral.event SELECT * FROM kept")
        await admin.execute("INSERT INTO referral.log SELECT * FROM kept_log ON CONFLICT DO NOTHING")
        await admin.execute("SET session_replication_role = origin")
        await admin.execute("DROP TABLE kept, kept_log")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE referral.event SET body = convert_to(replace(convert_from(body, 'UTF8'), 'fine', 'evil'), 'UTF8')",
        "UPDATE referral.event SET hash = sha256('x')",
        "DELETE FROM referral.event",
        "DELETE FROM referral.log",
    ],
    ids=["body", "hash", "event gone", "position gone"],
)
async def test_what_was_changed_in_the_store_is_never_published(
    relay: Relay,
    postgres_store: PostgresStore,
    admin: asyncpg.Connection,
    kafka_bootstrap: str,
    topic: str,
    sql: str,
) -> None:
    """What stands before it goes out, it and what follows do not; the alarm is counted; restored, all goes out."""
    entries = chain(new_stream(), 5)
    await postgres_store.append(append(*entries))
    await admin.execute("SELECT referral.sequence(10000)")
    place = "stream = $1 AND version = 3"
    position = await admin.fetchval(f"SELECT position FROM referral.log WHERE {place}", entries[0].envelope.stream)

    def alarms() -> float:
        return REGISTRY.get_sample_value("nrm_relay_corrupt_total", {"service": "referral"}) or 0

    async def alarmed() -> bool:
        return alarms() > before

    before = alarms()
    async with running(relay.run()):
        async with _triggers_off(admin):
            await admin.execute(f"{sql} WHERE {place}", entries[0].envelope.stream)
            await until(alarmed)
            before = alarms()
            await until(alarmed)
            assert not relay.leading
            positions = {
                json.loads(record.value or b"")["position"] for record in await records(kafka_bootstrap, topic)
            }
            assert positions == set(range(1, position))
        await until(lambda: _published(admin, topic))
    _check(await records(kafka_bootstrap, topic), await _log(admin))
