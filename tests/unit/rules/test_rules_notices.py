"""What organisations are told: the same facts and the same now give the same notices, however often anyone looks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.rules.notices import Known, load_delivery, recipients, told
from libs.rules.progress import Recorded
from tests.unit.repatriation.returns import KH_VN, OPENED_AT, TH_KH

AHEAD = timedelta(days=3)
DAY = timedelta(days=1)
"""Asked for on Monday 2026-02-02; notified within three Cambodian working days, by the 5th."""


def start(at: datetime = OPENED_AT) -> Known:
    return Known(at, None)


def done(step: str, day: float, outcome: str = "done") -> Known:
    moment = OPENED_AT + DAY * day
    return Known(moment, Recorded(step, outcome, moment))


def said(*known: Known, day: float) -> list[tuple[str, str]]:
    found = told(KH_VN, OPENED_AT, [start(), *known], OPENED_AT + DAY * day, AHEAD)
    return [(one.kind, one.step.id) for one in found.notices]


def due_of(step: str) -> date:
    found = told(KH_VN, OPENED_AT, [start()], OPENED_AT + DAY * 400, AHEAD)
    return next(one.due for one in found.notices if one.step.id == step and one.due)


def test_a_step_awaits_its_party_at_once() -> None:
    assert ("awaiting", "notified") in said(day=0)


def test_it_is_told_once_as_due_and_once_as_overdue() -> None:
    kinds = [kind for kind, step in said(day=400) if step == "notified"]
    assert sorted(kinds) == ["awaiting", "due", "overdue"]
    assert kinds[-1] == "overdue"


def test_what_is_overdue_when_it_becomes_known_is_told_as_that_alone() -> None:
    late = [start(OPENED_AT + DAY * 100)]
    kinds = {one.kind for one in told(KH_VN, OPENED_AT, late, OPENED_AT + DAY * 101, AHEAD).notices}
    assert kinds == {"awaiting", "overdue"}


def test_overdue_begins_the_day_after_the_due_day_in_cambodia() -> None:
    midnight = datetime.combine(due_of("notified") + DAY, datetime.min.time(), UTC) - timedelta(hours=7)
    moment = timedelta(microseconds=1)
    before = told(KH_VN, OPENED_AT, [start()], midnight - moment, AHEAD)
    after = told(KH_VN, OPENED_AT, [start()], midnight, AHEAD)
    assert "overdue" not in [one.kind for one in before.notices]
    assert before.again == due_of("notified") + DAY
    assert "overdue" in [one.kind for one in after.notices]


def test_what_is_done_in_time_is_not_overdue() -> None:
    assert ("overdue", "notified") not in said(done("notified", 1), day=400)


def test_what_was_overdue_when_it_was_done_was_told() -> None:
    assert ("overdue", "notified") in said(done("notified", 30), day=400)


def test_nothing_is_told_of_a_stopped_return_until_it_goes_on() -> None:
    stopped = (done("notified", 1), done("consent_given", 2, "refused"))
    assert not [one for one in said(*stopped, day=400) if one[0] == "overdue"]
    assert [one for one in said(*stopped, done("consent_given", 3), day=400) if one[0] == "overdue"]


def test_time_alone_brings_nothing_where_nothing_is_open_by_a_limit() -> None:
    assert told(KH_VN, OPENED_AT, [start()], OPENED_AT + DAY * 400, AHEAD).again is None


STEPS = [step.id for step in KH_VN.corridor.steps]
known_facts = st.lists(
    st.tuples(st.sampled_from(STEPS), st.floats(0, 90), st.sampled_from(["done", "refused", "waived"])), max_size=8
).map(lambda rows: [done(step, day, outcome) for step, day, outcome in sorted(rows, key=lambda row: row[1])])


@given(known_facts, st.floats(0, 200), st.floats(0, 200))
def test_looking_late_or_often_tells_the_same(known: list[Known], one: float, other: float) -> None:
    """Whoever looked at the earlier moment has told nothing that the later look would not have."""

    def keys(day: float) -> dict[tuple[str, str, str], Any]:
        moment = OPENED_AT + DAY * day
        so_far = [start(), *(each for each in known if each.at <= moment)]
        notices = told(KH_VN, OPENED_AT, so_far, moment, AHEAD).notices
        return {(each.kind, each.step.id, each.serial): each for each in notices}

    early, late = sorted((one, other))
    assert keys(early).items() <= keys(late).items()


@given(known_facts, st.floats(0, 200))
def test_nothing_is_told_before_it_arises(known: list[Known], day: float) -> None:
    moment = OPENED_AT + DAY * day
    so_far = [start(), *(each for each in known if each.at <= moment)]
    found = told(KH_VN, OPENED_AT, so_far, moment, AHEAD)
    assert all(one.at <= moment for one in found.notices)
    assert found.again is None or found.again >= (moment + timedelta(hours=7)).date()


@pytest.mark.parametrize(
    ("procedure", "step", "expected"),
    [
        (KH_VN, "notified", {"mosvy": "party"}),
        (KH_VN, "receipt_acknowledged", {"vn-embassy-phnom-penh": "party"}),
        (TH_KH, "notified", {"msdhs": "party", "kh-embassy-bangkok": "desk"}),
        (TH_KH, "consent_given", {"kh-embassy-bangkok": "party"}),
    ],
)
def test_who_is_told(procedure: Any, step: str, expected: dict[str, str]) -> None:
    assert expected.items() <= recipients(procedure.corridor, procedure.corridor.step(step)).items()


def test_the_pauses_grow_and_the_last_repeats() -> None:
    delivery = load_delivery()
    pauses = [delivery.pause(attempts) for attempts in range(1, 20)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=5)
    assert pauses[6:] == [timedelta(hours=10)] * 13
    assert delivery.disable_after == timedelta(days=5)
