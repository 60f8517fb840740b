"""The facts of referral."""

from libs.events.event import Event

EVENTS: tuple[type[Event], ...] = ()
