"""A person's key is destroyed by two people in two roles, and nothing personal is added afterwards."""

from dataclasses import replace

import pytest

from libs.events.catalogue.identification import Closed, PersonShredded, ShredApproved, ShredRequested
from libs.events.testing import given
from services.identification.commands import ApproveShredding, RecordConsent, RequestShredding
from services.identification.decider import DECIDER
from tests.unit.identification.test_determine import ADULT, CASE, DETERMINE

REQUEST = RequestShredding(CASE, "court_order", "PP/2026-17", "nrm-authority/sok", "competent_authority")
REQUESTED = ShredRequested(
    case_id=CASE,
    reason_code="court_order",
    order_ref="PP/2026-17",
    requester="nrm-authority/sok",
    requester_role="competent_authority",
)
APPROVE = ApproveShredding(CASE, "opennrm/chan", "administrator")
APPROVED = ShredApproved(case_id=CASE, approver="opennrm/chan", approver_role="administrator")
SHREDDED = PersonShredded(case_id=CASE)


def test_a_request_alone_shreds_nobody() -> None:
    when = given(DECIDER, ADULT).when(REQUEST)
    when.then(REQUESTED)
    assert not when.state.shredded


def test_a_second_person_in_another_role_shreds() -> None:
    when = given(DECIDER, ADULT, REQUESTED).when(APPROVE)
    when.then(APPROVED, SHREDDED)
    assert when.state.shredded


def test_a_closed_case_can_be_shredded() -> None:
    given(DECIDER, ADULT, Closed(case_id=CASE), REQUESTED).when(APPROVE).then(APPROVED, SHREDDED)


@pytest.mark.parametrize("change", [{"approver": "nrm-authority/sok"}, {"approver_role": "competent_authority"}])
def test_one_person_or_one_role_is_not_two(change: dict[str, str]) -> None:
    given(DECIDER, ADULT, REQUESTED).when(replace(APPROVE, **change)).then_refused("second-person-needed")


def test_what_nobody_requested_is_not_approved() -> None:
    given(DECIDER, ADULT).when(APPROVE).then_refused("nothing-to-approve")


def test_it_happens_once() -> None:
    past = given(DECIDER, ADULT, REQUESTED)
    past.when(REQUEST).then_refused("already-so")
    past.and_then(APPROVED, SHREDDED).when(APPROVE).then_refused("already-so")


def test_a_court_order_has_a_number() -> None:
    given(DECIDER, ADULT).when(replace(REQUEST, order_ref=None)).then_refused("order-needed")


def test_afterwards_personal_fields_are_gone_and_the_rest_may_be_recorded() -> None:
    past = given(DECIDER, ADULT, REQUESTED, APPROVED, SHREDDED)
    refused = past.when(DETERMINE).refused
    assert refused is not None
    assert (refused.rule, refused.status) == ("person-shredded", 410)
    assert past.when(RecordConsent(CASE, "referral", given=False, by="self", personal={})).events
