"""The facts of repatriation."""

from libs.events.event import Event

EVENTS: tuple[type[Event], ...] = ()
