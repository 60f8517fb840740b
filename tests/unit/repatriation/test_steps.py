"""What the steps of a repatriation allow, by the corridor's data and by the rules that no data can change."""

from datetime import timedelta

import pytest

from libs.events.catalogue.repatriation import (
    CorridorClaimed,
    HandoverRefused,
    Notified,
    ReceiptAcknowledged,
    Repatriated,
    Restarted,
    Started,
    StepFact,
    StepRecorded,
)
from libs.events.decider import Refused
from libs.events.testing import given
from services.repatriation.commands import Acknowledge, Claim
from services.repatriation.decider import CLAIMS, DECIDER, TooEarly
from tests.unit.repatriation.returns import (
    BEFORE_HAND_OVER,
    CASE,
    EMBASSY,
    ID,
    KH_VN,
    OPENED_AT,
    after,
    ready,
    restart,
    standing,
    start,
    step,
)


def test_starts_under_the_sop_in_force() -> None:
    (started,) = given(DECIDER).when(start()).events
    assert isinstance(started, Started)
    assert (started.sop, started.sop_version, started.direction) == ("KH-VN.v1", "2009-12", "outbound")
    assert (started.standing.status, started.standing.step) == ("running", "notified")


def test_the_steps_of_every_sop_in_the_contracts_order_lead_home() -> None:
    done = after(*ready(), step("handed_over", day=9))
    assert isinstance(done[-1], Repatriated)
    assert standing(done[-1]).status == "awaiting_acknowledgement"
    received = standing(given(DECIDER, *done).when(step("receipt_acknowledged", day=10)).events[0])
    assert (received.status, received.step) == ("completed", None)


def test_care_and_follow_up_are_recorded_after_completion() -> None:
    done = after(*ready(), step("handed_over"), step("receipt_acknowledged"), step("received_into_care"))
    assert standing(done[-1]).status == "completed"
    assert given(DECIDER, *done).when(step("followed_up")).refused is None


@pytest.mark.parametrize("missing", ["consent_given", "risk_assessed"])
def test_nobody_is_handed_over_without_consent_and_risk_assessment(missing: str) -> None:
    order = [name for name in BEFORE_HAND_OVER if name not in {missing, "travel_document_issued", "itinerary_agreed"}]
    rule = {"consent_given": "handover-without-consent", "risk_assessed": "handover-without-risk-assessment"}[missing]
    given(DECIDER, *after(*map(step, order))).when(step("handed_over")).then_refused(rule)


def test_a_consent_taken_back_since_stops_the_hand_over() -> None:
    withdrawn = OPENED_AT + timedelta(days=8)
    past = after(*ready())
    given(DECIDER, *past).when(step("handed_over", withdrawn_at=withdrawn)).then_refused("handover-without-consent")
    earlier = OPENED_AT + timedelta(days=1)
    assert given(DECIDER, *past).when(step("handed_over", withdrawn_at=earlier)).refused is None


def test_a_step_that_comes_too_early_names_what_is_missing() -> None:
    refused = given(DECIDER, *after(step("notified"))).when(step("travel_document_issued")).refused
    assert isinstance(refused, TooEarly)
    assert refused.missing == ("nationality_verified", "consent_given")


def test_a_step_is_recorded_once() -> None:
    given(DECIDER, *after(step("notified"))).when(step("notified")).then_refused("step-already-recorded")


def test_a_corridors_own_step_has_its_event_and_nobody_waits_for_it() -> None:
    past = after(step("notified"), step("local_verification"))
    assert isinstance(past[-1], StepRecorded)
    assert past[-1].step == "local_verification"
    assert given(DECIDER, *after(step("notified"))).when(step("nationality_verified")).refused is None


def test_an_unknown_step_is_not_found() -> None:
    refused = given(DECIDER, *after()).when(step("flown_home")).refused
    assert refused is not None
    assert refused.status == 404


def test_only_what_the_data_let_be_waived_is_waived() -> None:
    past = after(step("notified"))
    given(DECIDER, *past).when(step("nationality_verified", "waived")).then_refused("step-not-waivable")
    given(DECIDER, *past).when(step("consent_given", "not_needed")).then_refused("step-not-waivable")
    assert given(DECIDER, *past).when(step("family_traced", "waived")).refused is None
    by_desk = step("family_traced", "waived", role="embassy_desk")
    given(DECIDER, *past).when(by_desk).then_refused("step-not-waivable")


def test_a_role_that_the_data_do_not_name_records_nothing() -> None:
    given(DECIDER, *after()).when(step("notified", role="provider")).then_refused("forbidden")
    past = after(step("notified"))
    assert given(DECIDER, *past).when(step("consent_given", role="provider")).refused is None


def test_a_refusal_stops_it_and_a_later_step_takes_it_up_again() -> None:
    stopped = after(*ready()[:5], step("consent_given", "refused", day=7))
    assert (standing(stopped[-1]).status, standing(stopped[-1]).stopped_by) == ("stopped", "consent_given")
    again = step("risk_assessed", day=8)
    given(DECIDER, *stopped).when(again).then_refused("repatriation-stopped")
    resumed = given(DECIDER, *stopped).when(step("risk_assessed", day=8, claimed=True)).events[0]
    assert (standing(resumed).status, standing(resumed).step) == ("running", "consent_given")


def test_a_restart_needs_the_refused_step_again() -> None:
    stopped = after(*ready(), step("consent_given", "refused", day=8))
    resumed = given(DECIDER, *stopped).when(restart()).events
    assert isinstance(resumed[0], Restarted)
    past = (*stopped, *resumed)
    given(DECIDER, *past).when(step("handed_over")).then_refused("handover-without-consent")
    given(DECIDER, *after()).when(restart()).then_refused("not-stopped")


def test_what_was_handed_over_cannot_be_refused_afterwards() -> None:
    past = after(*ready(), step("handed_over"))
    given(DECIDER, *past).when(step("consent_given", "refused")).then_refused("already-handed-over")


def test_a_hand_over_that_failed_is_no_repatriation() -> None:
    (event,) = given(DECIDER, *after(*ready())).when(step("handed_over", "refused")).events
    assert isinstance(event, HandoverRefused)


def test_both_sides_sign() -> None:
    past = after(*ready(), step("handed_over"))
    for own in ({"by": "mosvy"}, {"by": "moi"}, {"by": "mosvy", "recorded_by": "mosvy"}):
        given(DECIDER, *past).when(step("receipt_acknowledged", **own)).then_refused("same-side")


def test_one_register_may_type_in_both_signatures() -> None:
    past = after(*ready(), step("handed_over"))
    (received,) = given(DECIDER, *past).when(step("receipt_acknowledged", recorded_by="mosvy")).events
    assert isinstance(received, ReceiptAcknowledged)
    assert (received.standing.status, received.by, received.recorded_by) == ("completed", EMBASSY, "mosvy")


def test_what_a_childs_consent_lacks_is_told() -> None:
    past, papers = after(*ready()[:4]), ("guardian_consent", "best_interest_assessment_for_a_child")

    def lacking(documents: tuple[str, ...], outcome: str = "done", *, child: bool = True) -> tuple[str, ...]:
        said = step("consent_given", outcome, child=child, documents=documents)
        (event,) = given(DECIDER, *past).when(said).events
        assert isinstance(event, StepFact)
        return event.lacking or ()

    assert lacking(("consent_form",)) == papers
    assert lacking(papers[:1]) == papers[1:]
    assert lacking(papers) == ()
    assert lacking((), child=False) == ()
    assert lacking((), "refused") == ()


def test_notes_are_personal_and_documents_outside_the_sop_too() -> None:
    said = step(
        "notified", documents=("notification_letter", "LP 4711"), personal={"note": "x", "documents": ["LP 4711"]}
    )
    (event,) = given(DECIDER, *after()).when(said).events
    assert isinstance(event, Notified)
    assert event.documents == ("notification_letter",)
    assert "note" not in event.data()
    assert "LP 4711" not in str(event.data())


def test_an_acknowledgement_comes_from_the_other_side() -> None:
    past = after(step("notified"))
    moment = OPENED_AT + timedelta(days=2)
    theirs = Acknowledge(KH_VN, "notified", EMBASSY, EMBASSY, moment, {})
    acknowledged = given(DECIDER, *past).when(theirs).events
    assert len(acknowledged) == 1
    given(DECIDER, *past, *acknowledged).when(theirs).then_refused("already-so")
    given(DECIDER, *past).when(Acknowledge(KH_VN, "notified", "mosvy", "mosvy", moment, {})).then_refused("same-side")


def test_a_corridor_is_claimed_by_one_at_a_time() -> None:
    claim = CorridorClaimed(case_id=CASE, corridor="KH-VN", repatriation_id=ID)
    given(CLAIMS).when(Claim(CASE, "KH-VN", ID, 0)).then(claim)
    given(CLAIMS, claim).when(Claim(CASE, "KH-VN", "another", 0)).then_refused("repatriation-already-running")


def test_nothing_is_recorded_of_what_never_began() -> None:
    with pytest.raises(Refused) as refused:
        DECIDER.decide(step("notified"), DECIDER.initial)
    assert refused.value.status == 404
