"""What a desk sends: each event read by itself, in the order of the procedure, kept once where it is early."""

from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.events.catalogue.repatriation import InboxEventHeld, InboxEventSettled
from libs.events.testing import given
from libs.rules.procedure import CORE_STEPS
from libs.runtime.problems import Problem
from services.repatriation.inbox.batch import counted, in_order
from services.repatriation.inbox.bodies import elements_of, item_of
from services.repatriation.inbox.commands import CloseBatch, Hold, Settle
from services.repatriation.inbox.decider import BATCHES, HELD
from tests.unit.repatriation.returns import CASE

DESK = "vn-embassy-phnom-penh"


def event(step: str = "notified", **other: Any) -> dict[str, Any]:
    data = {"outcome": "done", "by": "mosvy", **other.pop("data", {})}
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "/desks/phnom-penh",
        "type": f"org.opennrm.repatriation.{step}.v1",
        "subject": CASE,
        "time": "2026-02-03T09:00:00+07:00",
        "data": data,
        **other,
    }


HELD_EVENT = InboxEventHeld(
    inbox_id="a", source="s", event_id="1", case_id=CASE, organisation=DESK, actor="x", fingerprint="00",
    step="notified", outcome="done", by=DESK, requested_by=DESK, occurred_at="2026-02-03T02:00:00.000000Z",
    missing=("started",), until="2026-03-03T02:00:00.000000Z",
)  # fmt: skip


def test_the_type_names_the_step() -> None:
    item = item_of(event("nationality_verified"), DESK)
    assert (item.step, item.case_id, item.outcome, item.by) == ("nationality_verified", CASE, "done", "mosvy")


@pytest.mark.parametrize(
    ("type_", "data", "step", "outcome"),
    [
        ("repatriated", {}, "handed_over", "done"),
        ("handover_refused", {}, "handed_over", "refused"),
        ("step_recorded", {"step": "local_verification"}, "local_verification", "done"),
        ("step.risk_assessed", {}, "risk_assessed", "done"),
    ],
)
def test_other_names_of_a_step(type_: str, data: dict[str, Any], step: str, outcome: str) -> None:
    item = item_of(event(type_, data=data), DESK)
    assert (item.step, item.outcome) == (step, outcome)


@pytest.mark.parametrize(
    ("element", "pointer"),
    [
        ("text", ""),
        ({**event(), "specversion": "0.3"}, "/specversion"),
        ({**event(), "type": "org.example.something.v1"}, "/type"),
        ({k: v for k, v in event().items() if k != "subject"}, "/subject"),
        ({k: v for k, v in event().items() if k != "time"}, "/data/occurred_at"),
        ({**event(), "time": "2999-01-01T00:00:00Z"}, "/data/occurred_at"),
        (event(data={"outcome": "perhaps"}), "/data/outcome"),
        (event(data={"shoe_size": 38}), "/data/shoe_size"),
        (event(data={"step": "consent_given"}), "/data/step"),
        (event(data={"note": "\ud800"}), ""),
        (event("acknowledged"), "/data/step"),
    ],
)
def test_what_does_not_fit_is_told_where(element: Any, pointer: str) -> None:
    with pytest.raises(Problem) as problem:
        item_of(element, DESK)
    assert problem.value.status == 422
    assert problem.value.errors[0]["pointer"] == pointer


def test_an_acknowledgement_names_the_step_that_it_confirms() -> None:
    item = item_of(event("acknowledged", data={"step": "notified"}), DESK)
    assert (item.step, item.acknowledges) == ("notified", True)
    assert not item_of(event("notified"), DESK).acknowledges


def test_extension_attributes_do_no_harm() -> None:
    assert item_of(event(traceparent="00-abc"), DESK).step == "notified"


def test_a_batch_has_an_end() -> None:
    with pytest.raises(Problem, match="batch-too-large"):
        elements_of([{}] * 1_001)
    with pytest.raises(Problem, match="invalid-request"):
        elements_of({})


@forall(st.permutations(CORE_STEPS))
def test_events_of_one_moment_follow_the_procedure(steps: list[str]) -> None:
    items = [(index, item_of(event(step), DESK)) for index, step in enumerate(steps)]
    assert [item.step for _, item in in_order(items)] == list(CORE_STEPS)


def test_an_early_event_is_kept_once() -> None:
    given(HELD).when(Hold(HELD_EVENT)).then(HELD_EVENT)
    given(HELD, HELD_EVENT).when(Hold(HELD_EVENT)).then()


def test_what_waited_is_settled_once() -> None:
    settled = InboxEventSettled(inbox_id="a", case_id=CASE, organisation=DESK, outcome="accepted")
    given(HELD, HELD_EVENT).when(Settle("accepted")).then(settled)
    given(HELD, HELD_EVENT, settled).when(Settle("expired")).then_refused("already-so")
    given(HELD).when(Settle("accepted")).then_refused("already-so")


def test_a_batch_is_counted() -> None:
    counts = counted([{"status": "accepted"}, {"status": "waiting"}, {"status": "accepted"}])
    assert counts == {"accepted": 2, "duplicate": 0, "waiting": 1, "refused": 0}
    (received,) = given(BATCHES).when(CloseBatch(DESK, "key", counts)).events
    assert received.data() == {"organisation": DESK, "batch": "key", **counts}
