"""One projection on one topic, and what a test wants to know of both."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import asyncpg

from libs.events.consume import Projection
from libs.events.projector import Projector, Source
from libs.events.store import Entry
from tests.contracts.kafka import produce, until
from tests.contracts.kit import Rules, expected_rows, wire


@dataclass
class Stage:
    """One projection, one topic, and what the test wants to know of both."""

    projection: Projection
    rules: Rules
    source: Source
    dsn: str
    admin: asyncpg.Connection

    @property
    def name(self) -> str:
        return self.projection.name

    def projector(self) -> Projector:
        return Projector(self.projection, self.dsn, self.source)

    async def send(self, *records: Entry | bytes | None, partition: Callable[[int], int] = lambda _: 0) -> None:
        values = [wire(each) if isinstance(each, Entry) else each for each in records]
        await produce(self.source.bootstrap, self.source.topics[0], values, partition)

    async def count(self, table: str) -> int:
        try:
            return int(await self.admin.fetchval(f"SELECT count(*) FROM {self.name}.{table}"))
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return -1

    async def consumed(self) -> int:
        try:
            return int(await self.admin.fetchval(f"SELECT coalesce(sum(events), 0) FROM {self.name}.consumed"))
        except asyncpg.UndefinedTableError:
            return -1

    async def has_consumed(self, count: int) -> None:
        async def true() -> bool:
            return await self.consumed() >= count

        await until(true)

    async def has(self, table: str, count: int) -> None:
        async def true() -> bool:
            return await self.count(table) == count

        await until(true)

    async def rows(self) -> dict[str, tuple[str, int]]:
        rows = await self.admin.fetch(f"SELECT provider_id, last, seen FROM {self.name}.provider")
        return {row["provider_id"]: (row["last"], row["seen"]) for row in rows}

    async def tally(self) -> int:
        return int(await self.admin.fetchval(f"SELECT coalesce(sum(n), 0) FROM {self.name}.tally"))

    async def is_exactly(self, entries: Iterable[Entry]) -> None:
        """I7, I8: the rows are those of the events, applied once each, in order; nothing waits."""
        entries = list(entries)
        assert await self.rows() == expected_rows(entries)
        assert await self.tally() == await self.consumed() == len(entries)
        assert await self.count("parked") == 0


def shuffled(streams: list[list[Entry]], chance: random.Random) -> list[Entry]:
    """The streams' events mixed, each stream in order."""
    rest = [list(each) for each in streams]
    mixed = []
    while rest := [each for each in rest if each]:
        mixed.append(chance.choice(rest).pop(0))
    return mixed
