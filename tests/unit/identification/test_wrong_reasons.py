"""Decisions that rest on what may not count, ages that are determined, coming of age: given, when, then."""

from dataclasses import replace
from datetime import date

import pytest

from libs.events.catalogue.identification import (
    CameOfAge,
    Closed,
    ConsentRecorded,
    Corrected,
    Screened,
    WrongReasonAlerted,
)  # fmt: skip
from libs.events.testing import given
from libs.rules.duties import due_of
from services.identification.commands import Close, ComeOfAge, Correct, RecordConsent
from services.identification.decider import DECIDER
from services.identification.due.of_age import birthday_18
from services.identification.due.rulebook import DUTIES, Kind, overdue_since
from tests.unit.identification.test_determine import ADULT, CASE, CHILD, DETERMINE

NOT_A_VICTIM = replace(DETERMINE, outcome="not_victim", act=(), means=(), purpose=())
SCREENED = Screened(
    case_id=CASE, instrument="identification-card", instrument_version=1, initial_determination="presumed_victim",
    result="trafficking", act=("recruitment",), means=("deception",), purpose=("forced_labour",),
)  # fmt: skip
ALERT = WrongReasonAlerted(case_id=CASE, because=("consent",))


def _alerted(*past: object, **changed: object) -> tuple[str, ...]:
    when = given(DECIDER, *past).when(replace(NOT_A_VICTIM, **changed))
    return tuple(reason for event in when.events if isinstance(event, WrongReasonAlerted) for reason in event.because)


@pytest.mark.parametrize("ground", ["consent", "knew_the_work", "immigration_status", "occupation"])
def test_what_never_counts_raises_an_alert(ground: str) -> None:
    assert _alerted(ADULT, grounds=(ground,)) == (ground,)
    assert _alerted(ADULT, grounds=(ground,), outcome="inconclusive") == ()


def test_a_plain_no_raises_none() -> None:
    assert _alerted(ADULT, grounds=("no_purpose",)) == ()
    assert _alerted(ADULT) == ()


def test_means_are_not_asked_of_a_child() -> None:
    assert _alerted(CHILD, grounds=("no_means",)) == ("means_demanded_of_a_child",)
    assert _alerted(ADULT, grounds=("no_means",)) == ()


def test_elements_that_a_screening_found_are_not_overlooked() -> None:
    assert _alerted(ADULT, SCREENED) == ("elements_overlooked",)
    assert _alerted(ADULT, SCREENED.model_copy(update={"means": ()})) == ()
    assert _alerted(CHILD, SCREENED.model_copy(update={"means": ()})) == ("elements_overlooked",)


def test_a_purpose_that_was_found_is_no_smuggling() -> None:
    found = SCREENED.model_copy(update={"act": (), "means": ()})
    assert _alerted(ADULT, found, outcome="smuggled_migrant") == ("purpose_overlooked",)
    assert _alerted(ADULT, found) == ()


def test_an_alert_stands_until_another_decision_and_the_case_stays_open() -> None:
    close = Close(CASE, reopen=False, personal={})
    given(DECIDER, ADULT, ALERT).when(close).then_refused("alert-open")
    assert given(DECIDER, ADULT, ALERT).when(DETERMINE).state.alert is None
    assert given(DECIDER, ADULT).when(close).events == (Closed(case_id=CASE, personal={}),)


def test_a_determined_age_is_not_overridden_by_an_estimate() -> None:
    determined = Corrected(case_id=CASE, child=False, age_group="unknown", age_basis="medical")
    estimate = Corrected(case_id=CASE, child=True, age_group="9-17", personal={"age_estimate": {"min": 15, "max": 17}})
    past = given(DECIDER, CHILD, determined)
    past.when(Correct(estimate)).then_refused("age-determined")
    assert past.when(Correct(estimate.model_copy(update={"age_basis": "document"}))).state.identified.child
    assert given(DECIDER, CHILD).when(Correct(estimate)).events


def test_at_18_a_guardians_consent_lapses_and_the_persons_own_is_asked() -> None:
    guardians = ConsentRecorded(case_id=CASE, kind="referral", given=True, by="guardian")
    own = RecordConsent(CASE, "referral", given=True, by="self", personal={})
    when = given(DECIDER, CHILD, guardians).when(ComeOfAge(CASE))
    when.then(CameOfAge(case_id=CASE))
    assert when.state.consents == {}
    assert when.state.identified.child  # what was done to a child was done to a child
    assert given(DECIDER, CHILD, CameOfAge(case_id=CASE)).when(own).events
    assert given(DECIDER, CHILD, CameOfAge(case_id=CASE)).when(ComeOfAge(CASE)).events == ()
    assert given(DECIDER, ADULT).when(ComeOfAge(CASE)).events == ()


def test_an_emergency_is_no_refusal() -> None:
    refusal = RecordConsent(CASE, "referral", given=False, by="emergency", personal={"reason": "unconscious"})
    given(DECIDER, ADULT).when(refusal).then_refused("emergency-is-no-refusal")


def test_18_comes_a_day_late_to_who_was_born_on_a_leap_day() -> None:
    assert birthday_18(date(2008, 2, 29)) == date(2026, 3, 1)
    assert birthday_18(date(2008, 3, 1)) == date(2026, 3, 1)


def test_days_are_counted_over_weekends_and_holidays() -> None:
    assert due_of(DUTIES["first_decision"], date(2025, 4, 11)).day == date(2025, 4, 23)  # Khmer New Year lies between
    assert due_of(DUTIES["final_decision"], date(2025, 1, 2)).day > date(2025, 2, 1)  # after 30 days of reflection


@pytest.mark.parametrize("kind", DUTIES)
def test_what_is_overdue_is_found_by_its_beginning(kind: Kind) -> None:
    today = date(2025, 6, 2)
    late = overdue_since(kind, today)
    assert due_of(DUTIES[kind], late).day < today <= due_of(DUTIES[kind], date.fromordinal(late.toordinal() + 1)).day
