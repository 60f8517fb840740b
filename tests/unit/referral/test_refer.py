"""Who may be referred to whom, and who answers when."""

from dataclasses import replace

import pytest

from libs.events.catalogue.referral import ProviderRegistered, ReferralAnswered, ReferralDecided, RegistrationDecided
from libs.events.testing import given
from services.referral.commands import (
    Answer,
    Complete,
    Consent,
    DecideReferral,
    DecideRegistration,
    Person,
    Provider,
    Refer,
    Register,
)  # fmt: skip
from services.referral.decider import PROVIDER, REFERRAL, cohort_of, may_be_referred
from services.referral.rulebook import Wanted, offers, ranked

CASE = "KH-0000-0000"
PERSON = Person(CASE, "male", None, "30-38", child=False, screening="presumed_victim", outcome=None)
HOUSE = Provider("p1", "house", "KH-12", ("shelter", "medical"), "approved")
REFER = Refer("r1", PERSON, Consent(given=True, by="self"), HOUSE, ("shelter",), "long", "cnp", {"reason": "as told"})
REFERRED = given(REFERRAL).when(REFER).events[0]
APPROVED = given(REFERRAL, REFERRED).when(DecideReferral("approve", {})).events[0]
ACCEPT = Answer("accept", "place_available", "approved", {})
REGISTERED = ProviderRegistered(
    provider_id="p1", organisation="house", name="House", province="KH-12", services=("shelter",)
)


def test_a_presumed_victim_who_consents_is_referred() -> None:
    assert REFERRED.cohort == "men"  # type: ignore[attr-defined]
    assert REFERRED.provider == "house"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"consent": None}, "referral-without-consent"),
        ({"consent": Consent(given=False, by="self")}, "referral-without-consent"),
        ({"person": replace(PERSON, screening="not_presumed")}, "referral-without-status"),
        ({"person": replace(PERSON, outcome="smuggled_migrant")}, "referral-without-status"),
        ({"provider": replace(HOUSE, status="suspended")}, "provider-suspended"),
        ({"provider": replace(HOUSE, status="applied")}, "provider-not-approved"),
        ({"services": ("legal_aid",)}, "service-not-offered"),
    ],
)
def test_no_referral_without_what_it_needs(change: dict[str, object], rule: str) -> None:
    given(REFERRAL).when(replace(REFER, **change)).then_refused(rule)  # type: ignore[arg-type]


def test_a_determined_victim_needs_no_presumption() -> None:
    assert may_be_referred(replace(PERSON, screening=None, outcome="victim"))
    assert may_be_referred(replace(PERSON, outcome="inconclusive"))
    assert not may_be_referred(replace(PERSON, screening=None))


def test_mosvy_decides_once_and_before_the_provider() -> None:
    given(REFERRAL, REFERRED).when(ACCEPT).then_refused("referral-not-approved")
    given(REFERRAL, REFERRED, APPROVED).when(DecideReferral("refuse", {})).then_refused("already-decided")
    assert isinstance(APPROVED, ReferralDecided)


def test_the_provider_answers_once() -> None:
    accepted = given(REFERRAL, REFERRED, APPROVED).when(ACCEPT).events[0]
    assert isinstance(accepted, ReferralAnswered)
    given(REFERRAL, REFERRED, APPROVED, accepted).when(ACCEPT).then_refused("referral-not-approved")
    assert given(REFERRAL, REFERRED, APPROVED, accepted).when(Complete({})).state.status == "completed"


def test_a_suspended_provider_accepts_nobody() -> None:
    given(REFERRAL, REFERRED, APPROVED).when(replace(ACCEPT, provider_status="suspended")).then_refused(
        "provider-suspended"
    )


def test_a_provider_is_approved_suspended_and_taken_back() -> None:
    approve, suspend, lift = (DecideRegistration("p1", d, "seen") for d in ("approve", "suspend", "lift"))  # type: ignore[arg-type]
    approved = RegistrationDecided(provider_id="p1", decision="approve", grounds="seen")
    given(PROVIDER, REGISTERED).when(approve).then(approved)
    given(PROVIDER, REGISTERED).when(lift).then_refused("already-so")
    given(PROVIDER, REGISTERED, approved).when(approve).then_refused("already-so")
    assert given(PROVIDER, REGISTERED, approved).when(suspend).state.status == "suspended"
    given(PROVIDER, REGISTERED).when(Register(REGISTERED)).then_refused("provider-exists")


@pytest.mark.parametrize(
    ("person", "cohort"),
    [
        (PERSON, "men"),
        (replace(PERSON, sex="female"), "women"),
        (replace(PERSON, gender="transgender_feminine"), "transgender_adults"),
        (replace(PERSON, child=True, gender="transgender_feminine"), "boys"),
        (replace(PERSON, child=True, sex="female"), "girls"),
    ],
)
def test_everybody_has_one_cohort(person: Person, cohort: str) -> None:
    assert cohort_of(person) == cohort


def test_the_directory_finds_for_whom_and_how_long() -> None:
    provider = {
        "services": ["shelter"],
        "offers": [{"service": "shelter", "cohorts": ["women"], "terms": ["short"]}],
    }
    assert offers(provider, Wanted(service="shelter", sex="female"))
    assert not offers(provider, Wanted(service="shelter", sex="male"))
    assert not offers(provider, Wanted(term="long"))
    assert offers({"services": ["medical"], "offers": []}, Wanted(service="medical", sex="male"))


def test_options_say_what_is_missing() -> None:
    row = {"provider_id": "p", "organisation": "o", "province": "KH-1", "kind": "transit", "cohort": "men", "free": 0}
    none = ranked(PERSON, [row], consent=True, presumed=True)
    assert none["items"] == []
    assert none["missing"][0].startswith("place")
    best = ranked(
        PERSON, [row, {**row, "free": 2}, {**row, "cohort": "families", "free": 9}], consent=True, presumed=True
    )
    assert [one["cohort"] for one in best["items"]] == ["men", "families"]
