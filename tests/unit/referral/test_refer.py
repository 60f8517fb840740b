"""Who may be referred to whom, and who answers when."""

from dataclasses import replace
from datetime import date

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
from services.referral.decider import PROVIDER, REFERRAL, cohort_of, may_be_referred, standing
from services.referral.rulebook import Days, Wanted, deadlines, offers

CASE = "KH-0000-0000"
PERSON = Person(CASE, "male", None, "30-38", child=False, screening="presumed_victim", outcome=None)
HOUSE = Provider("p1", "house", "KH-12", ("shelter", "medical"), "approved")
REFER = Refer("r1", PERSON, Consent(given=True, by="self"), HOUSE, ("shelter",), "long", "cnp", {"reason": "as told"})
REFERRED = given(REFERRAL).when(REFER).events[0]
YES = Consent(given=True, by="self")
NO = Consent(given=False, by="self")
GUARDIAN = Consent(given=True, by="guardian")
APPROVE = DecideReferral("approve", "approved", YES, {})
APPROVED = given(REFERRAL, REFERRED).when(APPROVE).events[0]
ACCEPT = Answer("accept", "place_available", "approved", YES, {})
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
        ({"person": replace(PERSON, child=True)}, "referral-without-consent"),
        ({"person": replace(PERSON, screening="not_presumed")}, "referral-without-status"),
        ({"person": replace(PERSON, outcome="smuggled_migrant")}, "referral-without-status"),
        ({"provider": replace(HOUSE, status="suspended")}, "provider-suspended"),
        ({"provider": replace(HOUSE, status="applied")}, "provider-not-approved"),
        ({"services": ("legal_aid",)}, "service-not-offered"),
    ],
)
def test_no_referral_without_what_it_needs(change: dict[str, object], rule: str) -> None:
    given(REFERRAL).when(replace(REFER, **change)).then_refused(rule)


def test_a_determined_victim_needs_no_presumption() -> None:
    assert may_be_referred(replace(PERSON, screening=None, outcome="victim"))
    assert may_be_referred(replace(PERSON, outcome="inconclusive"))
    assert not may_be_referred(replace(PERSON, screening=None))


def test_mosvy_decides_once_and_before_the_provider() -> None:
    given(REFERRAL, REFERRED).when(ACCEPT).then_refused("referral-not-approved")
    given(REFERRAL, REFERRED, APPROVED).when(replace(APPROVE, decision="refuse")).then_refused("already-decided")
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
    approve, suspend, lift = (DecideRegistration("p1", d, "seen") for d in ("approve", "suspend", "lift"))
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


@pytest.mark.parametrize(
    ("said", "child", "stands"),
    [
        ([], False, None),
        ([YES], False, YES),
        ([YES, NO], False, NO),
        ([NO, YES], False, YES),
        ([GUARDIAN, YES], True, GUARDIAN),
        ([GUARDIAN, NO, YES], True, YES),
        ([YES], True, YES),
    ],
)
def test_the_latest_word_stands(said: list[Consent], child: bool, stands: Consent | None) -> None:
    assert standing(said, child=child) == stands


def test_the_consent_that_a_referral_rests_on_stands_while_nothing_was_taken_back() -> None:
    emergency = Consent(given=True, by="emergency")
    assert standing([emergency, YES], child=False, named=emergency) == emergency
    assert standing([YES, NO], child=False, named=YES) == NO
    assert standing([NO, YES], child=False, named=NO) == NO
    assert standing([GUARDIAN, YES], child=True, named=YES) == GUARDIAN


@pytest.mark.parametrize("by", ["guardian", "emergency"])
def test_a_child_is_referred_by_who_may_speak_for_it(by: str) -> None:
    child = replace(REFER, person=replace(PERSON, child=True), consent=Consent(given=True, by=by))
    assert given(REFERRAL).when(child).events[0].consent_by == by  # type: ignore[attr-defined]


def test_consent_taken_back_stops_the_approval_and_the_acceptance() -> None:
    given(REFERRAL, REFERRED).when(replace(APPROVE, consent=NO)).then_refused("referral-without-consent")
    given(REFERRAL, REFERRED, APPROVED).when(replace(ACCEPT, consent=NO)).then_refused("referral-without-consent")
    refuse, decline = replace(APPROVE, decision="refuse", consent=NO), replace(ACCEPT, response="decline", consent=NO)
    assert given(REFERRAL, REFERRED).when(refuse).state.status == "refused"
    assert given(REFERRAL, REFERRED, APPROVED).when(decline).state.status == "declined"


def test_nobody_is_sent_to_a_suspended_provider() -> None:
    given(REFERRAL, REFERRED).when(replace(APPROVE, provider_status="suspended")).then_refused("provider-suspended")


def test_who_was_full_may_take_the_person_later() -> None:
    full = given(REFERRAL, REFERRED, APPROVED).when(replace(ACCEPT, response="decline", ground="full")).events[0]
    later = given(REFERRAL, REFERRED, APPROVED, full)
    assert later.when(ACCEPT).state.status == "accepted"
    later.when(replace(ACCEPT, response="decline")).then_refused("referral-not-approved")
    no = given(REFERRAL, REFERRED, APPROVED).when(replace(ACCEPT, response="decline", ground="not_suitable")).events[0]
    given(REFERRAL, REFERRED, APPROVED, no).when(ACCEPT).then_refused("referral-not-approved")


def test_a_referral_shows_what_is_due() -> None:
    friday, monday, late = date(2024, 6, 7), date(2024, 6, 10), date(2024, 6, 30)
    waiting = deadlines("awaiting_decision", None, Days(friday), monday)
    assert waiting["waiting_for"] == {"step": "decision", "party": "social_affairs"}
    assert (waiting["due"], waiting["overdue"]) == ("2024-06-11", False)
    assert deadlines("awaiting_decision", None, Days(friday), late)["overdue"]
    approved = deadlines("approved", None, Days(friday, monday), late)
    assert approved["waiting_for"]["party"] == "provider"
    assert [step["overdue"] for step in approved["deadlines"]] == [False, True]
    full = deadlines("declined", "full", Days(friday, monday, monday), monday)
    assert (full["waiting_for"]["step"], full["due"]) == ("review_of_waiting", "2024-06-17")
    over = deadlines("refused", None, Days(friday, monday), late)
    assert (over["waiting_for"], over["due"], over["overdue"]) == (None, None, False)
