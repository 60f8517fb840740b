"""The published language: every event that was ever recorded, by its wire name. Facts only, no behaviour."""

from collections.abc import Mapping

from libs.events.catalogue import aftercare, identification, justice, referral, repatriation
from libs.events.event import JSON, Event

EVENTS: Mapping[str, type[Event]] = {
    event.wire: event
    for module in (identification, referral, aftercare, justice, repatriation)
    for event in module.EVENTS
}


class UnknownEvent(LookupError):
    """A wire name that this version does not know: written by a newer one, or forged."""


def decode(wire: str, data: Mapping[str, JSON]) -> Event:
    """The event in an envelope's `data`. Raises UnknownEvent, or ValidationError where the data do not fit."""
    event = EVENTS.get(wire)
    if event is None:
        raise UnknownEvent(wire)
    return event.model_validate(data)
