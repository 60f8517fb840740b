"""What an anonymised notification is: there, or not."""

from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.identification import Notified


@dataclass(frozen=True, slots=True)
class Unmade:
    """No such notification."""


State: TypeAlias = Unmade | Notified


def evolve(_: State, event: Notified) -> State:
    """A notification never changes."""
    return event
