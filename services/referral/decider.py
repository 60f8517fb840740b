"""What referral allows. Every rule is here and nowhere else."""

from collections.abc import Sequence
from itertools import takewhile
from typing import assert_never

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
from libs.events.catalogue.vocabulary import Cohort
from libs.events.decider import Decider, Refused
from services.referral.commands import (
    Answer,
    ChangeOffers,
    Complete,
    Consent,
    DecideReferral,
    DecideRegistration,
    Person,
    ProviderCommand,
    Refer,
    ReferralCommand,
    Register,
)  # fmt: skip
from services.referral.state import (
    Nothing,
    ProviderState,
    Referral,
    ReferralState,
    Registration,
    evolve_provider,
    evolve_referral,
)  # fmt: skip


def decide_provider(command: ProviderCommand, state: ProviderState) -> tuple[ReferralEvent, ...]:
    """The events that a command on a provider causes. Raises Refused."""
    match command:
        case Register():
            return (_register(command, state),)
        case DecideRegistration():
            return (_decide_registration(command, state),)
        case ChangeOffers():
            return (_change_offers(command, state),)
        case _:
            assert_never(command)


def decide_referral(command: ReferralCommand, state: ReferralState) -> tuple[ReferralEvent, ...]:
    """The events that a command on a referral causes. Raises Refused."""
    if isinstance(command, Refer):
        return (_refer(command, state),)
    if isinstance(state, Nothing):
        raise Refused("not-found", "there is no such referral", status=404)
    match command:
        case DecideReferral():
            return (_decide_referral(command, state),)
        case Answer():
            return (_answer(command, state),)
        case Complete():
            return (_complete(command, state),)
        case _:
            assert_never(command)


def cohort_of(person: Person) -> Cohort:
    """The cohort that the person's beds are counted in."""
    if person.child:
        return "girls" if person.sex == "female" else "boys"
    if (person.gender or "").startswith("transgender"):
        return "transgender_adults"
    return "women" if person.sex == "female" else "men"


def may_be_referred(person: Person) -> bool:
    """A positive or presumed status: determined a victim, or presumed one while nothing else is determined."""
    if person.outcome in (None, "inconclusive"):
        return person.screening == "presumed_victim"
    return person.outcome == "victim"


def standing(said: Sequence[Consent], *, child: bool, named: Consent | None = None) -> Consent | None:
    """What stands of all that was said about a referral, oldest first; `named` is the one that a referral rests on.

    The latest word stands. A child's own yes leaves the guardian's standing; anybody's no takes both back.
    """
    if named and not named.given:
        return named
    if not said or not said[-1].given:
        return said[-1] if said else None
    since_refusal = list(takewhile(lambda one: one.given, reversed(said)))
    fit = [one for one in ([named] if named else []) + since_refusal if consents(one, child=child)]
    return (fit or since_refusal)[0]


def consents(consent: Consent | None, *, child: bool) -> bool:
    """Whether this is consent enough: for a child it is a guardian's, or an emergency (Palermo Protocol, art. 6)."""
    return consent is not None and consent.given and not (child and consent.by == "self")


def without_consent() -> Refused:
    """The refusal of a referral to which nobody consents."""
    return Refused(
        "referral-without-consent",
        "a referral needs the person's consent, which may be taken back; a guardian's for a child, or an emergency",
    )


def _register(command: Register, state: ProviderState) -> ProviderRegistered:
    if not isinstance(state, Nothing):
        raise Refused("provider-exists", "this provider is registered already")
    return command.registered


def _decide_registration(command: DecideRegistration, state: ProviderState) -> RegistrationDecided:
    if not isinstance(state, Registration):
        raise Refused("not-found", "there is no such provider", status=404)
    allowed = {"approve": {"applied"}, "suspend": {"approved"}, "lift": {"suspended"}}[command.decision]
    if state.status not in allowed:
        raise Refused("already-so", f"the provider is {state.status}; {command.decision} does not apply")
    return RegistrationDecided(provider_id=command.provider_id, decision=command.decision, grounds=command.grounds)


def _change_offers(command: ChangeOffers, state: ProviderState) -> OffersChanged:
    if not isinstance(state, Registration):
        raise Refused("not-found", "there is no such provider", status=404)
    lacking = sorted({one.service for one in command.offers} - set(command.services))
    if lacking:
        raise Refused("offer-without-service", f"services lacks {', '.join(lacking)}", status=422, pointer="/services")
    if (command.services, command.offers) == (state.registered.services, state.registered.offers):
        raise Refused("already-so", "the directory says so already")
    return OffersChanged(
        provider_id=command.provider_id,
        services=command.services,
        offers=command.offers,
        grounds=command.grounds,
        because_of=command.because_of,
    )


def _refer(command: Refer, state: ReferralState) -> Referred:
    if not isinstance(state, Nothing):
        raise Refused("referral-exists", "this referral exists already")
    person, consent, provider = command.person, command.consent, command.provider
    if not may_be_referred(person):
        raise Refused("referral-without-status", "the person is neither determined nor presumed a victim")
    if not consents(consent, child=person.child):
        raise without_consent()
    assert consent  # who consents has said so
    if provider.status == "suspended":
        raise Refused("provider-suspended", "the provider is suspended and gets no referrals")
    if provider.status != "approved":
        raise Refused("provider-not-approved", "MOSVY has not approved the provider yet")
    lacking = sorted(set(command.services) - set(provider.services))
    if lacking:
        raise Refused("service-not-offered", f"the provider does not offer {', '.join(lacking)}", pointer="/services")
    return Referred(
        case_id=person.case_id,
        referral_id=command.referral_id,
        provider_id=provider.provider_id,
        provider=provider.organisation,
        province=provider.province,
        services=command.services,
        term=command.term,
        cohort=cohort_of(person),
        sex=person.sex,
        age_group=person.age_group,
        child=person.child,
        referred_by=command.referred_by,
        consent_by=consent.by,
        personal=command.personal,
    )


def _decide_referral(command: DecideReferral, state: Referral) -> ReferralDecided:
    if state.decision:
        raise Refused("already-decided", f"the referral is {state.status}")
    referred = state.referred
    if command.decision == "approve":
        if command.provider_status == "suspended":
            raise Refused("provider-suspended", "the provider is suspended and gets no referrals")
        if not consents(command.consent, child=referred.child):
            raise without_consent()
    return ReferralDecided(
        case_id=referred.case_id,
        referral_id=referred.referral_id,
        provider_id=referred.provider_id,
        decision=command.decision,
        services=referred.services,
        province=referred.province,
        term=referred.term,
        cohort=referred.cohort,
        personal=command.personal,
    )


def _answer(command: Answer, state: Referral) -> ReferralAnswered:
    from_waiting_list = state.waits_for_place and command.response == "accept"
    if state.status != "approved" and not from_waiting_list:
        raise Refused("referral-not-approved", f"the referral is {state.status}: the provider answers an approved one")
    referred = state.referred
    if command.response == "accept":
        if command.provider_status == "suspended":
            raise Refused("provider-suspended", "the provider is suspended and may accept nobody")
        if not consents(command.consent, child=referred.child):
            raise without_consent()
    return ReferralAnswered(
        case_id=referred.case_id,
        referral_id=referred.referral_id,
        provider_id=referred.provider_id,
        response=command.response,
        ground=command.ground,
        services=referred.services,
        province=referred.province,
        term=referred.term,
        cohort=referred.cohort,
        personal=command.personal,
    )


def _complete(command: Complete, state: Referral) -> ReferralCompleted:
    if state.status != "accepted":
        raise Refused("referral-not-accepted", f"the referral is {state.status}: an accepted one is completed")
    referred = state.referred
    return ReferralCompleted(
        case_id=referred.case_id,
        referral_id=referred.referral_id,
        provider_id=referred.provider_id,
        personal=command.personal,
    )


PROVIDER: Decider[ProviderCommand, ProviderState, ReferralEvent] = Decider(Nothing(), decide_provider, evolve_provider)
REFERRAL: Decider[ReferralCommand, ReferralState, ReferralEvent] = Decider(Nothing(), decide_referral, evolve_referral)
