"""What a re-trafficking alert is, from its events. Total; decides nothing."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from libs.events.catalogue.aftercare import AftercareEvent, ReTraffickingAlertRaised, ReTraffickingAlertResolved


@dataclass(frozen=True, slots=True)
class Nothing:
    """No such alert."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, and what came of it."""

    raised: ReTraffickingAlertRaised
    finding: str | None = None


AlertState: TypeAlias = Nothing | Alert


def evolve(state: AlertState, event: AftercareEvent) -> AlertState:
    """The alert after an event."""
    if isinstance(event, ReTraffickingAlertRaised):
        return Alert(event)
    assert isinstance(state, Alert), "an alert's first event raises it"  # the store holds no less
    assert isinstance(event, ReTraffickingAlertResolved), "another event is in no alert's stream"  # as above
    return replace(state, finding=event.finding)
