"""After the bed: plans and their goals, alerts, inspections that bar a shelter, and what is due from whom."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from libs.events.catalogue.aftercare import (
    Beds,
    EnteredCare,
    FollowedUp,
    Goal,
    LeftCare,
    ReTraffickingAlertRaised,
    ShelterOpened,
)  # fmt: skip
from libs.events.catalogue.identification import Linked
from libs.events.consume import Fact, Put
from libs.events.envelope import Envelope
from libs.events.event import Event
from libs.events.testing import given
from services.aftercare.alert.api import raising
from services.aftercare.alert.commands import Raise, Resolve
from services.aftercare.alert.decider import ALERT
from services.aftercare.commands import Admit, At, Hold, Inspect, Person
from services.aftercare.decider import SHELTER
from services.aftercare.due.rulebook import of_alerts, of_care, of_plans, of_shelters
from services.aftercare.plan.commands import Plan, Review, Settle
from services.aftercare.plan.decider import PLAN
from services.aftercare.reactions import remember

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT = "2026-01-01T00:00:00.000000Z"
CASE, OTHER = "KH-0000-0000", "KH-0000-0011"
SCHOOL = Goal(goal_id="school", kind="education", due="2026-06-01")
PLAN_IT = Plan(CASE, "house", (SCHOOL,), "2026-01-01", "2026-01-31", in_care=True, personal={"goals": {}})
REVIEW = Review("house", (), "2026-02-01", "2026-03-01", {"note": "goes to school"})
OPENED = ShelterOpened(
    shelter_id="s1", provider_id="p1", organisation="house", province="KH-12", kind="transit", name="House",
    beds=(Beds(cohort="men", count=1),),
)  # fmt: skip


def fact(event: Event, version: int = 1) -> Fact:
    envelope = Envelope(
        id="1", type=event.wire, source="", subject="", time=AT, occurredat=AT, stream="s", streamversion=version,
        organisation="", actor="", role="", correlationid="", prevhash="", data=event.data(),
    )  # fmt: skip
    return Fact(event, envelope)


def test_a_plan_runs_until_every_goal_is_settled() -> None:
    planned = given(PLAN).when(PLAN_IT).events
    end = replace(REVIEW, review_on=None)
    given(PLAN, *planned).when(end).then_refused("goals-open")
    settled = given(PLAN, *planned).when(Settle("school", "achieved", {})).events
    given(PLAN, *planned, *settled).when(Settle("school", "dropped", {})).then_refused("already-so")
    assert given(PLAN, *planned, *settled).when(end).state.review_on is None


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"in_care": False}, "not-in-care"),
        ({"goals": (SCHOOL, SCHOOL)}, "goal-twice"),
        ({"goals": (SCHOOL.model_copy(update={"due": "2025-12-31"}),)}, "goal-in-the-past"),
        ({"review_on": "2026-01-01"}, "review-in-the-past"),
    ],
)
def test_a_plan_makes_sense(change: dict[str, Any], rule: str) -> None:
    given(PLAN).when(replace(PLAN_IT, **change)).then_refused(rule)


def test_a_review_adds_goals_with_ids_of_their_own() -> None:
    planned = given(PLAN).when(PLAN_IT).events
    given(PLAN, *planned).when(PLAN_IT).then_refused("plan-exists")
    given(PLAN).when(REVIEW).then_refused("not-found")
    given(PLAN, *planned).when(replace(REVIEW, goals=(SCHOOL,))).then_refused("goal-twice")
    work = Goal(goal_id="work", kind="livelihood", due="2026-09-01")
    state = given(PLAN, *planned).when(replace(REVIEW, goals=(work,))).state
    assert (set(state.goals), state.reviews) == ({"school", "work"}, 1)
    given(PLAN, *planned).when(Settle("work", "achieved", {})).then_refused("unknown-goal")


def test_an_alert_is_raised_once_and_resolved_once() -> None:
    step = raising(CASE, OTHER)
    assert isinstance(step.command, Raise)
    raised = given(ALERT).when(step.command).events
    assert isinstance(raised[0], ReTraffickingAlertRaised)
    assert raised[0].basis == "identified_again"
    given(ALERT, *raised).when(step.command).then_refused("already-so")
    resolve = Resolve("re_trafficked", {"reason": "the same broker"})
    given(ALERT).when(resolve).then_refused("not-found")
    resolved = given(ALERT, *raised).when(resolve).events
    given(ALERT, *raised, *resolved).when(resolve).then_refused("already-so")
    assert raising(CASE, None, 3).stream == f"alert:{CASE}.visit-3"


def test_a_shelter_that_failed_takes_nobody_until_it_passes() -> None:
    man = Person(CASE, "male", None, child=False)
    admit, hold = Admit(man, "p.1", 1, "men", "r1"), Hold("h1", "men", None, None, NOW)
    failed = given(SHELTER, OPENED).when(At(NOW, Inspect("failed", ("fire_exits",), ""))).events
    given(SHELTER, OPENED, *failed).when(At(NOW, admit)).then_refused("inspection-failed")
    given(SHELTER, OPENED, *failed).when(At(NOW, hold)).then_refused("inspection-failed")
    again = given(SHELTER, OPENED, *failed).when(At(NOW, Inspect("conditions", (), "a broken lock"))).events
    assert given(SHELTER, OPENED, *failed, *again).when(At(NOW, admit)).events


def test_visits_are_due_after_leaving_and_stays_run_out() -> None:
    row: dict[str, Any] = {
        "case_id": CASE, "organisation": "house", "shelter_id": "s1", "kind": "transit",
        "entered_on": date(2026, 1, 1), "left_on": None, "visited": None,
    }  # fmt: skip
    [stay] = of_care([row])
    assert (stay.what, stay.due) == ("end_of_stay", date(2026, 1, 15))
    assert list(of_care([{**row, "kind": "long_term"}])) == []
    visits = list(of_care([{**row, "left_on": date(2026, 1, 31), "visited": [1]}]))
    assert [one.due for one in visits] == [date(2026, 4, 30), date(2026, 7, 31), date(2027, 1, 31)]
    assert visits[0].shown(date(2026, 5, 1))["overdue"]


@pytest.mark.parametrize(
    ("inspection", "status", "whats"),
    [
        (None, "approved", ["capacity_report", "inspection"]),
        ("passed", "approved", ["capacity_report", "inspection"]),
        ("conditions", "approved", ["capacity_report", "re_inspection"]),
        ("failed", "approved", ["capacity_report", "suspension_decision", "re_inspection"]),
        ("failed", "suspended", ["capacity_report", "re_inspection"]),
    ],
)
def test_what_an_inspection_calls_for(inspection: str | None, status: str, whats: list[str]) -> None:
    row: dict[str, Any] = {
        "shelter_id": "s1", "organisation": "house", "inspection": inspection, "opened_on": date(2026, 1, 1),
        "reported_on": date(2026, 1, 1), "inspected_on": date(2026, 1, 5) if inspection else None,
        "provider_status": status,
    }  # fmt: skip
    assert [one.what for one in of_shelters([row])] == whats


def test_plans_goals_and_alerts_are_due() -> None:
    plan = {"case_id": CASE, "organisation": "house", "review_on": date(2026, 2, 1)}
    goal = {"case_id": CASE, "organisation": "house", "goal_id": "g", "kind": "legal", "due": date(2026, 3, 1)}
    assert [one.what for one in of_plans([plan], [goal])] == ["plan_review", "goal_legal"]
    [alert] = of_alerts([{"alert_id": "a", "case_id": CASE, "raised_on": date(2026, 1, 1)}])
    assert (alert.party, alert.due) == ("competent_authority", date(2026, 1, 8))


def test_what_is_remembered_of_care() -> None:
    entered = EnteredCare(case_id=CASE, placement_id="p.1", stay=1, shelter_id="s1", organisation="house")
    first, carer = remember(fact(entered))
    again, _ = remember(fact(entered, 2))
    assert isinstance(first, Put)
    assert isinstance(again, Put)
    assert first.values["first_entered_at"] == AT
    assert "first_entered_at" not in again.values
    assert carer == Put("known_carer", {"case_id": CASE, "organisation": "house"})
    left = remember(fact(LeftCare(case_id=CASE, placement_id="p.1", outcome="independent")))
    assert left == (Put("known_care", {"case_id": CASE}, {"left_at": AT, "outcome": "independent"}),)
    visit = remember(fact(FollowedUp(case_id=CASE, month=1, outcome="safe"), 3))
    assert visit[0].key == {"case_id": CASE, "version": 3}
    assert remember(fact(Linked(case_id=CASE, other_case_id=OTHER)))[0].table == "known_link"
