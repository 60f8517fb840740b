"""What a re-trafficking alert allows. Every rule is here and nowhere else."""

from typing import assert_never

from libs.events.catalogue.aftercare import AftercareEvent, ReTraffickingAlertRaised, ReTraffickingAlertResolved
from libs.events.decider import Decider, Refused
from services.aftercare.alert.commands import AlertCommand, Raise, Resolve
from services.aftercare.alert.state import Alert, AlertState, Nothing, evolve


def decide(command: AlertCommand, state: AlertState) -> tuple[AftercareEvent, ...]:
    """The events that a command on an alert causes. Raises Refused."""
    match command:
        case Raise():
            if isinstance(state, Alert):
                raise Refused("already-so", "this alert was raised before")
            raised = ReTraffickingAlertRaised(
                case_id=command.case_id,
                alert_id=command.alert_id,
                basis=command.basis,
                earlier_case_id=command.earlier_case_id,
            )
            return (raised,)
        case Resolve():
            if isinstance(state, Nothing):
                raise Refused("not-found", "there is no such alert", status=404)
            if state.finding:
                raise Refused("already-so", f"the alert was resolved as {state.finding}")
            case_id, alert_id = state.raised.case_id, state.raised.alert_id
            resolved = ReTraffickingAlertResolved(
                case_id=case_id, alert_id=alert_id, finding=command.finding, personal=command.personal
            )
            return (resolved,)
        case _:
            assert_never(command)


ALERT: Decider[AlertCommand, AlertState, AftercareEvent] = Decider(Nothing(), decide, evolve)
