"""The facts of justice: reports to the police, what a court case decided for whom, and victims who stand accused."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from libs.events.catalogue.vocabulary import CaseId, Country, Part, Province, Sex, Slug, Verdict
from libs.events.event import Event

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$", description="A code, never a name")]
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
StatuteId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
ArticleNumber = Annotated[str, Field(pattern=r"^[0-9A-Za-z.()/-]{1,30}$")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A date in Cambodia")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, hex")]
InvestigationStage = Literal["opened", "suspended", "sent_to_prosecutor", "closed"]
CustodyBreak = Literal["not_the_holder", "hash_differs", "before_previous"]
AppealResult = Literal["confirmed", "replaced", "withdrawn"]
AlertBasis = Literal["determined_victim", "presumed_victim", "not_yet_decided"]
AlertResolution = Literal["charge_withdrawn", "acquitted", "prosecution_upheld", "not_a_victim", "other"]


class Accused(Part):
    """A person accused, by a reference that only the court can resolve."""

    ref: Code
    sex: Sex | None = None
    nationality: Country | None = None


class Charge(Part):
    """What one accused is charged with. `kind` is the article's, as the statute table had it."""

    accused_ref: Code
    statute: StatuteId
    article: ArticleNumber
    counts: int
    kind: str
    committed_on: Day = Field(description="When the act happened: the law of that day applies")
    charged_on: Day


class ReportFiled(Event):
    """The police took a report about a case. Sealed: the police's own reference, notes."""

    wire: ClassVar[str] = "org.opennrm.justice.report_filed.v1"
    report_id: str
    case_id: CaseId
    filed_by: Slug
    station: str | None = None
    province: Province | None = None
    suspects: tuple[Accused, ...] = ()


class InvestigationRecorded(Event):
    """The investigation of a report reached another stage. Sealed: notes."""

    wire: ClassVar[str] = "org.opennrm.justice.investigation_recorded.v1"
    report_id: str
    case_id: CaseId
    stage: InvestigationStage


class Prosecuted(Event):
    """A prosecution began in which this case's person is the victim; one event for every case of the court case."""

    wire: ClassVar[str] = "org.opennrm.justice.prosecuted.v1"
    court_case_id: str
    case_id: CaseId
    court: str
    province: Province | None = None
    accused: tuple[Accused, ...]
    charges: tuple[Charge, ...]


class OfCourtCase(Event):
    """What every later event of a court case states, so that a reader needs no other event."""

    court_case_id: str
    case_ids: tuple[CaseId, ...]
    court: str
    province: Province | None = None


class ChargesAmended(OfCourtCase):
    """Charges were added, withdrawn or replaced, perhaps against newly accused persons. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.justice.charges_amended.v1"
    accused: tuple[Accused, ...] = Field((), description="Persons who are accused from now on")
    added: tuple[Charge, ...] = ()
    withdrawn: tuple[Charge, ...] = ()


class EvidenceRegistered(OfCourtCase):
    """A piece of evidence was entered: its kind, the hash of its file, who took it; never its content."""

    wire: ClassVar[str] = "org.opennrm.justice.evidence_registered.v1"
    evidence_id: str
    kind: Kind
    sha256: Sha256
    taken_by: Code


class CustodyTransferred(OfCourtCase):
    """Evidence passed from one holder to another; `breaks` says what does not fit the chain before it."""

    wire: ClassVar[str] = "org.opennrm.justice.custody_transferred.v1"
    evidence_id: str
    from_holder: Code
    to_holder: Code
    moved_at: str
    sha256: Sha256 | None = None
    breaks: tuple[CustodyBreak, ...] = ()


class HearingHeld(OfCourtCase):
    """The court heard the case. Sealed: notes."""

    wire: ClassVar[str] = "org.opennrm.justice.hearing_held.v1"
    kind: Kind
    next_on: Day | None = None


class OfCharge(OfCourtCase):
    """What every event about one charge against one accused states."""

    accused_ref: Code
    statute: StatuteId
    article: ArticleNumber


class VerdictGiven(OfCharge):
    """The court decided one charge against one accused; with `on_appeal` it replaces the verdict before it."""

    wire: ClassVar[str] = "org.opennrm.justice.verdict_given.v1"
    result: Verdict
    prison_months: int | None = None
    fine_khr: int | None = None
    compensation_khr: int = 0
    on_appeal: bool = False


class AppealLodged(OfCharge):
    """A verdict is contested; it stands until the appeal is decided. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.justice.appeal_lodged.v1"
    lodged_by: Code | None = None


class AppealDecided(OfCharge):
    """The appeal confirmed the verdict, replaced it (a `verdict_given` follows), or was withdrawn."""

    wire: ClassVar[str] = "org.opennrm.justice.appeal_decided.v1"
    result: AppealResult


class CompensationPaid(OfCharge):
    """The convicted person paid compensation."""

    wire: ClassVar[str] = "org.opennrm.justice.compensation_paid.v1"
    amount_khr: int


class OfVictimCharge(Event):
    """What every event about a charge against a victim states."""

    victim_charge_id: str
    case_id: CaseId
    court: str | None = None
    province: Province | None = None
    statute: StatuteId
    article: ArticleNumber


class VictimCharged(OfVictimCharge):
    """A person of this register is charged with something done while trafficked. Sealed: the conduct."""

    wire: ClassVar[str] = "org.opennrm.justice.victim_charged.v1"
    kind: str
    committed_on: Day


class NonProsecutionAlertRaised(OfVictimCharge):
    """The competent authority has to look at a charge against a victim; `basis` is what the person is taken for."""

    wire: ClassVar[str] = "org.opennrm.justice.non_prosecution_alert_raised.v1"
    basis: AlertBasis


class NonProsecutionAlertAssigned(OfVictimCharge):
    """An organisation takes care of the alert. Sealed: notes."""

    wire: ClassVar[str] = "org.opennrm.justice.non_prosecution_alert_assigned.v1"
    assignee: Slug


class NonProsecutionAlertResolved(OfVictimCharge):
    """The alert came to an end. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.justice.non_prosecution_alert_resolved.v1"
    resolution: AlertResolution


ReportEvent: TypeAlias = ReportFiled | InvestigationRecorded
CourtCaseEvent: TypeAlias = (
    Prosecuted
    | ChargesAmended
    | EvidenceRegistered
    | CustodyTransferred
    | HearingHeld
    | VerdictGiven
    | AppealLodged
    | AppealDecided
    | CompensationPaid
)
VictimChargeEvent: TypeAlias = (
    VictimCharged | NonProsecutionAlertRaised | NonProsecutionAlertAssigned | NonProsecutionAlertResolved
)
JusticeEvent: TypeAlias = ReportEvent | CourtCaseEvent | VictimChargeEvent
EVENTS: tuple[type[Event], ...] = (
    ReportFiled, InvestigationRecorded, Prosecuted, ChargesAmended, EvidenceRegistered, CustodyTransferred,
    HearingHeld, VerdictGiven, AppealLodged, AppealDecided, CompensationPaid, VictimCharged,
    NonProsecutionAlertRaised, NonProsecutionAlertAssigned, NonProsecutionAlertResolved,
)  # fmt: skip
