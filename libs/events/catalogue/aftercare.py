"""The facts of aftercare."""

from libs.events.event import Event

EVENTS: tuple[type[Event], ...] = ()
