"""A projection's generation in memory: the same promises as PostgreSQL's (tests/contracts/test_shelf.py)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from libs.events.batch import Batch, Dead, Place
from libs.events.consume import Add, Change, Drop, Put
from libs.events.shelf import DoesNotFit, Parked, Standing
from tests.simulation.world import Session, World


@dataclass
class Rows:
    """What is committed."""

    tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]]
    progress: dict[str, tuple[int, str]] = field(default_factory=dict)
    consumed: dict[str, int] = field(default_factory=dict)
    parked: dict[tuple[str, int], bytes] = field(default_factory=dict)
    dead: dict[tuple[str, int], tuple[str, bytes]] = field(default_factory=dict)
    refused: dict[Place, str] = field(default_factory=dict)
    resume: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass
class Ground:
    """The database of one generation: its committed rows, and who writes now."""

    rows: Rows
    writer: Session | None = None


class MemoryShelf:
    """One session's hold on a generation. Without a world its round trips take no time."""

    def __init__(self, ground: Ground, session: Session, world: World | None = None) -> None:
        self._ground, self._session, self._world = ground, session, world
        self._staged: Rows | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self._trip("begin")
        while self._ground.writer and self._ground.writer.lives:
            await asyncio.sleep(0.001)
            await self._trip("")
        self._ground.writer = self._session
        self._staged = deepcopy(self._ground.rows)
        try:
            yield
            if self._world:
                await self._world.hop(self._session.owner)
            if not self._session.lives:
                raise ConnectionError("the session has ended")
            self._ground.rows = self._staged
        except DoesNotFit as fault:
            raise DoesNotFit(type(fault).__name__) from fault
        finally:
            self._staged = None
            if self._ground.writer is self._session:
                self._ground.writer = None
        await self._trip("commit")

    async def offsets(self) -> Mapping[tuple[str, int], int]:
        await self._trip("")
        return dict(self._ground.rows.resume)

    async def standing(self, streams: Iterable[str]) -> Standing:
        await self._trip("")
        rows, names = self._now(), set(streams)
        return Standing(
            heads={stream: head for stream, head in rows.progress.items() if stream in names},
            blocked={stream: version for stream, version in rows.dead if stream in names},
            parked={key: raw for key, raw in rows.parked.items() if key[0] in names},
        )

    async def write(self, changes: Sequence[Change]) -> None:
        await self._trip("rows" if changes else "")
        for change in changes:
            table, identity = self._now().tables.get(change.table), tuple(sorted(change.key.items()))
            if table is None:
                raise DoesNotFit(change.table)
            row = table.get(identity, dict(change.key))
            match change:
                case Put():
                    table[identity] = {**row, **change.values}
                case Add():
                    table[identity] = {**row, **{name: row.get(name, 0) + n for name, n in change.values.items()}}
                case Drop():
                    table.pop(identity, None)

    async def progress(self, batch: Batch) -> None:
        await self._trip("")
        rows = self._now()
        for stream in batch.advanced:
            rows.progress[stream] = batch.head(stream)
        for service, events in batch.consumed.items():
            rows.consumed[service] = rows.consumed.get(service, 0) + events
        for key, raw in batch.newly_parked.items():
            rows.parked.setdefault(key, raw)
        for key in batch.unparked:
            rows.parked.pop(key, None)

    async def bury(self, dead: Dead) -> None:
        await self._trip("")
        key = dead.event.stream, dead.event.streamversion
        self._now().dead.setdefault(key, (dead.reason, dead.raw))

    async def refuse(self, refused: Sequence[tuple[Place, str]]) -> None:
        for place, reason in refused:
            self._now().refused.setdefault(place, reason)

    async def resume_at(self, offsets: Mapping[tuple[str, int], int]) -> None:
        await self._trip("")
        self._now().resume.update(offsets)

    async def next_parked(self, stream: str) -> Parked | None:
        await self._trip("")
        rows = self._ground.rows
        version = rows.progress.get(stream, (0, ""))[0] + 1
        blocked = any(name == stream for name, _ in rows.dead)
        raw = rows.parked.get((stream, version))
        return Parked(stream, version, raw) if raw and not blocked else None

    async def dead_letters(self) -> Sequence[Parked]:
        await self._trip("")
        return [Parked(*key, raw) for key, (_, raw) in sorted(self._ground.rows.dead.items())]

    async def forget_dead_letter(self, stream: str, version: int) -> None:
        self._now().dead.pop((stream, version), None)

    def _now(self) -> Rows:
        assert self._staged is not None, "outside a transaction"
        return self._staged

    async def _trip(self, what: str) -> None:
        if self._world:
            await self._world.call(self._session, what, lambda: None)
