"""Which rows a fact changes for the question of who knows whom. Pure; nothing here names anybody.

`at` is when it was recorded: coverage is what the register knows, whenever it happened.
"""

from collections.abc import Sequence

from libs.events.catalogue.identification import Identified, Linked, Unlinked
from libs.events.catalogue.imports import SourceRecorded
from libs.events.consume import Change, Fact, Put

NAME = "coverage"
WANTS = frozenset(event.wire for event in (Identified, SourceRecorded, Linked, Unlinked))
_SHOWN = {"case_id", "system", "met_on", "age_group", "sex", "claim", "filled", "beyond"}


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that a fact changes."""
    envelope = fact.envelope
    match fact.event:
        case Identified() as event:
            return (Put("person", {"case_id": event.case_id}, {"channel": event.channel, "at": envelope.time}),)
        case SourceRecorded() as event:
            said = event.model_dump(mode="json", include=_SHOWN)
            row = {"stream": envelope.stream, "version": envelope.streamversion}
            return (Put("source", row, {**said, "at": envelope.time}),)
        case Linked() | Unlinked() as event:
            pair = {"case_id": event.case_id, "other_case_id": event.other_case_id, "version": envelope.streamversion}
            return (Put("link", pair, {"same": isinstance(event, Linked), "at": envelope.time}),)
        case _:
            return ()
