"""Who waits in which order, what follows a decline, what is due, and the ledger of needs that nobody met."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from libs.events.catalogue.aftercare import Inspected
from libs.events.catalogue.referral import NeedRecorded, Offer, OffersChanged, ProviderRegistered, ReferralAnswered
from libs.events.consume import Fact, Put
from libs.events.envelope import Envelope
from libs.events.event import Event
from libs.events.testing import given
from libs.rules.confidence import confidence_percent
from libs.rules.limits import load_limits
from services.referral.commands import ChangeOffers, Person
from services.referral.decider import PROVIDER
from services.referral.line.rulebook import due_items, next_in_line, waiting_list
from services.referral.need.commands import Record
from services.referral.need.decider import NEED
from services.referral.reactions import remember
from services.referral.rulebook import receives

AT = "2026-01-01T00:00:00.000000Z"
CASE = "KH-0000-0000"
PERSON = Person(CASE, "male", "masculine", "30-38", child=False, screening="presumed_victim", outcome=None)
REGISTERED = ProviderRegistered(
    provider_id="p1", organisation="house", name="House", province="KH-12", services=("shelter",)
)
ROW: dict[str, Any] = {
    "referral_id": "r1", "case_id": CASE, "provider": "house", "referred_by": "cnp", "provider_id": "p1",
    "status": "declined", "ground": "full", "cohort": "men", "term": "long", "services": ["shelter"],
    "province": "KH-12", "consent_by": "self", "occurred_at": datetime(2026, 1, 5, tzinfo=UTC),
    "decided_at": datetime(2026, 1, 6, tzinfo=UTC), "answered_at": datetime(2026, 1, 7, tzinfo=UTC),
    "completed_at": None, "corrected_at": None, "consented_at": None,
}  # fmt: skip


def fact(event: Event, version: int = 1) -> Fact:
    envelope = Envelope(
        id="1", type=event.wire, source="", subject="", time=AT, occurredat=AT, stream="s", streamversion=version,
        organisation="ngo", actor="", role="", correlationid="", prevhash="", data=event.data(),
    )  # fmt: skip
    return Fact(event, envelope)


def test_the_longest_waiting_is_next_in_line_of_its_cohort() -> None:
    later = {**ROW, "referral_id": "r2", "answered_at": datetime(2026, 1, 9, tzinfo=UTC)}
    woman = {**ROW, "referral_id": "r3", "cohort": "women", "answered_at": datetime(2026, 1, 10, tzinfo=UTC)}
    found = {one["referral_id"]: one for one in waiting_list([woman, later, ROW], {"men": 1})}
    assert [found[name]["place"] for name in ("r1", "r2", "r3")] == [1, 2, 1]
    assert [found[name]["can_take"] for name in ("r1", "r2", "r3")] == [True, False, False]


def test_after_a_decline_the_next_providers_are_asked_and_then_the_coordinator() -> None:
    options = {"items": [{"provider_id": "p1"}, {"provider_id": "p2"}], "missing": []}
    first = next_in_line(ROW, 1, options, ["p1"])
    assert first["follows"] == "waiting_list_and_next_in_line"
    assert [one["provider_id"] for one in first["next"]] == ["p2"]
    assert not first["goes_to_coordinator"]
    assert next_in_line(ROW, 1, options, ["p1", "p2"])["goes_to_coordinator"], "nobody is left to ask"
    many = load_limits("referral").of("next_in_line").value
    assert next_in_line(ROW, 1, options, [f"x{n}" for n in range(many)])["goes_to_coordinator"]


@pytest.mark.parametrize(
    ("change", "what", "party"),
    [
        ({}, "review_of_waiting", "social_affairs"),
        ({"status": "awaiting_decision", "decided_at": None, "answered_at": None}, "decision", "social_affairs"),
        ({"status": "approved", "answered_at": None, "ground": None}, "answer", "provider"),
        ({"ground": "not_suitable"}, "directory_correction", "provider"),
        ({"status": "accepted", "ground": "place_available"}, "completion", "provider"),
    ],
)
def test_each_open_step_is_due_from_somebody(change: dict[str, Any], what: str, party: str) -> None:
    [item] = due_items([{**ROW, **change}], date(2030, 1, 1))
    assert (item["what"], item["party"], item["overdue"]) == (what, party, True)
    assert not due_items([{**ROW, **change}], date(2026, 1, 7))[0]["overdue"]


def test_a_corrected_directory_and_a_consent_after_an_emergency_are_no_longer_due() -> None:
    corrected = {**ROW, "ground": "not_suitable", "corrected_at": datetime(2026, 1, 8, tzinfo=UTC)}
    assert due_items([corrected], date(2026, 2, 1)) == []
    emergency = {**ROW, "status": "approved", "ground": None, "answered_at": None, "consent_by": "emergency"}
    assert {one["what"] for one in due_items([emergency], date(2026, 1, 8))} == {"answer", "consent_after_emergency"}
    consented = {**emergency, "consented_at": datetime(2026, 1, 7, tzinfo=UTC)}
    assert [one["what"] for one in due_items([consented], date(2026, 1, 8))] == ["answer"]


def test_the_directory_is_corrected_and_says_for_whom() -> None:
    women = Offer(service="shelter", cohorts=("women",))
    change = ChangeOffers("p1", ("shelter",), (women,), "no men", "r1")
    when = given(PROVIDER, REGISTERED).when(change)
    assert isinstance(when.events[0], OffersChanged)
    assert when.state.registered.offers == (women,)
    given(PROVIDER, REGISTERED, *when.events).when(change).then_refused("already-so")
    given(PROVIDER, REGISTERED).when(replace(change, services=("medical",))).then_refused("offer-without-service")
    given(PROVIDER).when(change).then_refused("not-found")


@pytest.mark.parametrize(
    ("offer", "with_children", "disability", "received"),
    [
        ({}, True, True, True),
        ({"age_groups": ["18-20"]}, False, False, False),
        ({"nationalities": ["VN"]}, False, False, False),
        ({"exploitation": ["servitude"]}, False, False, True),
        ({"with_children": False}, True, False, False),
        ({"disability": False}, False, True, False),
        ({"disability": False}, False, False, True),
    ],
)
def test_an_offer_is_for_whom_it_says(
    offer: dict[str, Any], with_children: bool, disability: bool, received: bool
) -> None:
    person = replace(PERSON, nationality="KH")
    assert receives(offer, person, with_children=with_children, disability=disability) is received


def test_a_need_enters_the_ledger_only_where_nobody_could_take_the_person() -> None:
    record = Record("n1", PERSON, "shelter", "long", "KH-12", "cnp", 0, {"reason": "no house for men"})
    recorded = given(NEED).when(record).events[0]
    assert isinstance(recorded, NeedRecorded)
    assert (recorded.cohort, recorded.gender) == ("men", "masculine")
    given(NEED).when(replace(record, possible=1)).then_refused("provider-available")
    given(NEED).when(replace(record, person=replace(PERSON, screening=None))).then_refused("referral-without-status")
    given(NEED, recorded).when(record).then_refused("already-so")
    assert remember(fact(recorded))[-1].table == "known_need"


def test_every_answer_is_kept_and_an_inspection_reaches_the_directory() -> None:
    answered = ReferralAnswered(
        case_id=CASE, referral_id="r", provider_id="p", response="decline", ground="full", services=("shelter",),
        province="KH-1", term="long", cohort="men",
    )  # fmt: skip
    kept = Put("known_answer", {"referral_id": "r", "version": 3}, {"result": "decline", "ground": "full", "at": AT})
    assert kept in remember(fact(answered, 3))
    failed = Inspected(
        shelter_id="s", provider_id="p", organisation="o", province="KH-1", kind="transit", result="failed"
    )
    assert Put("known_shelter", {"shelter_id": "s"}, {"inspection": "failed", "inspected_at": AT}) in remember(
        fact(failed)
    )


def test_figures_are_believed_less_with_every_day() -> None:
    limits = load_limits("aftercare")
    day = date(2026, 1, 1)
    ages = [confidence_percent(day, date(2026, 1, 1 + age), limits) for age in (0, 7, 8, 20, 29, 30)]
    assert ages[:2] == [100, 100]
    assert ages == sorted(ages, reverse=True)
    assert 0 < ages[3] < 100
    assert ages[-1] == 0
