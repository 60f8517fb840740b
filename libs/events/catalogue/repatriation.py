"""The facts of repatriation: who goes home by which corridor, each step of its procedure, and what desks sent."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from libs.events.catalogue.vocabulary import CaseId, Country, Part, Slug, StepOutcome
from libs.events.event import Event

CorridorId: TypeAlias = str
RepatriationStatus = Literal["running", "awaiting_acknowledgement", "completed", "stopped"]
Direction = Literal["outbound", "inbound"]
HeldOutcome = Literal["accepted", "refused", "expired"]


class Standing(Part):
    """Where the repatriation stands after an event, by the SOP that it keeps: for readers that see one event alone."""

    status: RepatriationStatus
    since: str = Field(description="When it came to stand so (RFC 3339)")
    step: str | None = Field(None, description="The step that it waits for")
    party: str | None = Field(None, description="Whose turn it is")
    due: str | None = Field(None, description="First day on which an open step falls due")
    due_provisional: bool = False
    stopped_by: str | None = Field(None, description="The step whose refusal stopped it")


class OfRepatriation(Event):
    """What every fact about a repatriation carries."""

    repatriation_id: str
    case_id: CaseId
    corridor: CorridorId = Field(description="`KH-VN`")
    sop: str = Field(description="The corridor's file and version that this repatriation keeps: `KH-VN.v1`")
    sop_version: str = Field(description="The SOP's own edition: `2009-12`")
    direction: Direction = Field(description="`outbound` from Cambodia, `inbound` to it")
    recorded_by: Slug = Field(description="The organisation that recorded it")
    occurred_at: str = Field(description="RFC 3339, UTC")
    standing: Standing


class Started(OfRepatriation):
    """A repatriation was asked for and begins under the SOP then in force."""

    wire: ClassVar[str] = "org.opennrm.repatriation.started.v1"
    from_country: Country
    to_country: Country
    requested_by: Slug


class StepFact(OfRepatriation):
    """What every step's event carries. Sealed: the note and the documents as stated."""

    step: str
    outcome: StepOutcome
    by: Slug = Field(description="The organisation that did it")
    documents: tuple[str, ...] = Field((), description="Those that the SOP names")
    lacking: tuple[str, ...] | None = Field(None, description="What the SOP asks for a child and was not on file")
    ready_at: str = Field(description="Since when the step could be done: what it depends on was (RFC 3339)")


class Notified(StepFact):
    """The focal point of the other side was notified."""

    wire: ClassVar[str] = "org.opennrm.repatriation.notified.v1"


class NationalityVerified(StepFact):
    """Identity and nationality were verified, or could not be."""

    wire: ClassVar[str] = "org.opennrm.repatriation.nationality_verified.v1"


class FamilyTraced(StepFact):
    """The family was traced and assessed, or not."""

    wire: ClassVar[str] = "org.opennrm.repatriation.family_traced.v1"


class RiskAssessed(StepFact):
    """The risk of return was assessed; refused where the return is not safe."""

    wire: ClassVar[str] = "org.opennrm.repatriation.risk_assessed.v1"


class ConsentGiven(StepFact):
    """The person consented to return; refused where the person did not, or took it back."""

    wire: ClassVar[str] = "org.opennrm.repatriation.consent_given.v1"


class TravelDocumentIssued(StepFact):
    """The travel document was issued, or refused."""

    wire: ClassVar[str] = "org.opennrm.repatriation.travel_document_issued.v1"


class ItineraryAgreed(StepFact):
    """Date, border gate and escort were agreed, or not."""

    wire: ClassVar[str] = "org.opennrm.repatriation.itinerary_agreed.v1"


class Repatriated(StepFact):
    """The person was handed over. Complete only when the receiving side acknowledges."""

    wire: ClassVar[str] = "org.opennrm.repatriation.repatriated.v1"


class HandoverRefused(StepFact):
    """The hand-over did not take place."""

    wire: ClassVar[str] = "org.opennrm.repatriation.handover_refused.v1"


class ReceiptAcknowledged(StepFact):
    """The receiving side has the person in its care; refused where it has not."""

    wire: ClassVar[str] = "org.opennrm.repatriation.receipt_acknowledged.v1"


class ReceivedIntoCare(StepFact):
    """Reception and reintegration began."""

    wire: ClassVar[str] = "org.opennrm.repatriation.received_into_care.v1"


class FollowedUp(StepFact):
    """The receiving side reported how the person fares."""

    wire: ClassVar[str] = "org.opennrm.repatriation.followed_up.v1"


class StepRecorded(StepFact):
    """A step that only this corridor has was recorded."""

    wire: ClassVar[str] = "org.opennrm.repatriation.step_recorded.v1"


class Restarted(OfRepatriation):
    """A stopped repatriation goes on. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.repatriation.restarted.v1"


class Acknowledged(OfRepatriation):
    """An organisation confirmed a step that another had recorded. Sealed: a note."""

    wire: ClassVar[str] = "org.opennrm.repatriation.acknowledged.v1"
    step: str
    by: Slug


class CorridorClaimed(Event):
    """Of a case's repatriations in one corridor, the one named is the only one that may run."""

    wire: ClassVar[str] = "org.opennrm.repatriation.corridor_claimed.v1"
    case_id: CaseId
    corridor: CorridorId
    repatriation_id: str


class Disclosed(Event):
    """A desk was shown the fields of the person that a step needs."""

    wire: ClassVar[str] = "org.opennrm.repatriation.disclosed.v1"
    repatriation_id: str
    case_id: CaseId
    corridor: CorridorId
    recipient: Slug
    purpose: str = Field(description="The step that the fields are needed for")
    fields: tuple[str, ...]


class HandoverFileIssued(Event):
    """A summary for the receiving side was given out. Sealed: the salt, without which the digest tells nothing."""

    wire: ClassVar[str] = "org.opennrm.repatriation.handover_file_issued.v1"
    code: str = Field(description="`HF-XXXX-XXXX-XXXC`, by which anybody may ask whether it holds")
    repatriation_id: str
    case_id: CaseId
    corridor: CorridorId
    issued_to: Slug = Field(description="The organisation that had it made")
    step: str = Field(description="The step whose fields it discloses")
    fields: tuple[str, ...]
    language: str = Field(description="Beside English (ISO 639)")
    words: str = Field(description="Digest of the words that it is written in")
    recorded: int = Field(description="How many facts of its steps it rests on")
    person_version: int = Field(description="The version of the case that the person's fields are of")
    digest: str = Field(description="Hex SHA-256 of the signed file's canonical JSON, salt included")
    key_id: str = Field(description="The key that signed it (RFC 7638 thumbprint)")
    occurred_at: str = Field(description="RFC 3339, UTC")


class HandoverFileWithdrawn(Event):
    """A hand-over file is void. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.repatriation.handover_file_withdrawn.v1"
    code: str
    repatriation_id: str
    case_id: CaseId
    by: Slug
    occurred_at: str


class InboxEventHeld(Event):
    """An embassy desk's event came early and waits for what it depends on. Sealed: note and documents."""

    wire: ClassVar[str] = "org.opennrm.repatriation.inbox_event_held.v1"
    inbox_id: str = Field(description="Digest of organisation, source and id")
    source: str
    event_id: str
    case_id: CaseId
    organisation: Slug
    actor: str
    fingerprint: str
    repatriation_id: str | None = None
    corridor: CorridorId | None = None
    step: str
    outcome: StepOutcome
    by: Slug
    requested_by: Slug
    occurred_at: str
    missing: tuple[str, ...]
    until: str = Field(description="Given up after this moment (RFC 3339)")
    acknowledges: Literal[True] | None = Field(None, description="It confirms the step that another recorded")


class InboxEventSettled(Event):
    """What waited was accepted, refused, or given up with what is still missing."""

    wire: ClassVar[str] = "org.opennrm.repatriation.inbox_event_settled.v1"
    inbox_id: str
    case_id: CaseId
    organisation: Slug
    outcome: HeldOutcome
    rule: str | None = Field(None, description="The rule that refused it")
    missing: tuple[str, ...] = ()


class BatchReceived(Event):
    """An embassy desk's batch was taken in; each of its events was answered by itself."""

    wire: ClassVar[str] = "org.opennrm.repatriation.batch_received.v1"
    organisation: Slug
    batch: str = Field(description="The Idempotency-Key that it came under")
    accepted: int
    duplicate: int
    waiting: int
    refused: int


RepatriationEvent: TypeAlias = (
    Started
    | Notified
    | NationalityVerified
    | FamilyTraced
    | RiskAssessed
    | ConsentGiven
    | TravelDocumentIssued
    | ItineraryAgreed
    | Repatriated
    | HandoverRefused
    | ReceiptAcknowledged
    | ReceivedIntoCare
    | FollowedUp
    | StepRecorded
    | Restarted
    | Acknowledged
    | CorridorClaimed
    | Disclosed
    | HandoverFileIssued
    | HandoverFileWithdrawn
    | InboxEventHeld
    | InboxEventSettled
    | BatchReceived
)
STEP_EVENTS: tuple[type[StepFact], ...] = (
    Notified, NationalityVerified, FamilyTraced, RiskAssessed, ConsentGiven, TravelDocumentIssued, ItineraryAgreed,
    Repatriated, HandoverRefused, ReceiptAcknowledged, ReceivedIntoCare, FollowedUp, StepRecorded,
)  # fmt: skip
EVENTS: tuple[type[Event], ...] = (
    Started, *STEP_EVENTS, Restarted, Acknowledged, CorridorClaimed, Disclosed,
    HandoverFileIssued, HandoverFileWithdrawn, InboxEventHeld, InboxEventSettled, BatchReceived,
)  # fmt: skip
