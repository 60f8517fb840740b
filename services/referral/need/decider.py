"""What the unmet-need ledger allows. Every rule is here and nowhere else."""

from libs.events.catalogue.referral import NeedRecorded, ReferralEvent
from libs.events.decider import Decider, Refused
from services.referral.decider import cohort_of, may_be_referred
from services.referral.need.commands import Record
from services.referral.need.state import Need, Nothing, evolve


def decide(command: Record, state: Nothing | Need) -> tuple[ReferralEvent, ...]:
    """The events that a command on a need causes. Raises Refused."""
    if isinstance(state, Need):
        raise Refused("already-so", "this need stands in the ledger already")
    person = command.person
    if not may_be_referred(person):
        raise Refused("referral-without-status", "the person is neither determined nor presumed a victim")
    if command.possible:
        raise Refused("provider-available", f"{command.possible} providers could take this person now; see the options")
    return (
        NeedRecorded(
            case_id=person.case_id,
            need_id=command.need_id,
            service=command.service,
            term=command.term,
            province=command.province,
            cohort=cohort_of(person),
            sex=person.sex,
            gender=person.gender,
            age_group=person.age_group,
            child=person.child,
            asked_by=command.asked_by,
            personal=command.personal,
        ),
    )


NEED: Decider[Record, Nothing | Need, ReferralEvent] = Decider(Nothing(), decide, evolve)
