"""From the store to the broker: give dense positions to what has committed, then publish in that order.

A crash anywhere repeats events at worst: positions are given once, to what is there, and publishing resumes after the
last acknowledged one. Which store and which broker is no matter here.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from hashlib import sha256
from itertools import takewhile
from typing import NamedTuple, Protocol

from prometheus_client import Counter, Gauge

from libs.events import telemetry
from libs.events.envelope import parse, wire_bytes

SEQUENCE_EVENTS_MAX = 1_000
"""Events sequenced and published per round."""

POLL_S_MIN, POLL_S_MAX = 0.001, 0.025
"""The pause between looks at the outbox: short while events come, longer while none do."""

PUBLISHED = Counter("nrm_relay_published", "Events acknowledged by Kafka", ["service"])
POSITION = Gauge("nrm_log_position", "Last position given", ["service"])
BEHIND = Gauge("nrm_relay_behind", "Positions given but not yet acknowledged by Kafka", ["service"])


class Corrupt(Exception):
    """Someone or something changed what is stored: an event's bytes do not have their hash, or an event is gone.

    Nothing after it is published.
    """


class Placed(NamedTuple):
    """An event with its position in its service's log; what is missing where it was removed is None."""

    position: int
    subject: str | None
    hash: bytes | None
    body: bytes | None


class Journal(Protocol):
    """A service's store as its leading relay sees it."""

    async def sequence(self, most: int) -> int:
        """Give the next dense positions to what has committed; how many were given."""

    async def published(self, topic: str) -> int:
        """The last position that is known to be on the topic; 0 before the first."""

    async def after(self, position: int, most: int) -> Sequence[Placed]:
        """The events that follow a position, in order."""

    async def mark(self, topic: str, position: int) -> None:
        """Remember that everything up to a position is on the topic."""


class Publisher(Protocol):
    """A producer whose records reach a partition in the order in which they were sent, or not at all."""

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: list[tuple[str, bytes]]
    ) -> Awaitable[object]:
        """Send a record; what is returned ends when every broker has it."""


async def relay(service: str, journal: Journal, publisher: Publisher, topic: str, published: int) -> None:
    """Sequence and publish until cancelled, or until the journal or the publisher fails."""
    pause = POLL_S_MIN
    while True:
        sequenced = await journal.sequence(SEQUENCE_EVENTS_MAX)
        sent = await publish(service, journal, publisher, topic, published)
        if sent == published and not sequenced:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, POLL_S_MAX)
        else:
            pause = POLL_S_MIN
        published = sent


async def publish(service: str, journal: Journal, publisher: Publisher, topic: str, published: int) -> int:
    """Publish what follows; the last position that every broker has acknowledged. Raises Corrupt."""
    placed = await journal.after(published, SEQUENCE_EVENTS_MAX)
    BEHIND.labels(service).set(len(placed))
    if not placed:
        return published
    whole = [one for _, one in takewhile(_is_whole, enumerate(placed, published + 1))]
    if not whole:
        raise Corrupt(f"position {published + 1}")
    await asyncio.gather(*[await _send(publisher, topic, one) for one in whole])
    last = whole[-1].position
    await journal.mark(topic, last)
    PUBLISHED.labels(service).inc(len(whole))
    POSITION.labels(service).set(last)
    return last


async def _send(publisher: Publisher, topic: str, one: Placed) -> Awaitable[object]:
    assert one.body is not None and one.hash is not None and one.subject is not None  # noqa: PT018 - it is whole
    headers: list[tuple[str, bytes]] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    if telemetry.recording():
        envelope = parse(one.body, digest=one.hash.hex())
        span = telemetry.start("publish", envelope.traceparent, type=envelope.type)
        headers.append(("traceparent", telemetry.traceparent_of(span).encode()))
        span.end()
    value = wire_bytes(one.body, one.hash, one.position)
    return await publisher.send(topic, value, key=one.subject.encode(), headers=headers)


def _is_whole(expected: tuple[int, Placed]) -> bool:
    """Whether the event at a position is there, and its bytes are what was recorded."""
    position, one = expected
    return one.position == position and one.body is not None and sha256(one.body).digest() == one.hash
