"""Continuous reconciliation: is everything everywhere, and still what it was? Gauges always, an alarm where it is not.

Each round counts, and reads the next stretch of every service's positions and of its topic; from the end it begins
anew, so that every event is read again and again. The Merkle log is what all is held against.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import asyncpg
import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge

from libs.events import clients
from libs.events.session import AWAY
from libs.events.subscription import Source, subscribe
from libs.runtime.settings import SERVICES, Settings
from nrm.log.compare import PLACES, Difference, absent, delivered, held, next_after, window
from nrm.log.sequencer import Sequencer

STRETCH = 500
"""Events of each service that a round reads: an event is at most 65 kB, so memory stays flat."""

MESSAGES_MAX = 2_000
FETCH_MS = 1_000
NAMED_MAX = 1_000
"""Standing differences that are remembered; a store with more of them than that needs no list."""

log = structlog.get_logger()
EVENTS = Gauge("nrm_reconcile_events", "Events of a service that a place holds", ["service", "place"])
DIFFERENT = Gauge("nrm_reconcile_different", "Events that differ in a place: an alarm above 0", ["service", "place"])
COMPARED = Counter("nrm_reconcile_compared", "Events whose bytes were read and hashed again", ["service"])
PASSES = Counter("nrm_reconcile_passes", "Times that every event of a service was compared", ["service"])


@dataclass(slots=True)
class Place:
    """How far a service's events, or its messages, have been read in this pass, and what stood out in it."""

    at: int = 0
    now: set[Difference] = field(default_factory=set)
    """Found in this pass."""
    before: set[Difference] = field(default_factory=set)
    """Found in the pass before: they stand until this pass has not found them again."""

    def found(self, differences: Iterable[Difference]) -> None:
        """Note differences; one that nobody was told of is told now."""
        for one in differences:
            if one not in self.now and one not in self.before:
                log.error(
                    "reconcile.different", service=one.service, place=one.place, stream=one.stream,
                    version=one.version, what=one.what,
                )  # fmt: skip
            if len(self.now) < NAMED_MAX:
                self.now.add(one)

    def finish(self) -> None:
        """End the pass: what it did not find again is over."""
        self.at, self.before, self.now = 0, self.now, set()

    @property
    def standing(self) -> set[Difference]:
        """What differs as far as is known."""
        return self.now | self.before


@dataclass(slots=True)
class Topic:
    """One pass over all topics: where it is, where they ended when it began, and which positions came."""

    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    came: dict[str, bytearray] = field(default_factory=dict)


class Watch:
    """Reconciles in the audit process that leads; a replica stands by."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, sequencer: Sequencer) -> None:
        self._settings = settings
        self._pool = pool
        self._sequencer = sequencer
        self._rows = {service: Place() for service in SERVICES}
        self._messages = {service: Place() for service in SERVICES}
        self._topic = Topic()
        self._late = {service: Place() for service in SERVICES}
        self._counts: dict[str, dict[str, int]] = {}

    async def run(self) -> None:
        """Do a round every few seconds until cancelled; wait out whatever is away. Never stops what it watches."""
        while True:
            await asyncio.sleep(self._settings.reconcile_s)
            if not self._sequencer.leading:
                continue
            try:
                await self.round()
            except (*AWAY, KafkaError) as fault:
                log.warning("reconcile.waiting", fault=type(fault).__name__)
            except Exception as fault:  # noqa: BLE001 - the watching loop: say it, and look again at the next round
                log.error("reconcile.failed", fault=type(fault).__name__)

    async def round(self) -> None:
        """Count everywhere, and compare the next stretch of every service and topic."""
        for service in SERVICES:
            counts = await held(self._pool, service)
            for place in PLACES:
                EVENTS.labels(service, place).set(counts[place])
            await self._lateness(service, counts)
            await self._stretch(service, counts["transparency"])
        await self._deliveries()
        self._tell()

    async def _lateness(self, service: str, counts: dict[str, int]) -> None:
        """A place that lacks events and has taken none since the last round is stuck."""
        before = self._counts.get(service)
        self._counts[service] = counts
        stuck = [one for one in PLACES if before and before[one] == counts[one] < before["store"]]
        self._late[service].found([await next_after(self._pool, service, one, counts[one]) for one in stuck])
        self._late[service].finish()

    async def _stretch(self, service: str, end: int) -> None:
        place = self._rows[service]
        last = min(place.at + STRETCH, end)
        if last > place.at:
            place.found(await window(self._pool, service, place.at + 1, last))
            COMPARED.labels(service).inc(last - place.at)
            place.at = last
        if place.at >= end:
            place.finish()
            PASSES.labels(service).inc()

    async def _deliveries(self) -> None:
        topics = {self._settings.topic(service): service for service in SERVICES}
        source = Source(self._settings.kafka_bootstrap_servers, list(topics))
        consumer = await subscribe(source, self._topic.offsets)
        try:
            if not self._topic.ends:
                self._topic = await self._begin(consumer)
            records = await consumer.getmany(timeout_ms=FETCH_MS, max_records=MESSAGES_MAX)
            for partition, batch in records.items():
                await self._messages_of(topics[partition.topic], [record.value or b"" for record in batch])
            self._topic.offsets = {one: await consumer.position(one) for one in self._topic.ends}
            if all(self._topic.offsets[one] >= end for one, end in self._topic.ends.items()):
                await self._finish()
        finally:
            await clients.stop(consumer)

    async def _begin(self, consumer: AIOKafkaConsumer) -> Topic:
        """What must be on the topics: as much as was published and logged before their ends were asked for."""
        due = {}
        for service in SERVICES:
            counts = await held(self._pool, service)
            due[service] = min(counts["kafka"], counts["transparency"])
        ends = await consumer.end_offsets(list(consumer.assignment()))
        return Topic({}, ends, due, {service: bytearray(count + 1) for service, count in due.items()})

    async def _messages_of(self, service: str, messages: list[bytes]) -> None:
        place, came = self._messages[service], self._topic.came[service]
        claimed = {position: message for message in messages if (position := _position(message)) > 0}
        for position in claimed:
            if position < len(came):
                came[position] = 1
        place.found(await delivered(self._pool, service, claimed))

    async def _finish(self) -> None:
        for service, came in self._topic.came.items():
            missing = [position for position in range(1, len(came)) if not came[position]]
            self._messages[service].found(await absent(self._pool, service, missing[:NAMED_MAX]))
            self._messages[service].finish()
        self._topic = Topic()

    def _tell(self) -> None:
        for service in SERVICES:
            standing = self._rows[service].standing | self._messages[service].standing | self._late[service].standing
            for place in PLACES:
                DIFFERENT.labels(service, place).set(sum(one.place == place for one in standing))


def _position(message: bytes) -> int:
    """The position that a message claims; 0 where it claims none."""
    try:
        found = orjson.loads(message)["position"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return 0
    return found if isinstance(found, int) else 0
