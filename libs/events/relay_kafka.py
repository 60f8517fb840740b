"""From the store to Kafka: give dense positions to what has committed, then publish in that order.

One relay leads per service (an advisory lock in the session that sequences). A crash anywhere repeats events at
worst: the producer is idempotent, positions are given once, and publishing resumes after the last acknowledged one.
"""

import asyncio
from hashlib import sha256
from itertools import takewhile

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge

from libs.events import clients, telemetry
from libs.events.envelope import parse, wire_bytes
from libs.events.session import AWAY, Patience, leadership

SEQUENCE_EVENTS_MAX = 1_000
"""Events sequenced and published per round."""

POLL_S_MIN, POLL_S_MAX = 0.001, 0.025
"""The pause between looks at the outbox: short while events come, longer while none do."""

PAUSE_S_MAX = 2.0
"""The longest pause between attempts while PostgreSQL or Kafka is away."""

log = structlog.get_logger()
PUBLISHED = Counter("nrm_relay_published", "Events acknowledged by Kafka", ["service"])
POSITION = Gauge("nrm_log_position", "Last position given", ["service"])
BEHIND = Gauge("nrm_relay_behind", "Positions given but not yet acknowledged by Kafka", ["service"])
CORRUPT = Counter("nrm_relay_corrupt", "Stored events whose bytes no longer have their hash", ["service"])


class Corrupt(Exception):
    """Someone or something changed what is stored: an event's bytes do not have their hash, or an event is gone.

    Nothing after it is published.
    """


class Relay:
    """The sequencer and publisher of one service."""

    def __init__(self, service: str, dsn: str, bootstrap: str, topic: str) -> None:
        self.service = service
        self.leading = False
        self.standby = False
        self._dsn = dsn
        self._bootstrap = bootstrap
        self._topic = topic
        self._read = (
            f"SELECT l.position, e.subject, e.hash, e.body FROM {service}.log l "
            f"LEFT JOIN {service}.event e USING (stream, version) WHERE l.position > $1 ORDER BY l.position LIMIT $2"
        )

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
            await self._sequence_until_kafka(connection)

    def _stand_by(self) -> None:
        self.standby = True

    async def _sequence_until_kafka(self, connection: asyncpg.Connection) -> None:
        """Positions are given even while Kafka is away: the log then shows what waits."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, enable_idempotence=True, acks="all", linger_ms=0, max_batch_size=262_144
        )
        try:
            await self._sequence(connection)
            await clients.start(producer)
            published = await connection.fetchval(
                f"SELECT position FROM {self.service}.published WHERE topic = $1",
                self._topic,
            )
            self.leading = True
            log.info("relay.leading", service=self.service, published=published or 0)
            await self._relay(connection, producer, published or 0)
        finally:
            await clients.abandon(producer)

    async def _relay(self, connection: asyncpg.Connection, producer: AIOKafkaProducer, published: int) -> None:
        pause = POLL_S_MIN
        while True:
            sequenced = await self._sequence(connection)
            sent = await self._publish(connection, producer, published)
            if sent == published and not sequenced:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, POLL_S_MAX)
            else:
                pause = POLL_S_MIN
            published = sent

    async def _sequence(self, connection: asyncpg.Connection) -> int:
        """Give positions to what has committed; how many were given."""
        given: int = await connection.fetchval(f"SELECT {self.service}.sequence($1)", SEQUENCE_EVENTS_MAX)
        return given

    async def _publish(self, connection: asyncpg.Connection, producer: AIOKafkaProducer, published: int) -> int:
        """Publish what follows; the last position that every broker has acknowledged."""
        rows = await connection.fetch(self._read, published, SEQUENCE_EVENTS_MAX)
        if not rows:
            BEHIND.labels(self.service).set(0)
            return published
        BEHIND.labels(self.service).set(len(rows))
        whole = [row for _, row in takewhile(_is_whole, enumerate(rows, published + 1))]
        if not whole:
            raise Corrupt(f"position {published + 1}")
        await asyncio.gather(*[await self._send(producer, row) for row in whole])
        last: int = whole[-1]["position"]
        await connection.execute(
            f"INSERT INTO {self.service}.published VALUES ($1, $2) "
            "ON CONFLICT (topic) DO UPDATE SET position = excluded.position",
            self._topic,
            last,
        )
        PUBLISHED.labels(self.service).inc(len(whole))
        POSITION.labels(self.service).set(last)
        return last

    async def _send(self, producer: AIOKafkaProducer, row: asyncpg.Record) -> "asyncio.Future[object]":
        headers: list[tuple[str, bytes]] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        if telemetry.recording():
            envelope = parse(row["body"], digest=row["hash"].hex())
            span = telemetry.start("publish", envelope.traceparent, type=envelope.type)
            headers.append(("traceparent", telemetry.traceparent_of(span).encode()))
            span.end()
        value = wire_bytes(row["body"], row["hash"], row["position"])
        future: asyncio.Future[object] = await producer.send(
            self._topic, value=value, key=row["subject"].encode(), headers=headers
        )
        return future


def _is_whole(expected: tuple[int, asyncpg.Record]) -> bool:
    """Whether the row at a position is there, and its bytes are what was recorded."""
    position, row = expected
    return row["position"] == position and row["body"] is not None and sha256(row["body"]).digest() == row["hash"]
