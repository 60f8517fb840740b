"""Tell Kafka what a projection could not apply, and why: whoever watches the topic knows without asking every view.

The table `dead_letter`, written with the rows, is what counts: a new leader sends all that lies there again, so none is
missing and one may come twice, with the same key. A topic that cannot be written to holds up no projection.
"""

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import Counter

from libs.events import clients
from libs.events.generations import Generation
from libs.events.subscription import Source

log = structlog.get_logger()
UNSENT = Counter("nrm_projection_dead_letters_unsent", "Attempts to send dead letters that failed", ["projection"])


class Postman:
    """Sends each dead letter of one generation to the topic of the dead: the event as it is, the reason in headers."""

    def __init__(self, connection: asyncpg.Connection, generation: Generation, source: Source) -> None:
        self._connection = connection
        self._generation = generation
        self._source = source
        self._sent: set[tuple[str, int]] = set()
        self._buried = -1

    async def send(self, buried: int) -> None:
        """Send what lies there and was not sent yet; nothing where `buried`, this leader's count, has not grown."""
        if buried == self._buried or not self._source.dead_letters:
            return
        try:
            await self._send()
        except (KafkaError, ConnectionError) as fault:
            UNSENT.labels(self._generation.name).inc()
            log.error("projection.dead_letters_unsent", projection=self._generation.name, fault=type(fault).__name__)
        else:
            self._buried = buried

    async def _send(self) -> None:
        sql = f"SELECT stream, version, reason, envelope FROM {self._generation.schema}.dead_letter ORDER BY 1, 2"
        new = [row for row in await self._connection.fetch(sql) if (row["stream"], row["version"]) not in self._sent]
        if not new:
            return
        producer = AIOKafkaProducer(
            bootstrap_servers=self._source.bootstrap, enable_idempotence=True, acks="all", request_timeout_ms=10_000
        )
        try:
            await clients.start(producer)
            for row in new:
                key = f"{self._generation.name} {row['stream']} {row['version']}"
                headers = [("projection", self._generation.name.encode()), ("reason", row["reason"].encode())]
                await producer.send_and_wait(self._source.dead_letters, row["envelope"], key.encode(), headers=headers)
                self._sent.add((row["stream"], row["version"]))
        finally:
            await clients.abandon(producer)
