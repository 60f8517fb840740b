"""Every event as a row, under every case it concerns. Pure: nothing is decided here, only laid down."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from libs.events.catalogue.identification import Linked, Unlinked
from libs.events.consume import Change, Fact, Put
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import JSON, Event, service_of
from libs.transparency.manifest import concerned

WANTS = None
"""Every event of every service."""


def apply(fact: Fact) -> Sequence[Change]:
    """The event's own row, and one for each thing it concerns. Raises ValueError where a row could not hold it."""
    envelope, key = fact.envelope, _key(fact.envelope)
    changes: list[Change] = [Put("event", key, _row(envelope))]
    changes += [Put("concern", {"subject": subject, **key}) for subject in concerns(fact)]
    changes += _links(fact.event, envelope)
    return changes


def concerns(fact: Fact) -> Sequence[str]:
    """The event's subject and every case that its data name, each once: a link shows on both of its sides."""
    return concerned(fact.envelope.subject, fact.envelope.data)


def _links(event: Event, envelope: Envelope) -> Sequence[Change]:
    match event:
        case Linked() | Unlinked():
            key = {"case_id": event.case_id, "other_case_id": event.other_case_id}
            return (Put("link", key, {"linked": isinstance(event, Linked), "recorded_at": envelope.time}),)
        case _:
            return ()


def _key(envelope: Envelope) -> Mapping[str, JSON]:
    return {"stream": envelope.stream, "version": envelope.streamversion}


def _row(envelope: Envelope) -> Mapping[str, JSON]:
    """The columns; checked here, because what comes over Kafka may be forged and must not stop the projection."""
    if not isinstance(envelope.position, int) or envelope.position < 1:
        raise ValueError("an event without a position was never in a service's log")
    for moment in (envelope.time, envelope.occurredat):
        datetime.fromisoformat(moment)  # well formed, but is it a day that exists?
    return {
        "id": envelope.id,
        "service": service_of(envelope.type),
        "position": envelope.position,
        "type": envelope.type,
        "subject": envelope.subject,
        "organisation": envelope.organisation,
        "occurred_at": envelope.occurredat,
        "recorded_at": envelope.time,
        "hash": envelope.hash,
        "body": envelope.canonical().decode(),
    }


def intact(events: Iterable[tuple[Envelope, str]]) -> bool:
    """Whether each event has the hash that was published with it and follows the event before it in its stream."""
    heads: dict[str, tuple[int, str]] = {}
    for envelope, published in sorted(events, key=lambda one: (one[0].stream, one[0].streamversion)):
        version, head = heads.get(envelope.stream, (0, GENESIS))
        if envelope.hash != published:
            return False
        if envelope.streamversion == version + 1 and envelope.prevhash != head:
            return False
        heads[envelope.stream] = (envelope.streamversion, published)
    return True
