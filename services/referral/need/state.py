"""What a need is, from its events. Total; decides nothing."""

from dataclasses import dataclass

from libs.events.catalogue.referral import NeedRecorded, ReferralEvent


@dataclass(frozen=True, slots=True)
class Nothing:
    """No such need."""


@dataclass(frozen=True, slots=True)
class Need:
    """A need in the ledger; whether it was met is seen from the referrals that followed."""

    recorded: NeedRecorded


def evolve(_: Nothing | Need, event: ReferralEvent) -> Nothing | Need:
    """The need after an event."""
    assert isinstance(event, NeedRecorded), "a need's stream holds its recording alone"  # the store holds no other
    return Need(event)
