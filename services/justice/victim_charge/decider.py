"""What may be done about a charge against a victim: non-punishment is looked at before anybody is punished."""

from typing import assert_never

from libs.events.catalogue.justice import (
    NonProsecutionAlertAssigned,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    VictimChargeEvent,
)
from libs.events.decider import Decider, Refused
from services.justice.victim_charge.commands import AssignAlert, ChargeVictim, ResolveAlert, VictimChargeCommand
from services.justice.victim_charge.state import State, Unopened, evolve, facts_of


def decide(command: VictimChargeCommand, state: State) -> tuple[VictimChargeEvent, ...]:
    """What follows for a charge against a victim. Raises Refused."""
    if isinstance(command, ChargeVictim):
        same = facts_of(command.charged)
        raised = (NonProsecutionAlertRaised(**same, basis=command.basis),) if command.basis else ()
        return (command.charged, *raised)
    if isinstance(state, Unopened):
        raise Refused("not-found", "there is no such charge against a victim", status=404)
    same = facts_of(state.charged)
    if state.resolved:
        raise Refused("already-resolved", f"the alert was resolved: {state.resolved.resolution}")
    match command:
        case AssignAlert():
            if not state.raised and not command.basis:
                raise Refused("no-alert", "the person is not held for a victim: there is no alert to assign")
            raised = () if state.raised else (NonProsecutionAlertRaised(**same, basis=command.basis),)
            return (
                *raised,
                NonProsecutionAlertAssigned(**same, assignee=command.assignee, personal=command.personal),
            )
        case ResolveAlert():
            if not state.raised:
                raise Refused("no-alert", "no alert was raised")
            ended = {"resolution": command.resolution, "personal": command.personal}
            return (NonProsecutionAlertResolved(**same, **ended),)
        case _:
            assert_never(command)


VICTIM_CHARGE: Decider[VictimChargeCommand, State, VictimChargeEvent] = Decider(Unopened(), decide, evolve)
