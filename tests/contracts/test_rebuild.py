"""Rebuilding beside the live rows: equal or not switched, never less than before, and a way back."""

import asyncio
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from libs.events import generations
from libs.events.consume import Change, Fact
from libs.events.rebuild import CannotRebuild, go_back, rebuild
from tests.contracts.conftest import Connect
from tests.contracts.kafka import PARTITIONS, cancel, running, until
from tests.contracts.kit import Rules, after, chain, expected_rows, new_stream, projection
from tests.contracts.stage import Stage, shuffled


async def _rebuilt(stage: Stage) -> Any:
    return await rebuild(stage.projection, stage.dsn, stage.source)


async def _live(stage: Stage) -> int:
    live = await generations.current(stage.admin, stage.name)
    assert live is not None
    return live.number


async def _schemas(stage: Stage) -> list[str]:
    rows = await stage.admin.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE $1", f"{stage.name}_g%")
    return sorted(row["nspname"] for row in rows)


async def test_a_rebuild_gives_equal_rows_while_events_keep_arriving(stage: Stage) -> None:
    streams = [chain(new_stream(), 30) for _ in range(10)]
    events = shuffled(streams, random.Random(3))  # noqa: S311
    await stage.send(*events[:150], partition=lambda number: number % PARTITIONS)
    async with running(stage.projector().run()):
        await stage.has_consumed(1)

        async def keep_sending() -> None:
            for start in range(150, 300, 5):
                await stage.send(*events[start : start + 5], partition=lambda number: number % PARTITIONS)
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(keep_sending())
        done = await _rebuilt(stage)
        assert not sending.done()
        assert (done.switched, done.differences, done.generation) == (True, {}, 2)
        await sending
        await stage.has_consumed(300)
        assert await _live(stage) == 2
    await stage.is_exactly(events)


async def test_the_live_rows_answer_and_grow_during_a_rebuild(stage: Stage) -> None:
    """Readers see the old rows, with what arrives meanwhile, until the new ones are equal to them."""
    events = chain(new_stream(), 40)
    await stage.send(*events[:20])
    async with running(stage.projector().run()):
        await stage.has_consumed(20)
        started, go_on = threading.Event(), threading.Event()
        apply = stage.projection.apply

        def slowly(fact: Fact) -> Sequence[Change]:
            started.set()
            assert go_on.wait(60)
            return apply(fact)

        # A thread and a loop of its own, so that it can be held at its first event while the live rows go on.
        slow = rebuild(replace(stage.projection, apply=slowly), stage.dsn, stage.source)
        rebuilding = asyncio.create_task(asyncio.to_thread(asyncio.run, slow))
        assert await asyncio.to_thread(started.wait, 20)
        await stage.send(*events[20:])
        await stage.has_consumed(40)
        assert not rebuilding.done()
        assert await stage.rows() == expected_rows(events)
        go_on.set()
        assert (await rebuilding).switched
    await stage.is_exactly(events)


async def test_a_rebuild_of_rows_altered_by_hand_finds_it_and_does_not_switch(stage: Stage) -> None:
    events = chain(new_stream(), 5)
    await stage.send(*events)
    async with running(stage.projector().run()):
        await stage.has_consumed(5)
        await stage.admin.execute(f"UPDATE {stage.name}_g1.provider SET last = 'by hand'")
        done = await _rebuilt(stage)
        assert (done.switched, done.differences) == (False, {"provider": (1, 1)})
        await stage.admin.execute(f"INSERT INTO {stage.name}_g1.tally VALUES ('never', 0)")
        assert (await _rebuilt(stage)).differences == {"provider": (1, 1), "tally": (2, 1)}
        await stage.admin.execute(f"CREATE TABLE {stage.name}_g1.extra (x int)")
        await stage.admin.execute(f"ALTER TABLE {stage.name}_g1.extra OWNER TO nrm_views")
        assert (await _rebuilt(stage)).differences.keys() == {"provider", "tally", "extra"}
        assert await _live(stage) == 1
        assert await _schemas(stage) == [f"{stage.name}_g1"]
        await stage.send(after(events[-1]))
        await stage.has_consumed(6)


async def test_there_is_a_way_back_and_forth_again(stage: Stage) -> None:
    events = chain(new_stream(), 9)
    await stage.send(*events[:3])
    async with running(stage.projector().run()):
        await stage.has_consumed(3)
        with pytest.raises(CannotRebuild, match="no earlier"):
            await go_back(stage.projection, stage.dsn)
        for number in (2, 3):
            assert (await _rebuilt(stage)).generation == number
        assert await _schemas(stage) == [f"{stage.name}_g2", f"{stage.name}_g3"]
        await stage.send(*events[3:6])
        await stage.has_consumed(6)
        assert await go_back(stage.projection, stage.dsn) == 2
        await stage.has_consumed(6)
        assert await stage.rows() == expected_rows(events[:6])
        assert (await _rebuilt(stage)).switched
        await stage.send(*events[6:])
        await stage.has_consumed(9)
        assert await go_back(stage.projection, stage.dsn) == 2
        await stage.has_consumed(9)
    await stage.is_exactly(events)


async def test_only_one_rebuild_runs_and_a_killed_one_leaves_nothing_that_is_taken_for_whole(stage: Stage) -> None:
    await stage.send(*chain(new_stream(), 5))
    async with running(stage.projector().run()):
        with pytest.raises(CannotRebuild, match="never run"):
            await rebuild(projection("p_never"), stage.dsn, stage.source)
        await stage.has_consumed(5)
        async with stage.admin.transaction():
            await stage.admin.execute(f"LOCK TABLE {stage.name}_g1.resume IN ACCESS EXCLUSIVE MODE")
            first = asyncio.create_task(_rebuilt(stage))

            async def filling() -> bool:
                return len(await _schemas(stage)) == 2

            await until(filling)
            with pytest.raises(CannotRebuild, match="another"):
                await _rebuilt(stage)
            await cancel(first)
        assert await _schemas(stage) == [f"{stage.name}_g1"]
        # A rebuild that was killed -9 could not clean up after itself; the next one does.
        views = await asyncpg.connect(stage.dsn)
        async with views.transaction():
            left = await generations.create(views, stage.projection)
        await views.close()
        done = await _rebuilt(stage)
        assert done.switched
        assert await _schemas(stage) == [f"{stage.name}_g1", f"{stage.name}_g{done.generation}"]
        assert left.number == 2


async def test_a_projector_notices_another_generation_and_loses_nothing(stage: Stage) -> None:
    """Switched by hand to one that stands further back: it is brought up to date from its own offsets."""
    events = chain(new_stream(), 10)
    await stage.send(*events[:5])
    async with running(stage.projector().run()):
        await stage.has_consumed(5)
        views = await asyncpg.connect(stage.dsn)
        async with views.transaction():
            empty = await generations.create(views, stage.projection)
            await generations.switch(views, empty)
        await views.close()
        await stage.send(*events[5:])
        await stage.has_consumed(10)
        assert await _live(stage) == 2
    await stage.is_exactly(events)


async def test_a_release_with_other_tables_begins_a_generation_of_its_own(connect: Connect) -> None:
    connection = await connect("nrm_views")
    made = projection(f"p_{uuid4().hex[:12]}", Rules())
    first = await generations.ensure(connection, made)
    assert await generations.ensure(connection, made) == first
    wider = replace(made, tables=f"{made.tables}; CREATE TABLE added (name text PRIMARY KEY)")
    second = await generations.ensure(connection, wider)
    assert second.number == first.number + 1
    assert await generations.current(connection, made.name) == second
