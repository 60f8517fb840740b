"""What can be asked of an anonymised notification."""

from dataclasses import dataclass

from libs.events.catalogue.identification import Notified


@dataclass(frozen=True, slots=True)
class Notify:
    """Record that a person who gave no consent was met."""

    notified: Notified
