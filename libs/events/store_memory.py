"""The event store in memory: the same promises as PostgreSQL's, for tests and the simulation; nothing is durable."""

from libs.events.envelope import GENESIS, Envelope
from libs.events.store import Answer, Append, Conflict, Entry, KeyReused, check, follows


class MemoryStore:
    """Streams in a dictionary. Passes the same contract tests as the real store."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Entry]] = {}
        self.answers: dict[tuple[str, str], Answer] = {}
        self.person_keys: dict[str, bytes] = {}
        self.outbox: list[Entry] = []

    async def read(self, stream: str) -> list[Envelope]:
        """Every event of a stream in order."""
        return [entry.envelope for entry in self.streams.get(stream, [])]

    async def append(self, append: Append) -> None:
        """Store all of it, or nothing."""
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
        for entry in append.entries:
            self.streams.setdefault(entry.envelope.stream, []).append(entry)
            self.outbox.append(entry)
        if answer:
            self.answers[answer.organisation, answer.key] = answer
        self.person_keys.update(append.person_keys)

    async def answer(self, organisation: str, key: str) -> Answer | None:
        """What was answered under an idempotency key."""
        return self.answers.get((organisation, key))

    def _head(self, stream: str) -> tuple[int, str]:
        entries = self.streams.get(stream)
        return (entries[-1].envelope.streamversion, entries[-1].envelope.hash) if entries else (0, GENESIS)
