"""Consume, apply, and record the progress in one transaction. Progress lives with the rows, never only in Kafka.

The advisory lock that makes a replica the leader is held by the session that writes: a replica that loses its
session loses both, so two never write.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import asyncpg
import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from libs.events import clients, generations
from libs.events.consume import Projection
from libs.events.dead_letters import Postman
from libs.events.session import AWAY, Patience, leadership
from libs.events.subscription import Source, subscribe
from libs.events.writer import Writer

__all__ = ["BATCH_EVENTS_MAX", "Projector", "Source"]

BATCH_EVENTS_MAX = 2_000
"""Events that share one transaction: enough to amortise a commit, few enough to keep memory flat."""

PAUSE_S_MAX = 5.0
"""The longest pause between attempts while PostgreSQL or Kafka is away."""

log = structlog.get_logger()
Elsewhere = TypeVar("Elsewhere")


class Consumer(Protocol):
    """Records of some partitions, each partition in its order."""

    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]:
        """What has come; empty where nothing has in time."""


class Projector:
    """Keeps one projection's current generation up to date."""

    def __init__(self, projection: Projection, dsn: str, source: Source) -> None:
        self.projection = projection
        self._dsn = dsn
        self._source = source
        self.leading = self.standby = False
        self.advanced = asyncio.Condition()

    async def run(self) -> None:
        """Project until cancelled; wait out whatever is away."""
        patience = Patience(PAUSE_S_MAX)
        while True:
            try:
                await self._lead()
            except (*AWAY, KafkaError) as fault:
                log.warning("projection.waiting", projection=self.projection.name, fault=type(fault).__name__)
            except Exception as fault:  # noqa: BLE001 - the consume loop: say it, wait, and try again; never skip
                log.error("projection.failed", projection=self.projection.name, fault=type(fault).__name__)
            self.leading = self.standby = False
            await patience.wait()

    async def _lead(self) -> None:
        async with leadership(self._dsn, self.projection.name, self._stand_by) as connection:
            self.standby = False
            generation = await generations.ensure(connection, self.projection)
            while True:
                generation = await self._follow(connection, generation)

    def _stand_by(self) -> None:
        self.standby = True

    async def _follow(
        self, connection: asyncpg.Connection, generation: generations.Generation
    ) -> generations.Generation:
        """Project into a generation until another one is current; return that one."""
        writer = await Writer.open(connection, self.projection, generation)
        postman = Postman(connection, generation, self._source)
        await postman.send(writer.buried)
        consumer = await subscribe(self._source, await writer.offsets())
        if not self.leading:
            log.info("projection.leading", projection=self.projection.name, generation=generation.number)
        self.leading = True

        async def tell() -> None:
            await self._tell()
            await postman.send(writer.buried)

        try:
            return await feed(writer, consumer, lambda: self._moved(connection, generation), tell)
        finally:
            await clients.stop(consumer)

    async def _moved(
        self, connection: asyncpg.Connection, generation: generations.Generation
    ) -> generations.Generation | None:
        live = await generations.current(connection, self.projection.name)
        return live if live != generation else None

    async def _tell(self) -> None:
        async with self.advanced:
            self.advanced.notify_all()


async def feed(
    writer: Writer,
    consumer: Consumer,
    moved: Callable[[], Awaitable[Elsewhere | None]],
    tell: Callable[[], Awaitable[None]],
) -> Elsewhere:
    """Apply what the consumer brings, and tell so, until readers see another generation; which one."""
    while True:
        records = await consumer.getmany(timeout_ms=200, max_records=BATCH_EVENTS_MAX)
        elsewhere = await moved()
        if elsewhere is not None:
            return elsewhere
        if records:
            await writer.apply([record for batch in records.values() for record in batch])
            await tell()
