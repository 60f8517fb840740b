"""Made-up events for the tests of the event core: entries of a chain, and a small projection of their own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import uuid4

from libs.events.catalogue.referral import RegistrationDecided
from libs.events.consume import Add, Change, Fact, Projection, Put
from libs.events.envelope import GENESIS, Envelope, wire_bytes
from libs.events.store import Answer, Append, Entry

DECIDED = RegistrationDecided.wire
TIME = "2026-11-01T08:00:00.000000Z"
SERVICE = "referral"


def entry(stream: str, version: int = 1, prevhash: str = GENESIS, **changes: Any) -> Entry:
    """An event of a stream: what a provider's registration was decided on; `grounds` says what the test wants."""
    subject = stream.partition(":")[2]
    data = {"provider_id": subject, "decision": "approve", "grounds": changes.pop("grounds", "fine")}
    envelope = Envelope(
        id=str(uuid4()),
        type=DECIDED,
        source=f"/services/{SERVICE}",
        subject=subject,
        time=TIME,
        occurredat=TIME,
        stream=stream,
        streamversion=version,
        organisation="mosvy",
        actor="tester",
        role="social_affairs",
        correlationid="c",
        prevhash=prevhash,
        data=data,
    )
    changed = envelope._replace(**changes)
    body = changed.canonical()  # not `sealed`, which refuses what a forger would make
    return Entry(changed._replace(hash=sha256(body).hexdigest()), body)


def after(before: Entry, **changes: Any) -> Entry:
    """The event that follows another in its stream."""
    envelope = before.envelope
    return entry(envelope.stream, envelope.streamversion + 1, envelope.hash, **changes)


def chain(stream: str, length: int, **changes: Any) -> list[Entry]:
    """The first events of a stream."""
    entries = [entry(stream, **changes)]
    while len(entries) < length:
        entries.append(after(entries[-1], **changes))
    return entries


def new_stream() -> str:
    """A stream that nobody else uses."""
    return f"provider:{uuid4().hex}"


def answer(key: str, body: bytes = b"{}", organisation: str = "mosvy") -> Answer:
    """What was answered under a key."""
    return Answer(organisation, key, b"r" * 32, 201, body, "/v1/providers/1", 1)


def append(*entries: Entry, key: str | None = None) -> Append:
    """An append of these events, under an idempotency key where one is given."""
    return Append(entries, answer(key) if key else None)


def wire(one: Entry, position: int = 1) -> bytes:
    """An event as it is published."""
    return wire_bytes(one.body, bytes.fromhex(one.envelope.hash), position)


TABLES = """
CREATE TABLE provider (provider_id text PRIMARY KEY, last text, versions text NOT NULL DEFAULT '', seen integer
    CHECK (seen >= 0), flag text CHECK (flag <> 'never'));
CREATE TABLE tally (decision text PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
"""


@dataclass
class Rules:
    """How the test projection treats its poisons; a fix is a change of these."""

    refuse: frozenset[str] = frozenset({"raise", "unfit", "nowhere", "no-json"})

    def apply(self, fact: Fact) -> Sequence[Change]:
        """One row per provider, one count over all of them."""
        event = fact.event
        assert isinstance(event, RegistrationDecided)
        key = {"provider_id": event.provider_id}
        poison = event.grounds if event.grounds in self.refuse else ""
        if poison == "raise":
            raise ZeroDivisionError
        changes: list[Change] = [
            Put("provider", key, {"last": f"{event.grounds} {fact.envelope.streamversion}"}),
            Add("provider", key, {"seen": 1}),
            Add("tally", {"decision": event.decision}, {"n": 1}),
        ]
        if poison == "unfit":
            changes.append(Put("provider", key, {"flag": "never"}))
        if poison == "nowhere":
            changes.append(Put("nowhere", key, {"flag": "never"}))
        if poison == "no-json":
            changes.append(Put("provider", key, {"flag": object()}))
        return changes


def projection(name: str, rules: Rules | None = None) -> Projection:
    """The test projection under a name."""
    return Projection(name, (rules or Rules()).apply, TABLES)


def expected_rows(entries: Iterable[Entry]) -> dict[str, tuple[str, int]]:
    """provider → (last, seen) after all of these events."""
    rows: dict[str, tuple[str, int]] = {}
    for one in sorted(entries, key=lambda each: each.envelope.streamversion):
        seen = rows.get(one.envelope.subject, ("", 0))[1]
        rows[one.envelope.subject] = (f"{one.envelope.data['grounds']} {one.envelope.streamversion}", seen + 1)
    return rows
