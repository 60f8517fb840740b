"""Whatever desks send in whatever order: the rules that must never break hold after every event."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events.catalogue.repatriation import Repatriated, StepFact
from libs.events.decider import Refused
from services.repatriation.commands import Acknowledge
from services.repatriation.decider import DECIDER
from services.repatriation.state import Open
from tests.unit.repatriation.returns import (
    BEFORE_HAND_OVER,
    EMBASSY,
    KH_VN,
    OPENED_AT,
    after,
    ready,
    restart,
    start,
    step,
)

NAMES = [one.id for one in KH_VN.corridor.steps]
ORGANISATIONS = st.sampled_from(["mosvy", EMBASSY])
STEPS = st.builds(
    step,
    st.sampled_from(NAMES),
    st.sampled_from(["done", "done", "done", "refused", "waived", "not_needed"]),
    st.integers(0, 60),
    by=ORGANISATIONS,
    recorded_by=ORGANISATIONS,
    role=st.sampled_from(["social_affairs", "embassy_desk", "provider"]),
    withdrawn_at=st.none() | st.integers(0, 60).map(lambda day: OPENED_AT + timedelta(days=day)),
    claimed=st.booleans(),
)
ACKNOWLEDGEMENTS = st.builds(
    Acknowledge,
    st.just(KH_VN), st.sampled_from(NAMES), ORGANISATIONS, ORGANISATIONS, st.just(OPENED_AT), st.just({}),
)  # fmt: skip
COMMANDS = st.lists(STEPS | st.builds(restart) | ACKNOWLEDGEMENTS, max_size=40)
PAST = st.integers(0, len(BEFORE_HAND_OVER)).map(lambda count: ready()[:count])
"""Random histories rarely reach the border, so they begin anywhere on the way to it."""


def played(past: tuple[Any, ...], commands: list[Any]) -> list[Any]:
    """The history that is left when the refused are left out."""
    events: list[Any] = list(after(*past))
    for command in commands:
        try:
            events.extend(DECIDER.decide(command, DECIDER.fold(events)))
        except Refused:
            continue
    return events


@settings(max_examples=60, deadline=None)
@given(PAST, COMMANDS)
def test_nobody_is_ever_handed_over_without_consent_and_risk_assessment(past: Any, commands: Any) -> None:
    events = played(past, commands)
    for number, event in enumerate(events):
        if isinstance(event, Repatriated):
            before = DECIDER.fold(events[:number])
            assert isinstance(before, Open)
            assert {"consent_given", "risk_assessed"} <= set(before.progress(KH_VN).settled)


@settings(max_examples=60, deadline=None)
@given(PAST, COMMANDS)
def test_what_an_event_says_of_the_standing_is_what_the_facts_say(past: Any, commands: Any) -> None:
    events = played(past, commands)
    state = DECIDER.fold(events)
    assert isinstance(state, Open)
    reached = state.progress(KH_VN)
    assert events[-1].standing.status == reached.status
    assert events[-1].standing.step == (reached.waiting_for.id if reached.waiting_for else None)


@settings(max_examples=60, deadline=None)
@given(PAST, COMMANDS)
def test_custody_passes_only_by_two_hands(past: Any, commands: Any) -> None:
    facts = [event for event in played(past, commands) if isinstance(event, StepFact)]
    for fact in facts:
        if fact.standing.status == "completed" and fact.step == "receipt_acknowledged":
            handed = [one for one in facts if one.step == "handed_over" and one.outcome == "done"][-1]
            assert handed.by != fact.by


@settings(max_examples=60, deadline=None)
@given(PAST, COMMANDS)
def test_a_person_is_handed_over_once(past: Any, commands: Any) -> None:
    assert sum(isinstance(event, Repatriated) for event in played(past, commands)) <= 1


def test_a_second_start_is_refused() -> None:
    with pytest.raises(Refused, match="already-so"):
        DECIDER.decide(start(), DECIDER.fold(after()))
