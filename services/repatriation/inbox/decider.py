"""What may become of an event that a desk sent early: kept once, settled once. And what a desk is shown, noted once."""

from libs.events.catalogue.repatriation import BatchReceived, Disclosed, InboxEventHeld, InboxEventSettled
from libs.events.decider import Decider, Refused
from services.repatriation.commands import Disclose
from services.repatriation.inbox.commands import CloseBatch, HeldCommand, Hold
from services.repatriation.inbox.state import Batches, Held, batch_counted, held_after
from services.repatriation.state import Shown, shown


def hold(command: HeldCommand, state: Held) -> tuple[InboxEventHeld | InboxEventSettled, ...]:
    """An event that came early is kept once, and settled once."""
    if isinstance(command, Hold):
        return () if state.held else (command.held,)
    if state.held is None or state.settled is not None:
        raise Refused("already-so", "this event does not wait")
    held = state.held
    return (
        InboxEventSettled(
            inbox_id=held.inbox_id, case_id=held.case_id, organisation=held.organisation,
            outcome=command.outcome, rule=command.rule, missing=command.missing,
        ),
    )  # fmt: skip


def close_batch(command: CloseBatch, _: Batches) -> tuple[BatchReceived]:
    """A batch was taken in."""
    return (BatchReceived(organisation=command.organisation, batch=command.batch, **command.counts),)


def disclose(command: Disclose, state: Shown) -> tuple[Disclosed, ...]:
    """Step-scoped disclosure is recorded: recipient, purpose and fields, once each."""
    found = Disclosed(
        repatriation_id=command.repatriation_id, case_id=command.case_id, corridor=command.corridor,
        recipient=command.recipient, purpose=command.purpose, fields=command.fields,
    )  # fmt: skip
    return () if found in state.disclosures else (found,)


HELD: Decider[HeldCommand, Held, InboxEventHeld | InboxEventSettled] = Decider(Held(), hold, held_after)
BATCHES: Decider[CloseBatch, Batches, BatchReceived] = Decider(Batches(), close_batch, batch_counted)
DISCLOSURES: Decider[Disclose, Shown, Disclosed] = Decider(Shown(), disclose, shown)
