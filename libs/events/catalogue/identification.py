"""The facts of identification: who was met where, what was asked, what was determined, what the person agreed to."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from libs.events.catalogue.imports import AgencyReported, ImportFinished, ImportStarted, SourceRecorded
from libs.events.catalogue.vocabulary import (
    Act,
    AgeGroup,
    CaseId,
    Channel,
    ConsentBy,
    ConsentKind,
    Continuum,
    ControlMethod,
    Country,
    DeterminationOutcome,
    Exploitation,
    Gender,
    Industry,
    InitialDetermination,
    Language,
    LegalBasis,
    Means,
    Province,
    Purpose,
    RecruitmentMethod,
    RouteLeg,
    Sex,
    Slug,
)  # fmt: skip
from libs.events.event import Event

Ground: TypeAlias = Literal[
    "no_act", "no_means", "no_purpose", "consent", "knew_the_work", "immigration_status", "occupation", "other"
]  # fmt: skip
"""What a decision is said to rest on."""
WrongReason: TypeAlias = Literal[
    "consent", "knew_the_work", "immigration_status", "occupation", "means_demanded_of_a_child", "elements_overlooked",
    "purpose_overlooked",
]  # fmt: skip
"""Why a decision against the person must be looked at again."""
AgeBasis: TypeAlias = Literal["document", "medical", "assessment"]
ShredReason: TypeAlias = Literal["court_order", "retention", "person_request"]


class Identified(Event):
    """A first responder met a person who may be a victim. Sealed: names, birth, place detail, narrative, source."""

    wire: ClassVar[str] = "org.opennrm.identification.identified.v1"
    case_id: CaseId
    reported_by: Slug = Field(description="The organisation that reports the person")
    channel: Channel
    province: Province
    country: Country
    sex: Sex
    gender: Gender | None = None
    age_group: AgeGroup
    child: bool = Field(description="Under 18, or presumed so because the lower estimate is under 18")
    nationality: Country
    language: Language | None = None
    continuum: Continuum
    exploitation: tuple[Exploitation, ...]
    industry: Industry | None = None
    recruitment_method: tuple[RecruitmentMethod, ...] = ()
    control_methods: tuple[ControlMethod, ...] = ()
    route: tuple[RouteLeg, ...] = ()


class Screened(Event):
    """An officer applied a screening instrument. Sealed: the answers and the officer's reasons."""

    wire: ClassVar[str] = "org.opennrm.identification.screened.v1"
    case_id: CaseId
    instrument: str
    instrument_version: int
    initial_determination: InitialDetermination
    result: str = Field(description="What the answers support, as the instrument's scoring found it")
    act: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()


class Determined(Event):
    """The competent authority decided. Sealed: its reasons. `review` where it follows a review of an earlier one."""

    wire: ClassVar[str] = "org.opennrm.identification.determined.v1"
    case_id: CaseId
    act: tuple[Act, ...]
    means: tuple[Means, ...]
    purpose: tuple[Purpose, ...]
    outcome: DeterminationOutcome
    legal_basis: tuple[LegalBasis, ...]
    child: bool
    review: bool = False
    follow_up_on: str | None = Field(None, description="Date by which an inconclusive case is taken up again")
    grounds: tuple[Ground, ...] | None = Field(None, description="What the decision rests on, as the authority says")


class WrongReasonAlerted(Event):
    """A decision against the person rests on what may not count, or overlooks what was found: it is to be reviewed."""

    wire: ClassVar[str] = "org.opennrm.identification.wrong_reason_alerted.v1"
    case_id: CaseId
    because: tuple[WrongReason, ...]


class ConsentRecorded(Event):
    """The person (a guardian, or nobody in an emergency) agreed or refused, or took consent back. Sealed: reason."""

    wire: ClassVar[str] = "org.opennrm.identification.consent_recorded.v1"
    case_id: CaseId
    kind: ConsentKind
    given: bool
    by: ConsentBy


class Corrected(Event):
    """What was believed is corrected; absent fields stand as before. Sealed: corrected personal fields, reason."""

    wire: ClassVar[str] = "org.opennrm.identification.corrected.v1"
    case_id: CaseId
    province: Province | None = None
    country: Country | None = None
    sex: Sex | None = None
    gender: Gender | None = None
    age_group: AgeGroup | None = None
    child: bool | None = None
    nationality: Country | None = None
    language: Language | None = None
    continuum: Continuum | None = None
    exploitation: tuple[Exploitation, ...] | None = None
    industry: Industry | None = None
    age_basis: AgeBasis | None = Field(None, description="How the age was determined; then no estimate overrides it")


class CameOfAge(Event):
    """The person turned 18 with the case open: what a guardian agreed to lapses, the person is asked anew."""

    wire: ClassVar[str] = "org.opennrm.identification.came_of_age.v1"
    case_id: CaseId


class Notified(Event):
    """A person who gave no consent was met: nothing that identifies is kept, only what the count needs."""

    wire: ClassVar[str] = "org.opennrm.identification.notified.v1"
    notification_id: str
    reported_by: Slug
    channel: Channel
    province: Province
    country: Country
    sex: Sex
    nationality: Country
    age_group: AgeGroup
    exploitation: tuple[Exploitation, ...]


class Linked(Event):
    """Two cases are the same person and count once. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.identification.linked.v1"
    case_id: CaseId
    other_case_id: CaseId


class Unlinked(Event):
    """Two cases held to be the same person are not. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.identification.unlinked.v1"
    case_id: CaseId
    other_case_id: CaseId


class ReviewOpened(Event):
    """A determination is to be looked at again. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.identification.review_opened.v1"
    case_id: CaseId


class Closed(Event):
    """The case needs nothing more. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.identification.closed.v1"
    case_id: CaseId


class Reopened(Event):
    """A closed case is taken up again. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.identification.reopened.v1"
    case_id: CaseId


class ShredRequested(Event):
    """Someone entitled asks that the person's key be destroyed. Nothing is sealed: this must outlive the key."""

    wire: ClassVar[str] = "org.opennrm.identification.shred_requested.v1"
    case_id: CaseId
    reason_code: ShredReason
    order_ref: str | None = Field(None, description="The number of the court's order or of the retention schedule")
    requester: str = Field(description="The subject who asked; the approver is another one")
    requester_role: str


class ShredApproved(Event):
    """A second person, in another role, agreed that the person's key be destroyed."""

    wire: ClassVar[str] = "org.opennrm.identification.shred_approved.v1"
    case_id: CaseId
    approver: str
    approver_role: str


class PersonShredded(Event):
    """The person's key is destroyed, in the transaction that stores this: what it encrypted is never read again."""

    wire: ClassVar[str] = "org.opennrm.identification.person_shredded.v1"
    case_id: CaseId


CaseEvent: TypeAlias = (
    Identified
    | Screened
    | Determined
    | WrongReasonAlerted
    | ConsentRecorded
    | Corrected
    | CameOfAge
    | Linked
    | Unlinked
    | ReviewOpened
    | Closed
    | Reopened
    | ShredRequested
    | ShredApproved
    | PersonShredded
)
IdentificationEvent: TypeAlias = CaseEvent | Notified | ImportStarted | ImportFinished | SourceRecorded | AgencyReported
EVENTS: tuple[type[Event], ...] = (
    Identified, Screened, Determined, WrongReasonAlerted, ConsentRecorded, Corrected, CameOfAge, Notified,
    Linked, Unlinked, ReviewOpened, Closed, Reopened, ShredRequested, ShredApproved, PersonShredded,
    ImportStarted, ImportFinished, SourceRecorded, AgencyReported,
)  # fmt: skip
