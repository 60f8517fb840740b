"""What is told of a case's and a referral's deadlines: once each, at its time, and never after it was done."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.rules.duties import Elsewhere, Happened, due_of, load_duties, merged, told_of

DUTIES = load_duties()
MET_AT = datetime(2026, 2, 2, 2, tzinfo=UTC)
DAY, AHEAD = timedelta(days=1), timedelta(days=3)
MONDAY = date(2026, 2, 2)
"""Met on Monday 2026-02-02: the first decision is due within five working days, on the 9th."""


def happened(version: int, day: float, opens: str = "", ends: str = "") -> Happened:
    moment = MET_AT + DAY * day
    return Happened(version, moment, moment.date(), tuple(opens.split()), tuple(ends.split()))


def said(*facts: Happened, day: float) -> list[tuple[str, str]]:
    return [(one.kind, one.duty.kind) for one in told_of(DUTIES, facts, MET_AT + DAY * day, AHEAD)[0]]


def test_a_first_decision_is_awaited_then_due_then_overdue() -> None:
    met = happened(1, 0, "first_decision")
    assert due_of(DUTIES.by_kind["first_decision"], MONDAY).day == date(2026, 2, 9)
    assert said(met, day=0) == [("awaiting", "first_decision")]
    assert told_of(DUTIES, [met], MET_AT, AHEAD)[1] == date(2026, 2, 6)
    assert said(met, day=5) == [("awaiting", "first_decision"), ("due", "first_decision")]
    assert [kind for kind, _ in said(met, day=30)] == ["awaiting", "due", "overdue"]


def test_what_is_done_in_time_is_never_told_as_overdue() -> None:
    met, decided = happened(1, 0, "first_decision"), happened(2, 1, "", "first_decision")
    assert said(met, decided, day=30) == [("awaiting", "first_decision")]
    assert told_of(DUTIES, [met, decided], MET_AT + DAY * 30, AHEAD)[1] is None


def test_what_is_waited_for_again_is_told_again() -> None:
    facts = [happened(1, 0, "review"), happened(2, 1, "", "review"), happened(3, 2, "review")]
    assert said(*facts, day=2) == [("awaiting", "review"), ("awaiting", "review")]


def test_a_date_that_a_decision_sets_stands_before_the_limit() -> None:
    fact = Happened(1, MET_AT, MONDAY, ("follow_up",), (), date(2026, 3, 31))
    assert told_of(DUTIES, [fact], MET_AT, AHEAD)[0][0].due.day == date(2026, 3, 31)


def test_what_is_overdue_when_it_becomes_known_is_told_as_that_alone() -> None:
    late = Happened(1, MET_AT + DAY * 100, MONDAY, ("decision",), ())
    assert said(late, day=101) == [("awaiting", "decision"), ("overdue", "decision")]


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (2, ["awaiting", "due"]),  # three days are given, and it is told three days ahead
        (9, ["awaiting", "due", "overdue"]),
        (-1, ["awaiting", "due", "overdue"]),  # what was said before cannot have been about this
    ],
)
def test_consent_that_stands_in_the_case_ends_what_the_referral_waits_for(day: int, told: list[str]) -> None:
    referred = happened(1, 0, "consent_after_emergency")
    consented = Elsewhere(MET_AT + DAY * day, (MET_AT + DAY * day).date(), "consent_after_emergency")
    assert [kind for kind, _ in said(*merged([referred], [consented]), day=30)] == told


FACTS = st.lists(
    st.tuples(st.floats(0, 60), st.sampled_from(sorted(DUTIES.by_kind)), st.booleans()), max_size=8
).map(
    lambda rows: [
        happened(number, day, kind if opens else "", "" if opens else kind)
        for number, (day, kind, opens) in enumerate(sorted(rows), 1)
    ]
)  # fmt: skip


@given(FACTS, st.floats(0, 200), st.floats(0, 200))
def test_looking_late_or_often_tells_the_same(facts: list[Happened], one: float, other: float) -> None:
    def keys(day: float) -> set[tuple[str, str, str, datetime]]:
        moment = MET_AT + DAY * day
        found = told_of(DUTIES, [each for each in facts if each.at <= moment], moment, AHEAD)[0]
        return {(each.kind, each.duty.kind, each.serial, each.at) for each in found}

    early, late = sorted((one, other))
    assert keys(early) <= keys(late)
