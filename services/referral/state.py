"""What a provider's registration and a referral are, from their events. Total; decides nothing."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from libs.events.catalogue.referral import (
    OffersChanged,
    ProviderRegistered,
    ReferralAnswered,
    ReferralCompleted,
    ReferralDecided,
    ReferralEvent,
    Referred,
    RegistrationDecided,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Nothing:
    """No such provider, or no such referral."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A provider: as it registered, and what MOSVY last decided."""

    registered: ProviderRegistered
    status: Literal["applied", "approved", "suspended"] = "applied"


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral with the decision and the answer that it has so far."""

    referred: Referred
    decision: ReferralDecided | None = None
    answer: ReferralAnswered | None = None
    completed: bool = False

    @property
    def status(self) -> str:
        """Where the referral stands."""
        if self.completed:
            return "completed"
        if self.answer:
            return "accepted" if self.answer.response == "accept" else "declined"
        if self.decision:
            return "approved" if self.decision.decision == "approve" else "refused"
        return "awaiting_decision"

    @property
    def waits_for_place(self) -> bool:
        """Declined only because the provider is full: the person is on its waiting list, and may be accepted later."""
        return self.status == "declined" and self.answer is not None and self.answer.ground == "full"


ProviderState: TypeAlias = Nothing | Registration
ReferralState: TypeAlias = Nothing | Referral


def evolve_provider(state: ProviderState, event: ReferralEvent) -> ProviderState:
    """The provider after an event."""
    if isinstance(event, ProviderRegistered):
        return Registration(event)
    assert isinstance(state, Registration), "a provider's first event is its registration"  # the store holds no less
    match event:
        case RegistrationDecided():
            return replace(state, status="suspended" if event.decision == "suspend" else "approved")
        case OffersChanged():
            changed = {"services": event.services, "offers": event.offers}
            return replace(state, registered=state.registered.model_copy(update=changed))
        case _:
            raise AssertionError("a referral's event is in no provider's stream")


def evolve_referral(state: ReferralState, event: ReferralEvent) -> ReferralState:
    """The referral after an event."""
    if isinstance(event, Referred):
        return Referral(event)
    assert isinstance(state, Referral), "a referral's first event is referred"  # the store holds no less
    match event:
        case ReferralDecided():
            return replace(state, decision=event)
        case ReferralAnswered():
            return replace(state, answer=event)
        case ReferralCompleted():
            return replace(state, completed=True)
        case _:
            raise AssertionError("a provider's event is in no referral's stream")
