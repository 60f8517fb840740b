"""What may become of an event that a desk sent early: kept once, settled once."""

from libs.events.catalogue.repatriation import BatchReceived, InboxEventHeld, InboxEventSettled
from libs.events.decider import Decider, Refused
from services.repatriation.inbox.commands import CloseBatch, HeldCommand, Hold
from services.repatriation.inbox.state import Batches, Held, batch_counted, held_after


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


HELD: Decider[HeldCommand, Held, InboxEventHeld | InboxEventSettled] = Decider(Held(), hold, held_after)
BATCHES: Decider[CloseBatch, Batches, BatchReceived] = Decider(Batches(), close_batch, batch_counted)
