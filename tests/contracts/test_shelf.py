"""One suite for both shelves: what the simulation runs on keeps the promises of the real one."""

import random
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import ConsumerRecord

from libs.events import generations
from libs.events.shelf import Shelf
from libs.events.shelf_postgres import PostgresShelf
from libs.events.store import Entry
from libs.events.writer import Writer
from tests.contracts.conftest import Connect
from tests.contracts.kit import Rules, after, chain, entry, expected_rows, new_stream, projection, wire
from tests.simulation.shelf import Ground, MemoryShelf, Rows
from tests.simulation.world import Process, Session

TOPIC = "nrm.referral.events.v1"


@dataclass
class Subject:
    """A writer on one of the shelves, and how to look at what it keeps."""

    writer: Writer
    rules: Rules
    shelf: Shelf
    connection: asyncpg.Connection | None = None
    schema: str = ""
    ground: Ground | None = None
    sent: int = 0

    async def send(self, *values: Entry | bytes) -> None:
        raws = [wire(one) if isinstance(one, Entry) else one for one in values]
        await self.writer.apply([_record(self.sent + number, raw) for number, raw in enumerate(raws)])
        self.sent += len(raws)

    async def rows(self) -> dict[str, tuple[str, int]]:
        if self.ground:
            rows = self.ground.rows.tables["provider"].values()
            return {row["provider_id"]: (row["last"], row["seen"]) for row in rows}
        assert self.connection
        found = await self.connection.fetch(f"SELECT provider_id, last, seen FROM {self.schema}.provider")
        return {row[0]: (row[1], row[2]) for row in found}

    async def count(self, table: str) -> int:
        if self.ground:
            rows = self.ground.rows
            return len({"parked": rows.parked, "dead_letter": rows.dead, "refused": rows.refused}[table])
        assert self.connection
        return int(await self.connection.fetchval(f"SELECT count(*) FROM {self.schema}.{table}"))


@pytest.fixture
def memory_subject() -> Subject:
    rules = Rules()
    ground = Ground(Rows({"provider": {}, "tally": {}}))
    shelf = MemoryShelf(ground, Session(Process("test", 0)))
    return Subject(Writer(projection("p", rules), shelf), rules, shelf, ground=ground)


@pytest.fixture
async def postgres_subject(connect: Connect) -> Subject:
    rules = Rules()
    connection = await connect("nrm_views")
    made = projection(f"p_{uuid4().hex[:12]}", rules)
    generation = await generations.ensure(connection, made)
    shelf = await PostgresShelf.open(connection, generation)
    return Subject(Writer(made, shelf), rules, shelf, connection, generation.schema)


@pytest.fixture(params=["memory", "postgres"])
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.getfixturevalue(f"{request.param}_subject")
    return found


def _record(offset: int, value: bytes) -> Any:
    return ConsumerRecord(TOPIC, 0, offset, 0, 0, b"", value, None, 0, len(value), ())


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_with_copies_gives_each_event_once(subject: Subject, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    events = [one for _ in range(5) for one in chain(new_stream(), chance.randint(1, 6))]
    sent = events + chance.sample(events, len(events) // 2)
    chance.shuffle(sent)
    while sent:
        size = chance.randint(1, 5)
        await subject.send(*sent[:size])
        del sent[:size]
    assert await subject.rows() == expected_rows(events)
    assert [await subject.count(table) for table in ("parked", "dead_letter", "refused")] == [0, 0, 0]
    assert await subject.shelf.offsets() == {(TOPIC, 0): subject.sent}


@pytest.mark.parametrize("poison", ["raise", "nowhere"])
async def test_poison_stops_its_stream_only_until_it_is_mended(subject: Subject, poison: str) -> None:
    start, other = entry(new_stream()), entry(new_stream())
    bad = after(start, grounds=poison)
    behind = after(bad)
    await subject.send(start, bad, behind, other)
    assert await subject.rows() == expected_rows([start, other])
    assert [await subject.count(table) for table in ("parked", "dead_letter")] == [1, 1]
    assert await subject.writer.replay_dead_letters() == 0
    subject.rules.refuse = frozenset()
    assert await subject.writer.replay_dead_letters() == 1
    assert await subject.rows() == expected_rows([start, bad, behind, other])
    assert [await subject.count(table) for table in ("parked", "dead_letter")] == [0, 0]


async def test_a_lie_is_refused_and_the_truth_is_applied(subject: Subject) -> None:
    first, second = chain(new_stream(), 2)
    await subject.send(first, wire(second).replace(b"fine", b"evil"), entry(first.envelope.stream, 2, "f" * 64), second)
    assert await subject.rows() == expected_rows([first, second])
    assert await subject.count("refused") == 2


async def test_a_transaction_that_fails_leaves_nothing(subject: Subject) -> None:
    class Halfway(Exception):
        pass

    async def fail() -> None:
        async with subject.shelf.transaction():
            await subject.shelf.resume_at({(TOPIC, 0): 9})
            raise Halfway

    with pytest.raises(Halfway):
        await fail()
    assert await subject.shelf.offsets() == {}
