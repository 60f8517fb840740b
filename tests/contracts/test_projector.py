"""From a real Kafka to rows: each event once and in its stream's order, whatever is delivered and whatever dies."""

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import replace

import asyncpg
import pytest
from prometheus_client import REGISTRY

from libs.events.generations import Generation
from libs.events.projector import Projector, Source
from libs.events.store import Entry
from libs.events.writer import Writer
from tests.contracts.conftest import Connect
from tests.contracts.kafka import PARTITIONS, cancel, new_topic, records, running, until
from tests.contracts.kit import after, chain, entry, expected_rows, new_stream, wire
from tests.contracts.stage import Stage, shuffled


async def test_events_become_rows_and_progress(stage: Stage) -> None:
    events = shuffled([chain(new_stream(), 5) for _ in range(20)], random.Random(1))  # noqa: S311
    async with running(stage.projector().run()):
        await stage.send(*events)
        await stage.has_consumed(100)
    await stage.is_exactly(events)


async def test_duplicates_are_dropped(stage: Stage) -> None:
    """F17: a third of the records twice, then the whole topic twice again, all around restarts."""
    chance = random.Random(2)  # noqa: S311
    events = shuffled([chain(new_stream(), 8) for _ in range(10)], chance)
    twice = [copy for each in events for copy in [each] * chance.choice([1, 1, 2])]
    last = entry(new_stream())
    await stage.send(*twice)
    async with running(stage.projector().run()):
        await stage.has_consumed(80)
        await stage.send(*events, *twice)
    async with running(stage.projector().run()):
        await stage.send(last)
        await stage.has_consumed(81)
    await stage.is_exactly([*events, last])
    assert await stage.count("refused") == 0


async def test_events_out_of_order_are_parked_then_applied(stage: Stage) -> None:
    """F18: a stream scattered over partitions and turned round; others are not kept waiting."""
    events, other = chain(new_stream(), 12), entry(new_stream())
    async with running(stage.projector().run()):
        await stage.send(*reversed(events[1:]), partition=lambda number: number % PARTITIONS)
        await stage.has("parked", 11)
        await stage.send(other)
        await stage.has_consumed(1)
        assert await stage.rows() == expected_rows([other])
    async with running(stage.projector().run()):
        await stage.send(events[0])
        await stage.has_consumed(13)
    await stage.is_exactly([*events, other])


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_with_duplicates_gives_the_same_rows(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    events = [each for _ in range(8) for each in chain(new_stream(), chance.randint(1, 9))]
    sent = events + chance.sample(events, len(events) // 3)
    chance.shuffle(sent)
    async with running(stage.projector().run()):
        for start in range(0, len(sent), 7):
            await stage.send(*sent[start : start + 7], partition=lambda number: number % PARTITIONS)
        await stage.has_consumed(len(events))
    await stage.is_exactly(events)


def _refused(stage: Stage) -> float:
    return REGISTRY.get_sample_value("nrm_projection_refused_total", {"projection": stage.name}) or 0


async def test_what_is_no_event_is_refused_and_named(stage: Stage) -> None:
    """F20, F21: the partition goes on, the rows stay as they are, the alarm counts."""
    first, second = chain(new_stream(), 2)
    good = wire(second)
    foreign = entry(new_stream(), type="org.opennrm.identification.closed.v1", source="/services/identification")
    bad: list[bytes | Entry | None] = [
        b"", None, b"\xff\xfe", b"{", b"null", b"[]", b"1", b'{"specversion":"1.0"}', b"x" * 900_000,
        good.replace(b"fine", b"evil"), good.replace(b'"streamversion":2', b'"streamversion":3'),
        good[: good.index(b',"hash"')] + b"}", foreign, entry(new_stream(), source="/services/justice"),
        entry(new_stream(), id="nobody"), entry("provider:\0"), entry(new_stream(), 2**31), entry(new_stream(), 0),
        entry(new_stream(), type="surprise"), entry(new_stream(), traceparent=5),
    ]  # fmt: skip
    async with running(stage.projector().run()):
        await stage.send(first, *bad, second)
        await stage.has_consumed(2)
    await stage.is_exactly([first, second])
    assert await stage.count("refused") == len(bad) == _refused(stage)
    assert await stage.count("dead_letter") == 0
    offsets = await stage.admin.fetch(f"SELECT kafka_offset, reason FROM {stage.name}.refused ORDER BY 1")
    assert [row["kafka_offset"] for row in offsets] == list(range(1, len(bad) + 1))
    assert not any("evil" in row["reason"] for row in offsets)


async def test_a_forged_successor_is_refused_and_the_true_one_is_applied(stage: Stage) -> None:
    """Well-formed, with a hash that fits, but not in the stream's chain: whether it comes on time, early or late."""
    first, second, third = chain(new_stream(), 3)
    stream = first.envelope.stream
    forged = [entry(stream, 2, "f" * 64), entry(stream, 1, "f" * 64), entry(stream, 1, grounds="other")]
    async with running(stage.projector().run()):
        await stage.send(first, *forged, second, third)
        await stage.has_consumed(3)
        fourth = after(third)
        await stage.send(entry(stream, 5, "f" * 64), after(fourth), partition=lambda _: 1)
        await stage.has("parked", 1)  # the first that came for this version
        await stage.send(fourth)
        await stage.has("refused", 4)
        await stage.has_consumed(4)
    assert await stage.rows() == expected_rows([first, second, third, fourth])


async def test_a_stream_out_of_the_void_waits(stage: Stage) -> None:
    """A forger's stream that begins at 1 with a wrong prevhash is no stream."""
    async with running(stage.projector().run()):
        await stage.send(entry(new_stream(), 1, "f" * 64))
        await stage.has("refused", 1)
    assert await stage.rows() == {}


@pytest.mark.parametrize("poison", ["raise", "unfit", "nowhere", "no-json"])
async def test_a_poison_event_stops_its_stream_only_until_it_is_replayed(
    stage: Stage, poison: str, connect: Connect
) -> None:
    """F20: a projection that trips, a row that does not fit, a table that is not there, a value that is no JSON."""
    start = entry(new_stream())
    bad = after(start, grounds=poison)
    behind = after(bad)
    last = after(behind)
    others = chain(new_stream(), 3)
    async with running(stage.projector().run()):
        await stage.send(start, others[0], bad, behind, others[1])
        await stage.has_consumed(3)
        await stage.send(others[2], last, bad)
        await stage.has_consumed(4)
        await stage.has("parked", 2)
    assert await stage.rows() == expected_rows([start, *others])
    [dead] = await stage.admin.fetch(f"SELECT stream, version, event_id, reason FROM {stage.name}.dead_letter")
    assert (dead["stream"], dead["version"]) == (bad.envelope.stream, 2)
    assert str(dead["event_id"]) == bad.envelope.id
    assert bad.envelope.subject not in dead["reason"]
    async with running(stage.projector().run()):
        views = await connect("nrm_views")
        writer = await Writer.open(views, stage.projection, Generation(stage.name, 1))
        assert await writer.replay_dead_letters() == 0  # nothing was fixed: nothing changes
        assert await stage.rows() == expected_rows([start, *others])
        assert (await stage.count("dead_letter"), await stage.count("parked")) == (1, 2)
        stage.rules.refuse = frozenset()
        assert await writer.replay_dead_letters() == 1
        await stage.send(after(last))
        await stage.has_consumed(8)
    await stage.is_exactly([start, bad, behind, last, after(last), *others])
    assert await stage.count("dead_letter") == 0


async def test_what_cannot_be_applied_is_told_on_a_topic_with_its_reason(stage: Stage) -> None:
    """By the leader that buried it, and again by the next one: at least once, whatever a crash falls between."""
    told = replace(stage.source, dead_letters=await new_topic(stage.source.bootstrap, "dead"))
    start = entry(new_stream())
    bad, worse = after(start, grounds="raise"), entry(new_stream(), grounds="unfit")
    async with running(Projector(stage.projection, stage.dsn, told).run()):
        await stage.send(start, bad, worse)
        first = await letters(told, 2)
    assert {(value, headers["reason"]) for value, headers in first} == {
        (wire(bad), "cannot be applied: ZeroDivisionError"),
        (wire(worse), "its rows do not fit: CheckViolationError"),
    }
    assert {headers["projection"] for _, headers in first} == {stage.name}
    async with running(Projector(stage.projection, stage.dsn, told).run()):
        again = await letters(told, 4)
    assert sorted(value for value, _ in again) == sorted(2 * [wire(bad), wire(worse)])


async def letters(source: Source, count: int) -> list[tuple[bytes, dict[str, str]]]:
    """What stands on the topic of the dead, once there is so much of it."""
    found: list[tuple[bytes, dict[str, str]]] = []

    async def enough() -> bool:
        found[:] = [
            (one.value or b"", {name: text.decode() for name, text in one.headers})
            for one in await records(source.bootstrap, source.dead_letters)
        ]
        return len(found) >= count

    await until(enough)
    return found


async def test_the_poison_is_named_though_it_was_parked_behind_a_good_one(stage: Stage) -> None:
    good = entry(new_stream())
    bad = after(good, grounds="unfit")
    async with running(stage.projector().run()):
        await stage.send(after(bad), bad)
        await stage.has("parked", 2)
        await stage.send(good)
        await stage.has("dead_letter", 1)
        await stage.has_consumed(1)
    assert await stage.rows() == expected_rows([good])
    assert await stage.admin.fetchval(f"SELECT version FROM {stage.name}.dead_letter") == 2
    assert await stage.count("parked") >= 1


async def test_a_replay_that_dies_midway_loses_no_dead_letter(stage: Stage, connect: Connect) -> None:
    bad = entry(new_stream(), grounds="raise")
    async with running(stage.projector().run()):
        await stage.send(bad)
        await stage.has("dead_letter", 1)
    stage.rules.refuse = frozenset()
    views, lock = await connect("nrm_views"), stage.admin
    writer = await Writer.open(views, stage.projection, Generation(stage.name, 1))
    async with lock.transaction():
        await lock.execute(f"LOCK TABLE {stage.name}_g1.provider IN EXCLUSIVE MODE")
        replay = asyncio.create_task(writer.replay_dead_letters())

        async def waits() -> bool:
            return bool(
                await lock.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE NOT granted AND relation = $1::regclass",
                    f"{stage.name}_g1.provider",
                )
            )

        await until(waits)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await replay
    assert await stage.count("dead_letter") == 1


async def test_a_projector_killed_anywhere_applies_each_once(stage: Stage) -> None:
    """F05: cancelled, or its session ended, at random points between apply and commit; two replicas take turns."""
    chance = random.Random(5)  # noqa: S311
    events = shuffled([chain(new_stream(), 40) for _ in range(10)], chance)
    projectors: list[asyncio.Task[None]] = []

    async def send() -> None:
        for start in range(0, len(events), 20):
            await stage.send(*events[start : start + 20])
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    while not sending.done():
        projectors = [asyncio.create_task(stage.projector().run()) for _ in range(2)]
        await asyncio.sleep(chance.uniform(0.02, 0.4))
        await stage.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'nrm_views' AND datname = current_database()"
        )
        await asyncio.sleep(chance.uniform(0, 0.2))
        await cancel(*projectors)
    async with running(stage.projector().run()):
        await stage.has_consumed(400)
    await stage.is_exactly(events)


async def test_a_crash_between_apply_and_commit_leaves_nothing_behind(stage: Stage) -> None:
    """The rows are written and the transaction is waiting to record its offsets when its session is ended."""
    first, second = chain(new_stream(), 2)
    async with running(stage.projector().run()):
        await stage.send(first)
        await stage.has_consumed(1)
        async with stage.admin.transaction():
            await stage.admin.execute(f"LOCK TABLE {stage.name}_g1.resume IN EXCLUSIVE MODE")
            await stage.send(second)

            async def killed() -> bool:
                return bool(
                    await stage.admin.fetchval(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                        "WHERE NOT granted AND relation = $1::regclass",
                        f"{stage.name}_g1.resume",
                    )
                )

            await until(killed)
            assert await stage.rows() == expected_rows([first])
        await stage.has_consumed(2)
    await stage.is_exactly([first, second])


async def test_of_two_replicas_one_leads_and_the_other_takes_over(stage: Stage) -> None:
    events = chain(new_stream(), 30)
    replicas = [stage.projector() for _ in range(2)]
    async with running(*(each.run() for each in replicas)) as tasks:

        async def settled() -> bool:
            return sorted((each.leading, each.standby) for each in replicas) == [(False, True), (True, False)]

        await until(settled)
        await stage.send(*events[:10])
        await stage.has_consumed(10)
        leader = next(number for number, each in enumerate(replicas) if each.leading)
        await cancel(tasks[leader])
        await stage.send(*events[10:])
        await stage.has_consumed(30)
        assert replicas[1 - leader].leading
    await stage.is_exactly(events)


async def test_a_projector_resumes_where_its_rows_are(stage: Stage) -> None:
    events = chain(new_stream(), 20)
    await stage.send(*events[:10])
    async with running(stage.projector().run()):
        await stage.has_consumed(10)
    offset = await stage.admin.fetchval(f"SELECT next_offset FROM {stage.name}.resume WHERE kafka_partition = 0")
    assert offset == 10
    await stage.send(*events[10:])
    async with running(stage.projector().run()):
        await stage.has_consumed(20)
    await stage.is_exactly(events)


async def test_waiters_are_told_of_each_batch(stage: Stage) -> None:
    projector = stage.projector()

    async def told() -> None:
        async with projector.advanced:
            await projector.advanced.wait()

    async with running(projector.run()):
        waiting: Awaitable[None] = asyncio.create_task(told())
        await asyncio.sleep(0.1)
        await stage.send(entry(new_stream()))
        await asyncio.wait_for(waiting, 10)
