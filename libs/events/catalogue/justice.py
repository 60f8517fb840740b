"""The facts of justice."""

from libs.events.event import Event

EVENTS: tuple[type[Event], ...] = ()
