"""The facts of aftercare: shelters and their beds, who stays where, inspections, follow-up."""

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from libs.events.catalogue.vocabulary import CaseId, Cohort, Part, Province, ShelterKind, Slug
from libs.events.event import Event

DischargeOutcome = Literal["reintegrated_with_family", "independent", "other_shelter", "repatriated", "left"]
GoalKind = Literal[
    "education", "financial", "health", "labour_exploitation_rehabilitation", "legal", "livelihood",
    "rights_based_training", "sexual_exploitation_rehabilitation", "social_care",
]  # fmt: skip
"""HTCDS's kinds of support plan (`spl_Type`)."""
FollowUpOutcome = Literal["safe", "at_risk", "not_found", "re_trafficked"]

GoalOutcome = Literal["achieved", "changed", "dropped"]
AlertBasis = Literal["identified_again", "follow_up"]
AlertFinding = Literal["re_trafficked", "same_events", "unfounded"]


class Beds(Part):
    """How many beds a shelter has for a cohort."""

    cohort: Cohort
    count: int


class Goal(Part):
    """What is to be reached, and until when; its words are sealed in the event."""

    goal_id: str
    kind: GoalKind
    due: str = Field(description="ISO 8601 date")


class _AtShelter(Event):
    """What every event of a shelter's stream says, so that a view can place it by itself."""

    wire: ClassVar[str] = ""
    shelter_id: str
    provider_id: str
    organisation: Slug
    province: Province
    kind: ShelterKind


class ShelterOpened(_AtShelter):
    """A shelter takes up its work. Its address is in no event."""

    wire: ClassVar[str] = "org.opennrm.aftercare.shelter_opened.v1"
    name: str
    beds: tuple[Beds, ...]


class CapacitySet(_AtShelter):
    """The shelter reports how many beds it has for a cohort."""

    wire: ClassVar[str] = "org.opennrm.aftercare.capacity_set.v1"
    cohort: Cohort
    count: int


class BedHeld(_AtShelter):
    """A bed is kept free for somebody until `expires_at`."""

    wire: ClassVar[str] = "org.opennrm.aftercare.bed_held.v1"
    hold_id: str
    cohort: Cohort
    case_id: CaseId | None = None
    referral_id: str | None = None
    expires_at: datetime


class HoldExpired(_AtShelter):
    """Nobody came in time: the held bed is free again."""

    wire: ClassVar[str] = "org.opennrm.aftercare.hold_expired.v1"
    hold_id: str
    cohort: Cohort
    case_id: CaseId | None = None
    expired_at: datetime


class HoldUsed(_AtShelter):
    """The person for whom the bed was held was admitted to it."""

    wire: ClassVar[str] = "org.opennrm.aftercare.hold_used.v1"
    hold_id: str
    cohort: Cohort
    case_id: CaseId | None = None


class Inspected(_AtShelter):
    """MOSVY inspected the shelter against the standards."""

    wire: ClassVar[str] = "org.opennrm.aftercare.inspected.v1"
    result: Literal["passed", "conditions", "failed"]
    failed_standards: tuple[str, ...] = ()
    remark: str = ""


class Admitted(_AtShelter):
    """A person was given a bed."""

    wire: ClassVar[str] = "org.opennrm.aftercare.admitted.v1"
    case_id: CaseId
    placement_id: str
    stay: int = Field(description="1 for the first shelter of the placement, 2 after a transfer, …")
    cohort: Cohort
    referral_id: str
    accompanied_by: CaseId | None = Field(None, description="The relative with whom a child is in a families bed")


class TransferredOut(_AtShelter):
    """A person left this shelter for another one. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.aftercare.transferred_out.v1"
    case_id: CaseId
    placement_id: str
    stay: int
    cohort: Cohort
    to_shelter_id: str


class TransferredIn(_AtShelter):
    """A person came to this shelter from another one."""

    wire: ClassVar[str] = "org.opennrm.aftercare.transferred_in.v1"
    case_id: CaseId
    placement_id: str
    stay: int
    cohort: Cohort
    from_shelter_id: str
    accompanied_by: CaseId | None = Field(None, description="As when admitted")


class Discharged(_AtShelter):
    """A person left the shelter's care. Sealed: a note."""

    wire: ClassVar[str] = "org.opennrm.aftercare.discharged.v1"
    case_id: CaseId
    placement_id: str
    stay: int
    cohort: Cohort
    outcome: DischargeOutcome


class EnteredCare(Event):
    """The person is in this shelter's custody from now on: one at a time, never none in between."""

    wire: ClassVar[str] = "org.opennrm.aftercare.entered_care.v1"
    case_id: CaseId
    placement_id: str
    stay: int
    shelter_id: str
    organisation: Slug


class LeftCare(Event):
    """The person is in no shelter's custody any more."""

    wire: ClassVar[str] = "org.opennrm.aftercare.left_care.v1"
    case_id: CaseId
    placement_id: str
    outcome: DischargeOutcome
    shelter_id: str | None = Field(None, description="The shelter that the person left")
    organisation: Slug | None = Field(None, description="The organisation in whose care the person was")


class FollowedUp(Event):
    """The person was visited after leaving care. Sealed: a note."""

    wire: ClassVar[str] = "org.opennrm.aftercare.followed_up.v1"
    case_id: CaseId
    month: int | None = Field(None, description="Which of the visits due after discharge: 1, 3, 6 or 12")
    outcome: FollowUpOutcome


class CarePlanned(Event):
    """Goals of a person's care were agreed. Sealed: what each goal is, in words."""

    wire: ClassVar[str] = "org.opennrm.aftercare.care_planned.v1"
    case_id: CaseId
    organisation: Slug
    goals: tuple[Goal, ...]
    review_on: str = Field(description="ISO 8601 date")


class GoalSettled(Event):
    """A goal of the care plan was reached, changed or dropped. Sealed: a note."""

    wire: ClassVar[str] = "org.opennrm.aftercare.goal_settled.v1"
    case_id: CaseId
    goal_id: str
    outcome: GoalOutcome


class PlanReviewed(Event):
    """The care plan was looked at together with the person; goals may join it. Sealed: notes and goals in words."""

    wire: ClassVar[str] = "org.opennrm.aftercare.plan_reviewed.v1"
    case_id: CaseId
    organisation: Slug
    goals: tuple[Goal, ...] = Field((), description="Goals that are new")
    review_on: str | None = Field(None, description="The next review; absent where the plan is at its end")


class ReTraffickingAlertRaised(Event):
    """A person who had been in care, or was a victim before, was identified again, or was found re-trafficked."""

    wire: ClassVar[str] = "org.opennrm.aftercare.re_trafficking_alert_raised.v1"
    case_id: CaseId
    alert_id: str
    basis: AlertBasis
    earlier_case_id: CaseId | None = None


class ReTraffickingAlertResolved(Event):
    """Somebody looked into the alert. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.aftercare.re_trafficking_alert_resolved.v1"
    case_id: CaseId
    alert_id: str
    finding: AlertFinding


AftercareEvent: TypeAlias = (
    ShelterOpened
    | CapacitySet
    | BedHeld
    | HoldExpired
    | HoldUsed
    | Inspected
    | Admitted
    | TransferredOut
    | TransferredIn
    | Discharged
    | EnteredCare
    | LeftCare
    | FollowedUp
    | CarePlanned
    | GoalSettled
    | PlanReviewed
    | ReTraffickingAlertRaised
    | ReTraffickingAlertResolved
)
EVENTS: tuple[type[Event], ...] = (
    ShelterOpened, CapacitySet, BedHeld, HoldExpired, HoldUsed, Inspected, Admitted, TransferredOut, TransferredIn,
    Discharged, EnteredCare, LeftCare, FollowedUp, CarePlanned, GoalSettled, PlanReviewed, ReTraffickingAlertRaised,
    ReTraffickingAlertResolved,
)  # fmt: skip
