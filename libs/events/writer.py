"""Write what records say to one generation of a projection: rows, progress and offsets in one transaction each."""

from collections.abc import Iterable, Sequence
from functools import partial

import asyncpg
import structlog
from aiokafka import ConsumerRecord, TopicPartition
from prometheus_client import Counter

from libs.events import telemetry
from libs.events.batch import Batch, Dead, Place, Received, Taken, from_parked, read, wanted
from libs.events.consume import Projection
from libs.events.generations import Generation
from libs.events.shelf import DoesNotFit, Shelf
from libs.events.shelf_postgres import PostgresShelf

log = structlog.get_logger()
REFUSED = Counter("nrm_projection_refused", "Records that are no event of their stream", ["projection"])
DEAD = Counter("nrm_projection_dead_letters", "Events that could not be applied", ["projection"])


class Writer:
    """Applies records to one generation, each batch in one transaction."""

    def __init__(self, projection: Projection, shelf: Shelf) -> None:
        self._projection = projection
        self._shelf = shelf
        self.buried = 0
        """How many events this writer could not apply."""

    @classmethod
    async def open(cls, connection: asyncpg.Connection, projection: Projection, generation: Generation) -> "Writer":
        """A writer for a generation that exists."""
        return cls(projection, await PostgresShelf.open(connection, generation))

    async def offsets(self) -> dict[TopicPartition, int]:
        """Where to go on reading."""
        return {TopicPartition(*place): offset for place, offset in (await self._shelf.offsets()).items()}

    async def apply(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        """Record everything that these records say, or nothing."""
        await self.record(self.read(records))

    def read(self, records: Iterable[ConsumerRecord[bytes, bytes]]) -> Taken:
        """What some records say. Where traces are recorded every event is read, for the trace that it carries."""
        if telemetry.recording():
            return read(records)
        return read(records, partial(wanted, self._projection))

    async def record(self, taken: Taken) -> None:
        """Record everything that was read, or nothing."""
        try:
            await self._transact(taken)
        except DoesNotFit:
            for one in taken.events:
                await self._alone(one)
            await self._transact(taken._replace(events=()))

    async def replay_dead_letters(self) -> int:
        """Try every dead letter again (after a fix), with the events parked behind it. How many are none any more."""
        before = await self._shelf.dead_letters()
        for letter in before:
            try:
                async with self._shelf.transaction():
                    await self._shelf.forget_dead_letter(letter.stream, letter.version)
                    await self._change([from_parked(*letter)], follow=False)
            except DoesNotFit:
                continue  # it stays where it is
            await self._follow(letter.stream)
        after = {letter[:2] for letter in await self._shelf.dead_letters()}
        return sum(letter[:2] not in after for letter in before)

    async def _alone(self, received: Received) -> None:
        """Apply one event, then those parked behind it, each in its own transaction."""
        await self._one(received)
        await self._follow(received.seen.stream)

    async def _follow(self, stream: str) -> None:
        """Apply what is parked behind a stream's head, one by one."""
        while waiting := await self._shelf.next_parked(stream):
            await self._one(from_parked(*waiting))

    async def _one(self, received: Received) -> None:
        try:
            async with self._shelf.transaction():
                await self._change([received], follow=False)
        except DoesNotFit as fault:
            async with self._shelf.transaction():
                await self._bury([Dead(received.seen, f"its rows do not fit: {fault}", received.raw)])

    async def _transact(self, taken: Taken) -> None:
        spans = self._spans(taken.events)
        async with self._shelf.transaction():
            await self._change(taken.events, follow=True)
            await self._refuse(taken.refused)
            await self._shelf.resume_at(taken.offsets)
        for span in spans:
            span.end()

    def _spans(self, received: Sequence[Received]) -> list[telemetry.Span]:
        if not telemetry.recording():
            return []
        name, events = self._projection.name, [one.envelope for one in received if one.envelope is not None]
        return [telemetry.start("project", one.traceparent, projection=name, type=one.type) for one in events]

    async def _change(self, received: Sequence[Received], *, follow: bool) -> None:
        """Apply events and record the progress, in the surrounding transaction."""
        standing = await self._shelf.standing({one.seen.stream for one in received})
        batch = Batch(self._projection, standing.heads, standing.blocked, standing.parked, follow=follow)
        for one in received:
            batch.take(one)
        await self._shelf.write(batch.changes)
        await self._shelf.progress(batch)
        await self._bury(batch.dead)
        await self._refuse(batch.refused)

    async def _bury(self, dead: Sequence[Dead]) -> None:
        name = self._projection.name
        for one in dead:
            DEAD.labels(name).inc()
            self.buried += 1
            stream, version = one.event.stream, one.event.streamversion
            log.error("projection.dead_letter", projection=name, stream=stream, version=version, reason=one.reason)
            await self._shelf.bury(one)

    async def _refuse(self, refused: Sequence[tuple[Place, str]]) -> None:
        name = self._projection.name
        for place, reason in refused:
            REFUSED.labels(name).inc()
            log.error("projection.refused", projection=name, topic=place.topic, offset=place.offset, reason=reason)
        await self._shelf.refuse(refused)
