"""What one transaction of a projection is about to record: whose turn it is, who waits, who is refused. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import ConsumerRecord

from libs.events import telemetry
from libs.events.catalogue import decode
from libs.events.consume import Change, Fact, Projection
from libs.events.envelope import GENESIS, Envelope, Tampered, parse
from libs.events.event import service_of


class Place(NamedTuple):
    """Where a record stands in Kafka (or, from there, in `parked`)."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Received:
    """A record that is a well-formed event with its own hash."""

    envelope: Envelope
    raw: bytes
    place: Place


class Dead(NamedTuple):
    """An event that cannot be applied: its stream waits for a fix."""

    envelope: Envelope
    reason: str
    raw: bytes


@dataclass(slots=True)
class Batch:
    """The state of the streams concerned, and what is to be written."""

    projection: Projection
    heads: dict[str, tuple[int, str]]
    """Version and hash of the last applied event."""
    blocked: dict[str, int]
    """Streams with a dead letter, and its version: what follows it waits."""
    parked: dict[tuple[str, int], bytes]
    follow: bool = True
    """Whether events parked behind an applied one are applied too."""
    changes: list[Change] = field(default_factory=list)
    advanced: set[str] = field(default_factory=set)
    consumed: dict[str, int] = field(default_factory=dict)
    newly_parked: dict[tuple[str, int], bytes] = field(default_factory=dict)
    unparked: list[tuple[str, int]] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    refused: list[tuple[Place, str]] = field(default_factory=list)

    def take(self, received: Received) -> telemetry.Span:
        """Apply an event whose turn it is, with those parked behind it; park one that is early; drop a duplicate."""
        envelope = received.envelope
        span = telemetry.start("project", envelope.traceparent, projection=self.projection.name, type=envelope.type)
        stream, (version, digest) = envelope.stream, self.head(envelope.stream)
        if envelope.streamversion > version + 1 or (
            stream in self.blocked and envelope.streamversion > self.blocked[stream]
        ):
            self._park(envelope, received.raw)
        elif envelope.streamversion == version + 1 and stream not in self.blocked:
            self._apply(received)
        elif envelope.streamversion == version and envelope.hash != digest:
            self.refused.append((received.place, "another event stands at this version of its stream"))
        while self.follow and stream not in self.blocked and (waiting := self._next(stream)):
            self._apply(waiting)
        return span

    def head(self, stream: str) -> tuple[int, str]:
        """Version and hash of a stream's last applied event."""
        return self.heads.get(stream, (0, GENESIS))

    def _next(self, stream: str) -> Received | None:
        version = self.head(stream)[0] + 1
        raw = self.parked.get((stream, version))
        return Received(parse(raw), raw, parked_at(stream, version)) if raw else None

    def _park(self, envelope: Envelope, raw: bytes) -> None:
        key = envelope.stream, envelope.streamversion
        if key not in self.parked:
            self.parked[key] = self.newly_parked[key] = raw

    def _unpark(self, key: tuple[str, int]) -> None:
        if self.parked.pop(key, None) and not self.newly_parked.pop(key, None):
            self.unparked.append(key)

    def _apply(self, received: Received) -> None:
        envelope, stream = received.envelope, received.envelope.stream
        if envelope.prevhash != self.head(stream)[1]:
            if received.place == parked_at(stream, envelope.streamversion):
                self._unpark((stream, envelope.streamversion))
            self.refused.append((received.place, "it does not follow the event before it in its stream's chain"))
            return
        self._unpark((stream, envelope.streamversion))
        wants = self.projection.wants
        if wants is None or envelope.type in wants:
            try:
                self.changes.extend(self.projection.apply(Fact(decode(envelope.type, envelope.data), envelope)))
            except Exception as fault:  # noqa: BLE001 - whatever this event trips over, only its own stream waits
                self.blocked[stream] = envelope.streamversion
                self.dead.append(Dead(envelope, f"cannot be applied: {type(fault).__name__}", received.raw))
                return
        self.heads[stream] = (envelope.streamversion, envelope.hash)
        self.advanced.add(stream)
        service = service_of(envelope.type)
        self.consumed[service] = self.consumed.get(service, 0) + 1


def parked_at(stream: str, version: int) -> Place:
    """The place of a parked event: where its record stood in Kafka is no longer known."""
    return Place(f"parked {stream}", 0, version)


def read(records: Sequence[ConsumerRecord[bytes, bytes]]) -> tuple[list[Received], list[tuple[Place, str]]]:
    """The events in some records, and the records that are none, each with what is wrong with it."""
    good: list[Received] = []
    refused: list[tuple[Place, str]] = []
    for record in records:
        place = Place(record.topic, record.partition, record.offset)
        try:
            raw = record.value or b""
            received = Received(parse(raw), raw, place)
        except Tampered as fault:
            refused.append((place, str(fault)))
            continue
        service = service_of(received.envelope.type)
        if received.envelope.source != f"/services/{service}" or f".{service}." not in record.topic:
            refused.append((place, "an event of another service than the topic's"))
        else:
            good.append(received)
    return good, refused
