"""What an event of a desk is: unseen, waiting or settled; and how many batches a desk has sent."""

from dataclasses import dataclass, replace

from libs.events.catalogue.repatriation import BatchReceived, InboxEventHeld, InboxEventSettled


@dataclass(frozen=True, slots=True)
class Held:
    """An event that a desk sent: unseen, waiting, or settled."""

    held: InboxEventHeld | None = None
    settled: InboxEventSettled | None = None


def held_after(state: Held, event: InboxEventHeld | InboxEventSettled) -> Held:
    """The held event after what became of it."""
    return Held(event) if isinstance(event, InboxEventHeld) else replace(state, settled=event)


@dataclass(frozen=True, slots=True)
class Batches:
    """How many batches a desk has sent."""

    count: int = 0


def batch_counted(state: Batches, event: BatchReceived) -> Batches:  # noqa: ARG001 - every event is one batch
    """One batch more."""
    return Batches(state.count + 1)
