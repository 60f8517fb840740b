"""Where a repatriation stands: whom it waits for, since when, by when."""

from datetime import UTC, date, datetime, timedelta

from libs.rules.local import day_of
from libs.rules.progress import RESTARTED, Recorded, overdue_steps, progress, timeline
from tests.unit.repatriation.returns import KH_VN, OPENED_AT, TH_KH


def done(step: str, day: int, outcome: str = "done") -> Recorded:
    return Recorded(step, outcome, OPENED_AT + timedelta(days=day))


def test_a_new_one_waits_for_the_notification_within_three_working_days() -> None:
    reached = progress(KH_VN, OPENED_AT, ())
    assert (reached.status, reached.since) == ("running", OPENED_AT)
    assert reached.waiting_for is not None
    assert reached.waiting_for.id == "notified"
    assert reached.due is not None
    assert reached.due.day == date(2026, 2, 5)
    assert reached.due.provisional


def test_waiting_counts_from_the_last_prerequisite() -> None:
    reached = progress(TH_KH, OPENED_AT, (done("notified", 2), done("nationality_verified", 5)))
    assert reached.waiting_for is not None
    assert (reached.waiting_for.id, reached.waiting_for.party) == ("family_traced", "mosvy")
    assert reached.since == OPENED_AT + timedelta(days=2)


def test_a_late_refusal_stops_what_was_believed_to_run() -> None:
    reached = progress(KH_VN, OPENED_AT, (done("notified", 5), done("consent_given", 3, "refused")))
    assert (reached.status, reached.stopped_by, reached.waiting_for, reached.due) == (
        "stopped",
        "consent_given",
        None,
        None,
    )


def test_what_goes_on_again_has_waited_since_then() -> None:
    recorded = (done("notified", 1), done("nationality_verified", 2, "refused"), done(RESTARTED, 9))
    reached = progress(KH_VN, OPENED_AT, recorded)
    assert (reached.status, reached.since) == ("running", OPENED_AT + timedelta(days=9))


def test_days_are_cambodias() -> None:
    assert day_of(datetime(2026, 2, 1, 17, tzinfo=UTC)) == date(2026, 2, 2)


def test_overdue_from_the_day_after() -> None:
    marks = timeline(KH_VN, OPENED_AT, ())
    assert overdue_steps(marks, "running", date(2026, 2, 5)) == ()
    assert overdue_steps(marks, "running", date(2026, 2, 6)) == ("notified",)
    assert overdue_steps(marks, "stopped", date(2027, 2, 6)) == ()


def test_the_timeline_has_every_step_of_the_procedure() -> None:
    marks = timeline(KH_VN, OPENED_AT, (done("notified", 1), done("family_traced", 2, "waived")))
    assert [mark.step.id for mark in marks] == [step.id for step in KH_VN.corridor.steps]
    assert [mark.outcome for mark in marks if mark.outcome] == ["done", "waived"]
