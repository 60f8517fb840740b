"""Mistakes that somebody could make, each put into the real code: the simulation must find every one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aiokafka import ConsumerRecord

from libs.events.relay import POLL_S_MAX, SEQUENCE_EVENTS_MAX, Journal, Publisher, _send
from libs.events.store import Append
from libs.events.store_memory import MemoryStore
from libs.events.writer import Writer
from tests.simulation.city import City


class _ByIdentity(MemoryStore):
    """The outbox read by a growing cursor: a number taken early and committed late is skipped."""

    cursor = 0

    async def sequence(self, most: int) -> int:
        taken = sorted(number for number in self.outbox if number > self.cursor)[:most]
        self.cursor = max(taken, default=self.cursor)
        self.log += [self.outbox.pop(number) for number in taken]
        return len(taken)


class _KeyUnchecked(MemoryStore):
    """The idempotency key is looked at when the transaction begins, and not held to at its end."""

    def commit(self, append: Append, numbers: Sequence[int]) -> None:
        if append.answer:
            self.answers.pop((append.answer.organisation, append.answer.key), None)
        super().commit(append, numbers)


class _OffsetFirst(Writer):
    """The offset is committed before the rows."""

    async def apply(self, records: Sequence["ConsumerRecord[bytes, bytes]"]) -> None:
        async with self._shelf.transaction():
            await self._shelf.resume_at({(one.topic, one.partition): one.offset + 1 for one in records})
        await super().apply(records)


async def _marks_early(service: str, journal: Journal, publisher: Publisher, topic: str, published: int) -> None:
    """What is sent is taken for published before it is acknowledged."""
    assert service
    while True:
        await journal.sequence(SEQUENCE_EVENTS_MAX)
        placed = await journal.after(published, SEQUENCE_EVENTS_MAX)
        if not placed:
            await asyncio.sleep(POLL_S_MAX)
            continue
        sent = [await _send(publisher, topic, one) for one in placed]
        published = placed[-1].position
        await journal.mark(topic, published)
        await asyncio.gather(*sent)


async def _turned_round(service: str, journal: Journal, publisher: Publisher, topic: str, published: int) -> None:
    """The events of a round are sent last first."""
    assert service
    while True:
        await journal.sequence(SEQUENCE_EVENTS_MAX)
        placed = await journal.after(published, SEQUENCE_EVENTS_MAX)
        if not placed:
            await asyncio.sleep(POLL_S_MAX)
            continue
        await asyncio.gather(*[await _send(publisher, topic, one) for one in reversed(placed)])
        published = placed[-1].position
        await journal.mark(topic, published)


def _store(store: type[MemoryStore]) -> Callable[[City], None]:
    def plant(city: City) -> None:
        city.store = store()

    return plant


def _writer(writer: type[Writer]) -> Callable[[City], None]:
    def plant(city: City) -> None:
        city.writer = writer

    return plant


def _relay(relay: Callable[..., "asyncio.Future[None]"]) -> Callable[[City], None]:
    def plant(city: City) -> None:
        city.relay = relay

    return plant


MUTANTS: Mapping[str, Callable[[City], None]] = {
    "relay-by-identity": _store(_ByIdentity),
    "key-unchecked-at-commit": _store(_KeyUnchecked),
    "offset-before-rows": _writer(_OffsetFirst),
    "published-before-acknowledged": _relay(_marks_early),
    "sent-in-reverse": _relay(_turned_round),
}
