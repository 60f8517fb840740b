"""Load, decide, append: the one way in which a command becomes events. Retries a lost race; everything else is told."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from weakref import WeakValueDictionary

from libs.events.catalogue import decode
from libs.events.decider import Decider, Refused
from libs.events.envelope import ENVELOPE_BYTES_MAX, GENESIS, Envelope
from libs.events.event import JSON, Event
from libs.events.store import Answer, Append, Conflict, Entry, EventStore

ATTEMPTS_MAX = 8
"""How often a command is decided anew after another process extended its stream first."""

CACHE_STREAMS_MAX = 5_000
"""Streams whose last state a process remembers; a stale one is found out by the append's version check."""


class Sealer(Protocol):
    """Encrypts personal fields with a person's key."""

    async def seal(self, case_id: str, personal: Mapping[str, JSON]) -> str:
        """The ciphertext of the fields, as it stands in an event. Raises LookupError where there is no key."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What the organisation signed of its request (RFC 9421): the signature base and the signature, in base64.

    The first event of the request keeps the `body`, or an event of a batch the `event` as it was posted, sealed with
    the person's key, so that those entitled can hold it against what was recorded; after the key is destroyed its
    digest says nothing, for it is salted.
    """

    base: str
    signature: str
    kept: Mapping[str, JSON] | None = None

    @classmethod
    def of(cls, envelope: Envelope) -> "Submission | None":
        """The submission that an event carries, for events that follow from the same request later."""
        base, signature = envelope.submissionbase, envelope.submissionsignature
        return cls(base, signature) if base and signature else None


@dataclass(frozen=True, slots=True)
class Origin:
    """Who records, and what caused it. `occurred_at` is when it happened, as the organisation states it."""

    organisation: str
    actor: str
    role: str
    correlation_id: str
    occurred_at: datetime
    causation_id: str | None = None
    traceparent: str | None = None
    submission: Submission | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One command for one stream. Several steps of a request are appended together or not at all."""

    decider: Decider[Any, Any, Any]
    stream: str
    command: object
    expected: int | None = None
    """The version that the caller saw (If-Match); None accepts any."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stream's state with its head: version, hash and time of its last event."""

    state: Any
    version: int = 0
    hash: str = GENESIS
    time: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request recorded: the first step's stream and its new state, and every event."""

    stream: str
    state: Any
    version: int
    entries: Sequence[Entry]


class Moved(Refused):
    """The stream has moved on since the caller saw it (412)."""

    def __init__(self, version: int) -> None:
        super().__init__("version-moved", f"the resource is at version {version} now; read it again", status=412)


class Recorder:
    """Turns commands into durable events for one service."""

    def __init__(
        self,
        store: EventStore,
        service: str,
        sealer: Sealer,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._source = f"/services/{service}"
        self._sealer = sealer
        self._clock = clock
        self._new_id = new_id
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._cache: OrderedDict[str, Loaded] = OrderedDict()

    async def load(self, decider: Decider[Any, Any, Any], stream: str) -> Loaded:
        """The stream's state as it is stored now."""
        envelopes = await self._store.read(stream)
        if not envelopes:
            return Loaded(decider.initial)
        head = envelopes[-1]
        state = decider.fold(decode(envelope.type, envelope.data) for envelope in envelopes)
        loaded = Loaded(state, head.streamversion, head.hash, head.time)
        self._remember(stream, loaded)
        return loaded

    async def record(
        self,
        steps: Sequence[Step],
        origin: Origin,
        answer: Callable[[Outcome], Answer | None] = lambda _: None,
        person_keys: Sequence[tuple[str, bytes]] = (),
    ) -> Outcome:
        """Decide every step and make its events durable.

        Raises Refused where a rule says no, Conflict where the race is lost time and again, KeyReused and
        Unavailable as the store does.
        """
        async with AsyncExitStack() as held:
            for stream in sorted({step.stream for step in steps}):
                await held.enter_async_context(self._lock(stream))
            for attempt in range(ATTEMPTS_MAX):
                try:
                    return await self._attempt(steps, origin, answer, person_keys, fresh=attempt > 0)
                except Conflict:
                    self._forget(steps)
                    if attempt == ATTEMPTS_MAX - 1:
                        raise
        raise AssertionError("unreachable")

    async def _attempt(
        self,
        steps: Sequence[Step],
        origin: Origin,
        answer: Callable[[Outcome], Answer | None],
        person_keys: Sequence[tuple[str, bytes]],
        *,
        fresh: bool,
    ) -> Outcome:
        entries: list[Entry] = []
        after: dict[str, Loaded] = {}
        for step in steps:
            loaded, events = await self._decide(step, after.get(step.stream), fresh=fresh)
            for event in events:
                entry = await self._entry(step.stream, loaded, event, origin, first=not entries)
                entries.append(entry)
                # What is remembered holds no person in the clear: a shredded one must not live on in a cache.
                state = step.decider.evolve(loaded.state, event.model_copy(update={"personal": None}))
                loaded = Loaded(state, entry.envelope.streamversion, entry.envelope.hash, entry.envelope.time)
            after[step.stream] = loaded
        first = after[steps[0].stream]
        outcome = Outcome(steps[0].stream, first.state, first.version, entries)
        if not entries:
            return outcome
        await self._store.append(Append(entries, answer(outcome), person_keys))
        for stream, loaded in after.items():
            self._remember(stream, loaded)
        return outcome

    async def _decide(self, step: Step, so_far: Loaded | None, *, fresh: bool) -> tuple[Loaded, Sequence[Event]]:
        """Decide on the state that this request has reached, else on the remembered, else on the stored one."""
        if step.expected == 0 and so_far is None and not fresh:
            # A stream that the caller has just named: nothing can stand there, and the append finds out if it does.
            so_far = Loaded(step.decider.initial)
        remembered = None if fresh or so_far else self._cache.get(step.stream)
        if remembered:
            # It may be stale. Events made of it are then refused by the store; a refusal or nothing at all would not.
            with contextlib.suppress(Refused):
                if events := self._checked(step, remembered):
                    return remembered, events
        loaded = so_far or await self.load(step.decider, step.stream)
        return loaded, self._checked(step, loaded)

    @staticmethod
    def _checked(step: Step, loaded: Loaded) -> Sequence[Event]:
        if step.expected is not None and step.expected != loaded.version:
            raise Moved(loaded.version)
        events: Sequence[Event] = step.decider.decide(step.command, loaded.state)
        return events

    async def _entry(self, stream: str, head: Loaded, event: Event, origin: Origin, *, first: bool) -> Entry:
        subject = subject_of(event, stream)
        if event.personal:
            event = event.model_copy(update={"sealed": await self._sealer.seal(subject, event.personal)})
        envelope = Envelope(
            id=self._new_id(),
            type=event.wire,
            source=self._source,
            subject=subject,
            time=_not_before(rfc3339(self._clock()), head.time),
            occurredat=rfc3339(origin.occurred_at),
            stream=stream,
            streamversion=head.version + 1,
            organisation=origin.organisation,
            actor=origin.actor,
            role=origin.role,
            correlationid=origin.correlation_id,
            causationid=origin.causation_id,
            traceparent=origin.traceparent,
            prevhash=head.hash,
            data=event.data(),
        )
        if origin.submission:
            envelope = await self._submitted(envelope, origin.submission, first=first)
        envelope, body = envelope.sealed()
        if len(body) > ENVELOPE_BYTES_MAX:
            raise Refused("event-too-large", f"the event would be {len(body)} bytes", status=413)
        return Entry(envelope, body)

    async def _submitted(self, envelope: Envelope, submission: Submission, *, first: bool) -> Envelope:
        body = None
        if first and submission.kept:
            with contextlib.suppress(LookupError):  # a provider or a shelter has no key, nor has a shredded person
                body = await self._sealer.seal(envelope.subject, submission.kept)
        return envelope._replace(
            submissionbase=submission.base,
            submissionsignature=submission.signature,
            submissionbody=body,
        )

    def _lock(self, stream: str) -> asyncio.Lock:
        return self._locks.setdefault(stream, asyncio.Lock())

    def _remember(self, stream: str, loaded: Loaded) -> None:
        self._cache[stream] = loaded
        self._cache.move_to_end(stream)
        if len(self._cache) > CACHE_STREAMS_MAX:
            self._cache.popitem(last=False)

    def _forget(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._cache.pop(step.stream, None)


def subject_of(event: Event, stream: str) -> str:
    """The case that an event is about (the first where several are), else the stream's own id."""
    case_id = getattr(event, "case_id", None)
    case_ids = getattr(event, "case_ids", None)
    return str(case_id or (case_ids[0] if case_ids else stream.partition(":")[2]))


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """The moment that an envelope's time states."""
    return datetime.fromisoformat(text)


def _not_before(time: str, previous: str) -> str:
    """A stream's recording times never go back, whatever the clock does."""
    if time > previous:
        return time
    return rfc3339(parse_time(previous) + timedelta(microseconds=1))
