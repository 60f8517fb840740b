"""The event store in memory: the same promises as PostgreSQL's, for tests and the simulation; nothing is durable."""

from collections.abc import Sequence
from itertools import count

from libs.events.envelope import GENESIS, Envelope
from libs.events.relay import Placed
from libs.events.store import Answer, Append, Conflict, Entry, KeyReused, check, follows


class MemoryStore:
    """Streams in a dictionary. Passes the same contract tests as the real store, and as the relay's journal.

    An append is one transaction in two steps: `begin` takes numbers for the outbox, as an identity column does, and
    `commit` makes all of it visible. Between them others may begin and commit.
    """

    def __init__(self) -> None:
        self.streams: dict[str, list[Entry]] = {}
        self.answers: dict[tuple[str, str], Answer] = {}
        self.person_keys: dict[str, bytes] = {}
        self.outbox: dict[int, Entry] = {}
        self.log: list[Entry] = []
        self._published: dict[str, int] = {}
        self._numbers = count(1)

    async def read(self, stream: str) -> list[Envelope]:
        """Every event of a stream in order."""
        return [entry.envelope for entry in self.streams.get(stream, [])]

    async def append(self, append: Append) -> None:
        """Store all of it, or nothing."""
        self.commit(append, self.begin(append))

    def begin(self, append: Append) -> Sequence[int]:
        """Check against what has committed, and take numbers for the outbox."""
        self._check(append)
        return [next(self._numbers) for _ in append.entries]

    def commit(self, append: Append, numbers: Sequence[int]) -> None:
        """Make it visible, unless what committed meanwhile stands against it."""
        self._check(append)
        for entry, number in zip(append.entries, numbers, strict=True):
            self.streams.setdefault(entry.envelope.stream, []).append(entry)
            self.outbox[number] = entry
        if append.answer:
            self.answers[append.answer.organisation, append.answer.key] = append.answer
        self.person_keys.update(append.person_keys)

    async def answer(self, organisation: str, key: str) -> Answer | None:
        """What was answered under an idempotency key."""
        return self.answers.get((organisation, key))

    async def sequence(self, most: int) -> int:
        """Give the next dense positions to what has committed; how many were given."""
        taken = sorted(self.outbox)[:most]
        self.log += [self.outbox.pop(number) for number in taken]
        return len(taken)

    async def published(self, topic: str) -> int:
        """The last position that is known to be on the topic."""
        return self._published.get(topic, 0)

    async def after(self, position: int, most: int) -> Sequence[Placed]:
        """The events that follow a position, in order."""
        return [
            Placed(number, entry.envelope.subject, bytes.fromhex(entry.envelope.hash), entry.body)
            for number, entry in enumerate(self.log[position : position + most], position + 1)
        ]

    async def mark(self, topic: str, position: int) -> None:
        """Remember that everything up to a position is on the topic."""
        self._published[topic] = position

    def _check(self, append: Append) -> None:
        check(append)
        answer = append.answer
        if answer and (answer.organisation, answer.key) in self.answers:
            raise KeyReused(self.answers[answer.organisation, answer.key])
        heads = {entry.envelope.stream: self._head(entry.envelope.stream) for entry in append.entries}
        for entry in append.entries:
            envelope = entry.envelope
            if not follows(envelope, *heads[envelope.stream]):
                raise Conflict(envelope.stream)
            heads[envelope.stream] = (envelope.streamversion, envelope.hash)

    def _head(self, stream: str) -> tuple[int, str]:
        entries = self.streams.get(stream)
        return (entries[-1].envelope.streamversion, entries[-1].envelope.hash) if entries else (0, GENESIS)
