"""Who is a victim: the Palermo elements, the child rule, smuggling, reviews."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from libs.events.catalogue.identification import Closed, Determined, Identified, Screened
from libs.events.testing import given
from services.identification.commands import Close, Determine, Identify, Link, OpenReview, RecordConsent
from services.identification.decider import DECIDER, age_of, elements_support_victim

CASE = "KH-0000-0000"
ADULT = Identified(
    case_id=CASE,
    reported_by="cnp-poipet",
    channel="raid",
    province="KH-1",
    country="KH",
    sex="male",
    age_group="30-38",
    child=False,
    nationality="KH",
    continuum="B",
    exploitation=("forced_labour",),
)
CHILD = ADULT.model_copy(update={"child": True, "age_group": "9-17"})
DETERMINE = Determine(
    case_id=CASE,
    act=("recruitment",),
    means=("deception",),
    purpose=("forced_labour",),
    outcome="victim",
    legal_basis=(),
    follow_up_on=None,
    personal={"reasons": "as told"},
)
DETERMINED = Determined(
    case_id=CASE,
    act=("recruitment",),
    means=("deception",),
    purpose=("forced_labour",),
    outcome="victim",
    legal_basis=(),
    child=False,
    personal={"reasons": "as told"},
)


def test_a_person_with_all_three_elements_is_a_victim() -> None:
    given(DECIDER, ADULT).when(DETERMINE).then(DETERMINED)


@pytest.mark.parametrize("element", ["act", "means", "purpose"])
def test_an_adult_needs_every_element(element: str) -> None:
    lacking = replace(DETERMINE, **{element: ()})
    given(DECIDER, ADULT).when(lacking).then_refused("elements-contradict-outcome")


def test_a_child_needs_no_means() -> None:
    expected = DETERMINED.model_copy(update={"means": (), "child": True})
    given(DECIDER, CHILD).when(replace(DETERMINE, means=())).then(expected)


def test_not_a_victim_contradicts_all_elements() -> None:
    given(DECIDER, ADULT).when(replace(DETERMINE, outcome="not_victim")).then_refused("elements-contradict-outcome")


def test_smuggling_has_no_purpose_of_exploitation() -> None:
    smuggled = replace(DETERMINE, outcome="smuggled_migrant")
    given(DECIDER, ADULT).when(smuggled).then_refused("elements-contradict-outcome")
    without = replace(smuggled, purpose=(), means=())
    assert given(DECIDER, ADULT).when(without).events[0].outcome == "smuggled_migrant"  # type: ignore[attr-defined]


def test_a_second_determination_is_a_review_and_stands() -> None:
    when = given(DECIDER, ADULT, DETERMINED).when(replace(DETERMINE, outcome="not_victim", purpose=()))
    assert when.state.determination.outcome == "not_victim"
    assert when.state.determination.review


def test_only_what_was_determined_is_reviewed() -> None:
    given(DECIDER, ADULT).when(OpenReview(CASE, {})).then_refused("nothing-to-review")


def test_a_closed_case_is_reopened_first() -> None:
    given(DECIDER, ADULT, Closed(case_id=CASE)).when(DETERMINE).then_refused("case-closed")
    given(DECIDER, ADULT).when(Close(CASE, reopen=True, personal={})).then_refused("already-so")


def test_a_childs_consent_is_given_by_a_guardian() -> None:
    consent = RecordConsent(CASE, "referral", given=True, by="self", personal={})
    given(DECIDER, CHILD).when(consent).then_refused("guardian-needed")
    assert given(DECIDER, CHILD).when(replace(consent, by="guardian")).events
    given(DECIDER, ADULT).when(replace(consent, by="emergency")).then_refused("reason-needed")


def test_a_case_is_not_linked_to_itself() -> None:
    given(DECIDER, ADULT).when(Link(CASE, CASE, same_person=True, personal={})).then_refused("same-case")


def test_a_reference_is_used_once() -> None:
    given(DECIDER, ADULT).when(Identify(ADULT)).then_refused("case-exists")
    given(DECIDER).when(DETERMINE).then_refused("not-found")


def test_a_screening_presumes_until_something_is_determined() -> None:
    screened = Screened(
        case_id=CASE, instrument="card", instrument_version=1, initial_determination="presumed_victim", result="none"
    )
    assert DECIDER.fold([ADULT, screened]).presumed  # type: ignore[union-attr]
    assert not DECIDER.fold([ADULT, screened, DETERMINED]).presumed  # type: ignore[union-attr]


@examples(
    act=st.lists(st.sampled_from(["recruitment", "transfer"]), max_size=2),
    means=st.lists(st.sampled_from(["force", "fraud"]), max_size=2),
    purpose=st.lists(st.sampled_from(["servitude", "other"]), max_size=2),
    outcome=st.sampled_from(["victim", "smuggled_migrant", "not_victim", "inconclusive"]),
    child=st.booleans(),
)
def test_an_outcome_never_contradicts_its_elements(
    act: list[str], means: list[str], purpose: list[str], outcome: str, *, child: bool
) -> None:
    command = replace(DETERMINE, act=tuple(act), means=tuple(means), purpose=tuple(purpose), outcome=outcome)
    when = given(DECIDER, CHILD if child else ADULT).when(command)
    if when.events:
        supported = elements_support_victim(command, child=child)
        assert outcome != "victim" or supported
        assert outcome != "not_victim" or not supported
        assert outcome != "smuggled_migrant" or not purpose


@examples(st.integers(0, 100), st.integers(0, 20))
def test_a_child_is_presumed_where_the_lower_estimate_is_under_18(low: int, width: int) -> None:
    group, child = age_of(None, (low, low + width), date(2026, 1, 1))
    assert child == (low < 18)
    assert group == "unknown" or width < 9 or low >= 39


def test_age_counts_birthdays() -> None:
    assert age_of(date(2008, 6, 2), None, date(2026, 6, 1)) == ("9-17", True)
    assert age_of(date(2008, 6, 1), None, date(2026, 6, 1)) == ("18-20", False)
    assert age_of(None, None, date(2026, 6, 1)) == ("unknown", False)
