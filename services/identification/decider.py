"""What identification allows. Every rule is here and nowhere else."""

from datetime import date
from typing import assert_never

from libs.events.catalogue.identification import (
    CameOfAge,
    CaseEvent,
    Closed,
    ConsentRecorded,
    Corrected,
    Determined,
    Identified,
    Linked,
    PersonShredded,
    Reopened,
    ReviewOpened,
    Screened,
    ShredApproved,
    ShredRequested,
    Unlinked,
    WrongReason,
    WrongReasonAlerted,
)  # fmt: skip
from libs.events.catalogue.vocabulary import AgeGroup, age_group
from libs.events.decider import Decider, Refused
from services.identification.commands import (
    ApproveShredding,
    Close,
    ComeOfAge,
    Command,
    Correct,
    Determine,
    Identify,
    Link,
    OpenReview,
    RecordConsent,
    RequestShredding,
    Screen,
)  # fmt: skip
from services.identification.state import Open, State, Unopened, evolve

ADULT_YEARS = 18
_NEVER_COUNTS: tuple[WrongReason, ...] = ("consent", "knew_the_work", "immigration_status", "occupation")

Events = tuple[CaseEvent, ...]


def decide(command: Command, state: State) -> Events:
    """The events that a command causes. Raises Refused."""
    if isinstance(command, Identify):
        return _identify(command, state)
    if isinstance(state, Unopened):
        raise Refused("not-found", "there is no such case", status=404)
    if isinstance(command, ComeOfAge):
        open_child = state.identified.child and not (state.of_age or state.closed or state.shredded)
        return (CameOfAge(case_id=command.case_id),) if open_child else ()
    if isinstance(command, RequestShredding):
        return (_request_shredding(command, state),)
    if isinstance(command, ApproveShredding):
        return _shred(command, state)
    if isinstance(command, Link) and command.mirror:
        return _mirrored(command, state)
    if state.shredded and (command.corrected if isinstance(command, Correct) else command).personal:
        raise Refused("person-shredded", "the person's key is destroyed: no personal field can be added", status=410)
    if isinstance(command, Close):
        return _close(command, state)
    if state.closed:
        raise Refused("case-closed", "the case is closed; reopen it first")
    match command:
        case Screen():
            return (_screened(command),)
        case Determine():
            return _determine(command, state)
        case RecordConsent():
            return (_consent(command, state),)
        case Correct():
            return (_correct(command, state),)
        case Link():
            return (_link(command, state),)
        case OpenReview():
            return (_review(command, state),)
        case _:
            assert_never(command)


def elements_support_victim(command: Determine, *, child: bool) -> bool:
    """Palermo Protocol art. 3: act, means and purpose; (c): a child needs no means."""
    return bool(command.act) and bool(command.purpose) and (child or bool(command.means))


def age_of(born: date | None, estimate: tuple[int, int] | None, on: date) -> tuple[AgeGroup, bool]:
    """The age group, and whether the person counts as a child: under 18, or perhaps so by the lower estimate."""
    if born is not None:
        years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        return age_group(years, years), years < ADULT_YEARS
    if estimate is not None:
        return age_group(*estimate), estimate[0] < ADULT_YEARS
    return "unknown", False


def status_of(state: Open) -> str:
    """What the person is taken for now: the determination, else what the last screening presumes."""
    if state.determination:
        return state.determination.outcome
    return state.screenings[-1].initial_determination if state.screenings else "identified"


def _identify(command: Identify, state: State) -> tuple[Identified]:
    if not isinstance(state, Unopened):
        raise Refused("case-exists", "this case reference is taken")
    return (command.identified,)


def _screened(command: Screen) -> Screened:
    return Screened(
        case_id=command.case_id,
        instrument=command.instrument,
        instrument_version=command.instrument_version,
        initial_determination=command.initial_determination,
        result=command.result,
        act=command.act,
        means=command.means,
        purpose=command.purpose,
        personal=command.personal,
    )


def _determine(command: Determine, state: Open) -> tuple[Determined] | tuple[Determined, WrongReasonAlerted]:
    child = state.identified.child
    supported = elements_support_victim(command, child=child)
    if command.outcome == "victim" and not supported:
        missing = [
            name
            for name, found in (("act", command.act), ("means", child or command.means), ("purpose", command.purpose))
            if not found
        ]
        raise Refused("elements-contradict-outcome", f"a victim needs {', '.join(missing)} as well")
    if command.outcome == "not_victim" and supported:
        raise Refused("elements-contradict-outcome", "all elements are recorded as met, and yet not a victim")
    if command.outcome == "smuggled_migrant" and command.purpose:
        # Smuggling Protocol art. 3: help across a border for gain, without a purpose of exploitation.
        raise Refused("elements-contradict-outcome", "an exploitative purpose is recorded: smuggling has none")
    determined = Determined(
        case_id=command.case_id,
        act=command.act,
        means=command.means,
        purpose=command.purpose,
        outcome=command.outcome,
        legal_basis=command.legal_basis,
        child=child,
        review=state.determination is not None,
        follow_up_on=command.follow_up_on,
        grounds=command.grounds or None,
        personal=command.personal,
    )
    wrong = wrong_reasons(command, state)
    return (determined, WrongReasonAlerted(case_id=command.case_id, because=wrong)) if wrong else (determined,)


def wrong_reasons(command: Determine, state: Open) -> tuple[WrongReason, ...]:
    """What a decision against the person may not rest on, or overlooks. It is recorded all the same, and reviewed.

    Palermo Protocol art. 3 (b): consent counts for nothing where a means was used; (c): a child needs no means;
    art. 2 and OHCHR Recommended Principles 7: neither status nor occupation makes somebody less a victim.
    """
    if command.outcome not in ("not_victim", "smuggled_migrant"):
        return ()
    child = state.identified.child
    found: list[WrongReason] = [ground for ground in _NEVER_COUNTS if ground in command.grounds]
    if child and "no_means" in command.grounds:
        found.append("means_demanded_of_a_child")
    purpose = any(one.purpose for one in state.screenings)
    act, means = any(one.act for one in state.screenings), any(one.means for one in state.screenings)
    if act and purpose and (child or means):
        found.append("elements_overlooked")
    elif command.outcome == "smuggled_migrant" and purpose:
        found.append("purpose_overlooked")
    return tuple(found)


def _correct(command: Correct, state: Open) -> Corrected:
    said = command.corrected.personal or {}
    stated = command.corrected.age_basis or "date_of_birth" in said
    if state.age_determined and "age_estimate" in said and not stated:
        raise Refused(
            "age-determined", "the age was determined; an estimate does not override that",
            pointer="/person/age_estimate",
        )  # fmt: skip
    return command.corrected


def _consent(command: RecordConsent, state: Open) -> ConsentRecorded:
    if state.identified.child and not state.of_age and command.given and command.by == "self":
        raise Refused("guardian-needed", "a child's consent is given by a guardian, or `emergency` with a reason")
    if command.by == "emergency" and not command.personal.get("reason"):
        raise Refused("reason-needed", "acting without consent in an emergency needs a reason", pointer="/reason")
    if command.by == "emergency" and not command.given:
        raise Refused(
            "emergency-is-no-refusal", "in an emergency help is given; a refusal is the person's or a guardian's"
        )
    return ConsentRecorded(
        case_id=command.case_id, kind=command.kind, given=command.given, by=command.by, personal=command.personal
    )


def _link(command: Link, state: Open) -> Linked | Unlinked:
    if command.other_case_id == command.case_id:
        raise Refused("same-case", "a case cannot be linked to itself", pointer="/other_case_id")
    linked = command.other_case_id in state.linked
    if command.same_person == linked:
        raise Refused("already-so", "the two cases are " + ("already linked" if linked else "not linked"))
    kind = Linked if command.same_person else Unlinked
    return kind(case_id=command.case_id, other_case_id=command.other_case_id, personal=command.personal)


def _mirrored(command: Link, state: Open) -> tuple[()] | tuple[Linked | Unlinked]:
    if command.same_person == (command.other_case_id in state.linked):
        return ()
    kind = Linked if command.same_person else Unlinked
    personal = {} if state.shredded else command.personal
    return (kind(case_id=command.case_id, other_case_id=command.other_case_id, personal=personal),)


def _review(command: OpenReview, state: Open) -> ReviewOpened:
    if state.determination is None:
        raise Refused("nothing-to-review", "there is no determination yet")
    if state.under_review:
        raise Refused("already-so", "a review is already open")
    return ReviewOpened(case_id=command.case_id, personal=command.personal)


def _close(command: Close, state: Open) -> tuple[Closed | Reopened]:
    if command.reopen != state.closed:
        raise Refused("already-so", "the case is " + ("closed" if state.closed else "open"))
    if state.alert and not command.reopen:
        raise Refused("alert-open", "the decision rests on a wrong reason: it is reviewed before the case is closed")
    kind = Reopened if command.reopen else Closed
    return (kind(case_id=command.case_id, personal=command.personal),)


def _request_shredding(command: RequestShredding, state: Open) -> ShredRequested:
    if state.shred_request:
        raise Refused("already-so", "shredding is already " + ("done" if state.shredded else "requested"))
    if command.reason_code == "court_order" and not command.order_ref:
        raise Refused("order-needed", "a court order is named by its number", pointer="/order_ref")
    return ShredRequested(
        case_id=command.case_id,
        reason_code=command.reason_code,
        order_ref=command.order_ref,
        requester=command.requester,
        requester_role=command.requester_role,
    )


def _shred(command: ApproveShredding, state: Open) -> tuple[ShredApproved, PersonShredded]:
    request = state.shred_request
    if state.shredded:
        raise Refused("already-so", "the person's key is already destroyed")
    if request is None:
        raise Refused("nothing-to-approve", "nobody has requested this")
    if request.requester == command.approver or request.requester_role == command.approver_role:
        raise Refused("second-person-needed", "another person in another role than the requester's approves")
    approved = ShredApproved(
        case_id=command.case_id, approver=command.approver, approver_role=command.approver_role
    )  # fmt: skip
    return approved, PersonShredded(case_id=command.case_id)


DECIDER: Decider[Command, State, CaseEvent] = Decider(Unopened(), decide, evolve)
