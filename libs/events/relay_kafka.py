"""The relay over PostgreSQL and Kafka: who leads, and what is done while either is away.

One relay leads per service (an advisory lock in the session that sequences); the producer is idempotent.
"""

from collections.abc import Sequence

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import Counter

from libs.events import clients
from libs.events.relay import SEQUENCE_EVENTS_MAX, Corrupt, Placed, relay
from libs.events.session import AWAY, Patience, leadership

PAUSE_S_MAX = 2.0
"""The longest pause between attempts while PostgreSQL or Kafka is away."""

log = structlog.get_logger()
CORRUPT = Counter("nrm_relay_corrupt", "Stored events whose bytes no longer have their hash", ["service"])


class PostgresJournal:
    """A service's outbox and log in its schema, over the session that leads."""

    def __init__(self, connection: asyncpg.Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._after = (
            f"SELECT l.position, e.subject, e.hash, e.body FROM {schema}.log l "
            f"LEFT JOIN {schema}.event e USING (stream, version) WHERE l.position > $1 ORDER BY l.position LIMIT $2"
        )

    async def sequence(self, most: int) -> int:
        """Give the next dense positions to what has committed; how many were given."""
        given: int = await self._connection.fetchval(f"SELECT {self._schema}.sequence($1)", most)
        return given

    async def published(self, topic: str) -> int:
        """The last position that is known to be on the topic."""
        sql = f"SELECT position FROM {self._schema}.published WHERE topic = $1"
        position: int | None = await self._connection.fetchval(sql, topic)
        return position or 0

    async def after(self, position: int, most: int) -> Sequence[Placed]:
        """The events that follow a position, in order."""
        return [Placed(*row) for row in await self._connection.fetch(self._after, position, most)]

    async def mark(self, topic: str, position: int) -> None:
        """Remember that everything up to a position is on the topic."""
        await self._connection.execute(
            f"INSERT INTO {self._schema}.published VALUES ($1, $2) "
            "ON CONFLICT (topic) DO UPDATE SET position = excluded.position",
            topic,
            position,
        )


class Relay:
    """The sequencer and publisher of one service."""

    def __init__(self, service: str, dsn: str, bootstrap: str, topic: str) -> None:
        self.service = service
        self.leading = False
        self.standby = False
        self._dsn = dsn
        self._bootstrap = bootstrap
        self._topic = topic

    async def run(self) -> None:
        """Relay until cancelled; wait out whatever is away."""
        patience = Patience(PAUSE_S_MAX)
        while True:
            try:
                await self._lead()
            except (*AWAY, KafkaError) as fault:
                log.warning("relay.waiting", service=self.service, fault=type(fault).__name__)
            except Corrupt as found:
                CORRUPT.labels(self.service).inc()
                log.error("relay.corrupt", service=self.service, at=str(found))
            except Exception as fault:  # noqa: BLE001 - a relay that ended would leave everything unpublished
                log.error("relay.failed", service=self.service, fault=type(fault).__name__)
            self.leading = self.standby = False
            await patience.wait()

    async def _lead(self) -> None:
        async with leadership(self._dsn, f"relay {self.service}", self._stand_by) as connection:
            self.standby = False
            await self._relay(PostgresJournal(connection, self.service))

    def _stand_by(self) -> None:
        self.standby = True

    async def _relay(self, journal: PostgresJournal) -> None:
        """Positions are given even while Kafka is away: the log then shows what waits."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, enable_idempotence=True, acks="all", linger_ms=0, max_batch_size=262_144
        )
        try:
            await journal.sequence(SEQUENCE_EVENTS_MAX)
            await clients.start(producer)
            published = await journal.published(self._topic)
            self.leading = True
            log.info("relay.leading", service=self.service, published=published)
            await relay(self.service, journal, producer, self._topic, published)
        finally:
            await clients.abandon(producer)
