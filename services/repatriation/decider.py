"""What repatriation allows. Every rule is here or in the corridor's data, and nowhere else."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, assert_never

from libs.events.catalogue.repatriation import (
    Acknowledged,
    ConsentGiven,
    CorridorClaimed,
    FamilyTraced,
    FollowedUp,
    HandoverRefused,
    ItineraryAgreed,
    NationalityVerified,
    Notified,
    OfRepatriation,
    ReceiptAcknowledged,
    ReceivedIntoCare,
    Repatriated,
    Restarted,
    RiskAssessed,
    Standing,
    Started,
    StepFact,
    StepRecorded,
    TravelDocumentIssued,
)
from libs.events.decider import Decider, Refused
from libs.events.handle import rfc3339
from libs.rules.procedure import Step, UnknownCorridor
from libs.rules.progress import (
    HAND_OVER,
    RECEIPT,
    RESTARTED,
    Procedure,
    Progress,
    Recorded,
    prerequisites,
    progress,
)
from services.repatriation.commands import (
    Acknowledge,
    Claim,
    Command,
    RecordStep,
    Restart,
    Start,
)
from services.repatriation.state import (
    Claims,
    Open,
    State,
    Unstarted,
    claimed,
    evolve,
)

NEVER_LEFT_OUT: Final = frozenset({"risk_assessed", "consent_given", HAND_OVER, RECEIPT})
"""Nobody is handed over without consent and risk assessment, and custody is never empty (domain, Repatriation)."""

ALWAYS_RECORD: Final = frozenset({"social_affairs", "embassy_desk"})
"""The two parties to which the domain gives repatriation steps; others record what the corridor's data lets them."""

AFTER_HAND_OVER: Final = frozenset({RECEIPT, "received_into_care", "followed_up"})
OWN_EVENT: Final[Mapping[str, type[StepFact]]] = MappingProxyType({
    "notified": Notified,
    "nationality_verified": NationalityVerified,
    "family_traced": FamilyTraced,
    "risk_assessed": RiskAssessed,
    "consent_given": ConsentGiven,
    "travel_document_issued": TravelDocumentIssued,
    "itinerary_agreed": ItineraryAgreed,
    "handed_over": Repatriated,
    "receipt_acknowledged": ReceiptAcknowledged,
    "received_into_care": ReceivedIntoCare,
    "followed_up": FollowedUp,
})  # fmt: skip


class TooEarly(Refused):
    """Something has to be recorded first; `missing` names it."""

    def __init__(self, rule: str, detail: str, missing: tuple[str, ...]) -> None:
        super().__init__(rule, detail)
        self.missing = missing


def decide(command: Command, state: State) -> tuple[OfRepatriation, ...]:
    """The events that a command causes. Raises Refused."""
    if isinstance(command, Start):
        return _start(command, state)
    if isinstance(state, Unstarted):
        raise Refused("not-found", "there is no such repatriation", status=404)
    match command:
        case RecordStep():
            return _record(command, state)
        case Restart():
            return _restart(command, state)
        case Acknowledge():
            return _acknowledge(command, state)
        case _:
            assert_never(command)


def standing_of(reached: Progress) -> Standing:
    """Progress as an event carries it."""
    return Standing(
        status=reached.status,
        since=rfc3339(reached.since),
        step=reached.waiting_for.id if reached.waiting_for else None,
        party=reached.waiting_for.party if reached.waiting_for else None,
        due=reached.due.day.isoformat() if reached.due else None,
        due_provisional=bool(reached.due and reached.due.provisional),
        stopped_by=reached.stopped_by,
    )


def step_named(procedure: Procedure, name: str) -> Step:
    """A step of the procedure. Raises Refused (404)."""
    try:
        return procedure.corridor.step(name)
    except UnknownCorridor:
        raise Refused("not-found", "this corridor has no such step", status=404) from None


def _start(command: Start, state: State) -> tuple[Started]:
    if not isinstance(state, Unstarted):
        raise Refused("already-so", "this repatriation has begun")
    corridor = command.procedure.corridor
    return (
        Started.model_validate({
            **_head(command.repatriation_id, command.case_id, command.procedure, command.recorded_by,
                    command.occurred_at, progress(command.procedure, command.occurred_at, ())),
            "from_country": corridor.from_country,
            "to_country": corridor.to_country,
            "requested_by": command.requested_by,
        }),
    )  # fmt: skip


def _record(command: RecordStep, state: Open) -> tuple[StepFact]:
    step, before = step_named(command.procedure, command.step), state.progress(command.procedure)
    if command.role not in step.recorded_by | ALWAYS_RECORD:
        raise Refused("forbidden", f"{step.id} is recorded by {', '.join(sorted(step.recorded_by))}", status=403)
    if command.outcome == "refused":
        _check_refusal(step, before)
    else:
        _check_order(command, state, step, before)
    after = progress(
        command.procedure,
        state.opened_at,
        (*state.recorded, Recorded(step.id, command.outcome, command.occurred_at)),
    )
    if before.status == "stopped" and after.status != "stopped" and not command.claimed:
        raise Refused("repatriation-stopped", "it was stopped a moment ago; look at why, then send it again")
    kind = OWN_EVENT.get(step.id, StepRecorded)
    if kind is Repatriated and command.outcome != "done":
        kind = HandoverRefused
    return (
        kind.model_validate({
            **_head(state.started.repatriation_id, state.started.case_id, command.procedure, command.recorded_by,
                    command.occurred_at, after),
            "step": step.id,
            "outcome": command.outcome,
            "by": command.by,
            "ready_at": rfc3339(before.ready_at(step) or state.opened_at),
            "documents": tuple(name for name in step.documents if name in command.documents),
            "lacking": _lacking(command, step) or None,
            "personal": command.personal or None,
        }),
    )  # fmt: skip


def _check_refusal(step: Step, before: Progress) -> None:
    """A refusal may come at any time before the hand-over; after it, only what follows can still be refused."""
    if step.id == RECEIPT and RECEIPT in before.settled:
        raise Refused("step-already-recorded", "the receipt is acknowledged; what comes later is a matter of care")
    if HAND_OVER in before.settled and step.id not in AFTER_HAND_OVER:
        raise Refused("already-handed-over", "the person was handed over; what came before it cannot be refused now")
    if before.stopped_by == step.id:
        raise Refused("step-already-recorded", f"{step.id} is recorded as refused, and the repatriation is stopped")


def _check_order(command: RecordStep, state: Open, step: Step, before: Progress) -> None:
    if step.id in before.settled and (before.status != "stopped" or HAND_OVER in before.settled):
        raise Refused("step-already-recorded", f"{step.id} is recorded already")
    if command.outcome == "waived" and (step.id in NEVER_LEFT_OUT or command.role not in step.waivable_by):
        who = ", ".join(sorted(step.waivable_by - NEVER_LEFT_OUT)) or "nobody"
        raise Refused("step-not-waivable", f"in this corridor {step.id} can be waived by {who}")
    if command.outcome == "not_needed" and step.id in NEVER_LEFT_OUT:
        raise Refused("step-not-waivable", f"{step.id} is always needed")
    if step.id == HAND_OVER:
        _check_hand_over(command, before)
    missing = tuple(one.id for one in command.procedure.corridor.steps
                    if one.id in prerequisites(step) - set(before.settled))  # fmt: skip
    if missing:
        raise TooEarly("step-too-early", f"{step.id} comes after {', '.join(missing)}", missing)
    if step.other_than:
        _check_other_side(command, state, step.other_than)


def _check_hand_over(command: RecordStep, before: Progress) -> None:
    """Nobody is handed over without consent and risk assessment on file (domain, Repatriation)."""
    consented_at = before.settled.get("consent_given")
    if consented_at is None:
        raise TooEarly("handover-without-consent", "no consent to return is recorded", ("consent_given",))
    if command.withdrawn_at and command.withdrawn_at > consented_at:
        raise TooEarly("handover-without-consent", "the person took the consent back since", ("consent_given",))
    if "risk_assessed" not in before.settled:
        raise TooEarly("handover-without-risk-assessment", "no risk assessment is recorded", ("risk_assessed",))


def _lacking(command: RecordStep, step: Step) -> tuple[str, ...]:
    """Guardian and best-interest assessment for a child (domain, Repatriation); told, as a paper may lie elsewhere."""
    if not command.child or command.outcome != "done":
        return ()
    return tuple(name for name in step.required_for_a_child if name not in command.documents)


def _check_other_side(command: RecordStep, state: Open, name: str) -> None:
    """Both sides sign (domain, Repatriation): who handed over, or stands on that side, cannot acknowledge as well.

    `by` signs; one desk may type in both. A receipt that only the hand-over's recorder has stated is a difference.
    """
    earlier, corridor = state.last(name), command.procedure.corridor
    if earlier and (earlier.by == command.by or corridor.side_of(command.by) == corridor.step(name).side):
        raise Refused(
            "same-side", f"{command.step} is signed by the other side than {name}: `by` names who", pointer="/by"
        )


def _restart(command: Restart, state: Open) -> tuple[Restarted]:
    before = state.progress(command.procedure)
    if before.status != "stopped":
        raise Refused("not-stopped", f"this repatriation is {before.status}")
    after = progress(
        command.procedure, state.opened_at, (*state.recorded, Recorded(RESTARTED, "done", command.occurred_at))
    )
    return (
        Restarted.model_validate({
            **_head(state.started.repatriation_id, state.started.case_id, command.procedure, command.recorded_by,
                    command.occurred_at, after),
            "personal": command.personal or None,
        }),
    )  # fmt: skip


def _acknowledge(command: Acknowledge, state: Open) -> tuple[Acknowledged]:
    step = step_named(command.procedure, command.step)
    fact = state.last(step.id)
    if fact is None:
        raise TooEarly("step-too-early", f"{step.id} is not recorded yet", (step.id,))
    if step.id == HAND_OVER:
        raise Refused("receipt-acknowledges", f"a hand-over is acknowledged by the step {RECEIPT}")
    if command.recorded_by == fact.recorded_by:
        raise Refused("same-side", f"{step.id} is acknowledged by another organisation than recorded it")
    if any(one.step == step.id and one.recorded_by == command.recorded_by for one in state.acknowledged):
        raise Refused("already-so", f"your organisation has acknowledged {step.id}")
    return (
        Acknowledged.model_validate({
            **_head(state.started.repatriation_id, state.started.case_id, command.procedure, command.recorded_by,
                    command.occurred_at, state.progress(command.procedure)),
            "step": step.id,
            "by": command.by,
            "personal": command.personal or None,
        }),
    )  # fmt: skip


def _head(
    repatriation_id: str, case_id: str, procedure: Procedure, recorded_by: str, occurred_at: datetime, reached: Progress
) -> dict[str, object]:
    corridor = procedure.corridor
    return {
        "repatriation_id": repatriation_id,
        "case_id": case_id,
        "corridor": corridor.id,
        "sop": corridor.key,
        "sop_version": corridor.sop_version,
        "direction": corridor.direction,
        "recorded_by": recorded_by,
        "occurred_at": rfc3339(occurred_at),
        "standing": standing_of(reached),
    }


def claim(command: Claim, state: Claims) -> tuple[CorridorClaimed]:
    """One repatriation at a time per case and corridor: refused where another claim came in between."""
    if state.count != command.seen:
        raise Refused("repatriation-already-running", "another one was begun for this case and corridor just now")
    return (
        CorridorClaimed(case_id=command.case_id, corridor=command.corridor, repatriation_id=command.repatriation_id),
    )


DECIDER: Decider[Command, State, OfRepatriation] = Decider(Unstarted(), decide, evolve)
CLAIMS: Decider[Claim, Claims, CorridorClaimed] = Decider(Claims(), claim, claimed)
