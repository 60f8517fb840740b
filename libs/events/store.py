"""What every event store promises, whoever keeps it. Types, and the check that each makes first. No IO."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from libs.events.envelope import GENESIS, Envelope, Tampered


class Conflict(Exception):
    """Another writer extended the stream first. Reload and decide again; safe to retry."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} has moved on")
        self.stream = stream


class Unavailable(Exception):
    """The store could not say whether the write is durable. Retry with the same idempotency key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer given under an idempotency key; `request` is the hash of what was asked."""

    organisation: str
    key: str
    request: bytes
    status: int
    body: bytes
    location: str
    version: int


class KeyReused(Exception):
    """The idempotency key was already used; `answer` is what was answered then."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("idempotency key already used")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Entry:
    """One event ready to be stored: the envelope and the canonical bytes that its hash covers."""

    envelope: Envelope
    body: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """Everything that one request makes durable together: events (of one or several streams), answer, new keys."""

    entries: Sequence[Entry]
    answer: Answer | None = None
    person_keys: Sequence[tuple[str, bytes]] = field(default=())


class EventStore(Protocol):
    """An append-only store of streams: versions 1, 2, 3 … without gaps, each event chained to the one before."""

    async def read(self, stream: str) -> list[Envelope]:
        """Every event of a stream in order; empty where there is none."""

    async def append(self, append: Append) -> None:
        """Store all of it durably, or nothing.

        Raises KeyReused where the idempotency key is taken (this is looked at first), Conflict where a version is
        taken or its predecessor is missing or another, Unavailable where the outcome is not known, Tampered where
        an entry's bytes do not have its hash.
        """

    async def answer(self, organisation: str, key: str) -> Answer | None:
        """What was answered under an idempotency key, if it was used."""


def check(append: Append) -> None:
    """Refuse an append that is wrong in itself, whatever is stored: Tampered or Conflict."""
    heads: dict[str, tuple[int, str]] = {}
    for entry in append.entries:
        envelope = entry.envelope
        if sha256(entry.body).hexdigest() != envelope.hash:
            raise Tampered(f"event {envelope.id} does not have the hash it claims")
        first = (0, GENESIS) if envelope.streamversion == 1 else (envelope.streamversion - 1, envelope.prevhash)
        if (envelope.streamversion - 1, envelope.prevhash) != heads.get(envelope.stream, first):
            raise Conflict(envelope.stream)
        heads[envelope.stream] = (envelope.streamversion, envelope.hash)


def follows(envelope: Envelope, version: int, digest: str) -> bool:
    """Whether an event is the next after a stream's head (version and hash; 0 and GENESIS before the first)."""
    return envelope.streamversion == version + 1 and envelope.prevhash == digest
