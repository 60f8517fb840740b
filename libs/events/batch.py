"""What one transaction of a projection is about to record: whose turn it is, who waits, who is refused. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from aiokafka import ConsumerRecord

from libs.events.catalogue import decode
from libs.events.consume import Change, Fact, Projection
from libs.events.envelope import GENESIS, Envelope, Tampered, parse
from libs.events.event import service_of
from libs.events.outline import Outline, outline

_outlined = attrgetter(*Outline._fields)


class Place(NamedTuple):
    """Where a record stands in Kafka (or, from there, in `parked`)."""

    topic: str
    partition: int
    offset: int


class Received(NamedTuple):
    """A record that is an event with its own hash; what it says was read only where the projection wants it."""

    seen: Outline
    raw: bytes
    place: Place
    envelope: Envelope | None = None


class Dead(NamedTuple):
    """An event that cannot be applied: its stream waits for a fix."""

    event: Outline
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

    def take(self, received: Received) -> None:
        """Apply an event whose turn it is, with those parked behind it; park one that is early; drop a duplicate."""
        seen = received.seen
        stream, (version, digest) = seen.stream, self.head(seen.stream)
        if seen.streamversion > version + 1 or (stream in self.blocked and seen.streamversion > self.blocked[stream]):
            self._park(seen, received.raw)
        elif seen.streamversion == version + 1 and stream not in self.blocked:
            self._apply(received)
        elif seen.streamversion == version and seen.hash != digest:
            self.refused.append((received.place, "another event stands at this version of its stream"))
        while self.follow and self.parked and stream not in self.blocked and (waiting := self._next(stream)):
            self._apply(waiting)

    def head(self, stream: str) -> tuple[int, str]:
        """Version and hash of a stream's last applied event."""
        return self.heads.get(stream, (0, GENESIS))

    def _next(self, stream: str) -> Received | None:
        version = self.head(stream)[0] + 1
        raw = self.parked.get((stream, version))
        return from_parked(stream, version, raw) if raw else None

    def _park(self, seen: Outline, raw: bytes) -> None:
        key = seen.stream, seen.streamversion
        if key not in self.parked:
            self.parked[key] = self.newly_parked[key] = raw

    def _unpark(self, key: tuple[str, int]) -> None:
        if self.parked.pop(key, None) and not self.newly_parked.pop(key, None):
            self.unparked.append(key)

    def _apply(self, received: Received) -> None:
        seen, envelope = received.seen, received.envelope
        stream, key = seen.stream, (seen.stream, seen.streamversion)
        if seen.prevhash != self.head(stream)[1]:
            if received.place == parked_at(*key):
                self._unpark(key)
            self.refused.append((received.place, "it does not follow the event before it in its stream's chain"))
            return
        self._unpark(key)
        if envelope is not None and wanted(self.projection, seen.type):
            try:
                self.changes.extend(self.projection.apply(Fact(decode(seen.type, envelope.data), envelope)))
            except Exception as fault:  # noqa: BLE001 - whatever this event trips over, only its own stream waits
                self.blocked[stream] = seen.streamversion
                self.dead.append(Dead(seen, f"cannot be applied: {type(fault).__name__}", received.raw))
                return
        self.heads[stream] = (seen.streamversion, seen.hash)
        self.advanced.add(stream)
        service = service_of(seen.type)
        self.consumed[service] = self.consumed.get(service, 0) + 1


def wanted(projection: Projection, wire: str) -> bool:
    """Whether a projection looks at events of this type."""
    return projection.wants is None or wire in projection.wants


def parked_at(stream: str, version: int) -> Place:
    """The place of a parked event: where its record stood in Kafka is no longer known."""
    return Place(f"parked {stream}", 0, version)


def from_parked(stream: str, version: int, raw: bytes) -> Received:
    """A stored event of a stream that was not applied."""
    return received(parse(raw), raw, parked_at(stream, version))


def received(envelope: Envelope, raw: bytes, place: Place) -> Received:
    """An event that was read."""
    return Received(Outline(*_outlined(envelope)), raw, place, envelope)


class Taken(NamedTuple):
    """Some records, read: the events in them, what is none and why, and where to go on reading."""

    events: Sequence[Received]
    refused: Sequence[tuple[Place, str]]
    offsets: Mapping[tuple[str, int], int]


def read(records: Iterable[ConsumerRecord[bytes, bytes]], wants: Callable[[str], bool] = lambda _: True) -> Taken:
    """The events in some records. What an event says is read only where its type is wanted."""
    good: list[Received] = []
    refused: list[tuple[Place, str]] = []
    offsets = {}
    for record in records:
        place, raw = Place(record.topic, record.partition, record.offset), record.value or b""
        offsets[record.topic, record.partition] = record.offset + 1
        seen = outline(raw)
        try:
            one = Received(seen, raw, place) if seen and not wants(seen.type) else received(parse(raw), raw, place)
        except Tampered as fault:
            refused.append((place, str(fault)))
            continue
        service = service_of(one.seen.type)
        foreign = one.envelope is not None and one.envelope.source != f"/services/{service}"
        if foreign or f".{service}." not in record.topic:
            refused.append((place, "an event of another service than the topic's"))
        else:
            good.append(one)
    return Taken(good, refused, offsets)


def together(parts: Sequence[Taken]) -> Taken:
    """What was read in several parts, in their order."""
    return Taken(
        [one for part in parts for one in part.events],
        [one for part in parts for one in part.refused],
        {partition: offset for part in parts for partition, offset in part.offsets.items()},
    )
