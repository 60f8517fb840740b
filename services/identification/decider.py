"""What identification allows. Every rule is here and nowhere else."""

from datetime import date
from typing import assert_never

from libs.events.catalogue.identification import (
    Closed,
    ConsentRecorded,
    Determined,
    IdentificationEvent,
    Identified,
    Linked,
    PersonShredded,
    Reopened,
    ReviewOpened,
    Screened,
    ShredApproved,
    ShredRequested,
    Unlinked,
)  # fmt: skip
from libs.events.catalogue.vocabulary import AgeGroup, age_group
from libs.events.decider import Decider, Refused
from services.identification.commands import (
    ApproveShredding,
    Close,
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

Events = tuple[IdentificationEvent, ...]


def decide(command: Command, state: State) -> Events:
    """The events that a command causes. Raises Refused."""
    if isinstance(command, Identify):
        return _identify(command, state)
    if isinstance(state, Unopened):
        raise Refused("not-found", "there is no such case", status=404)
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
            return (_determine(command, state),)
        case RecordConsent():
            return (_consent(command, state),)
        case Correct():
            return (command.corrected,)
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


def _determine(command: Determine, state: Open) -> Determined:
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
    return Determined(
        case_id=command.case_id,
        act=command.act,
        means=command.means,
        purpose=command.purpose,
        outcome=command.outcome,
        legal_basis=command.legal_basis,
        child=child,
        review=state.determination is not None,
        follow_up_on=command.follow_up_on,
        personal=command.personal,
    )


def _consent(command: RecordConsent, state: Open) -> ConsentRecorded:
    if state.identified.child and command.given and command.by == "self":
        raise Refused("guardian-needed", "a child's consent is given by a guardian, or `emergency` with a reason")
    if command.by == "emergency" and not command.personal.get("reason"):
        raise Refused("reason-needed", "acting without consent in an emergency needs a reason", pointer="/reason")
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


DECIDER: Decider[Command, State, IdentificationEvent] = Decider(Unopened(), decide, evolve)
