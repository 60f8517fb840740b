"""What integrating systems send to justice: request bodies, and how they become commands' plain data."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.events.catalogue.justice import (
    Accused,
    AppealResult,
    ArticleNumber,
    Code,
    InvestigationStage,
    Kind,
    StatuteId,
)
from libs.events.catalogue.vocabulary import Country, Province, Sex, Verdict
from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.rules.statutes import Statutes
from libs.runtime.requests import Body, FactBody, Moment
from services.justice import commands as ask

CASES_MAX = 100
"""Victims of one court case: each becomes an event of the same append."""
ACCUSED_MAX, CHARGES_MAX = 100, 250
"""Bounded so that an event stays under the envelope's limit."""
KHR_MAX = 10**15
MONTHS_MAX = 1_200

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Riel = Annotated[int, Field(ge=0, le=KHR_MAX)]
CaseRef = Annotated[str, Field(min_length=1, max_length=40)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256, hex")]


class AccusedBody(Body):
    """A person accused, by a reference that only the court can resolve: never a name."""

    ref: Code
    sex: Sex | None = None
    nationality: Country | None = None

    def accused(self) -> Accused:
        """As the event holds it."""
        return Accused(**self.model_dump())


class ReportBody(FactBody):
    """The police took a report about a case."""

    case_id: CaseRef
    reference: Name | None = None
    station: Name | None = None
    province: Province | None = None
    suspects: Annotated[list[AccusedBody], Field(max_length=ACCUSED_MAX)] = []
    note: Text | None = None


class InvestigationBody(FactBody):
    """How far the investigation is."""

    stage: InvestigationStage
    note: Text | None = None


class ChargeBody(Body):
    """What one accused is charged with; `committed_on` where the act was before the day of the charge."""

    accused_ref: Code
    statute: StatuteId
    article: ArticleNumber
    counts: Annotated[int, Field(ge=1, le=10_000)] = 1
    committed_on: date | None = None


class CourtCaseBody(FactBody):
    """A prosecution begins."""

    case_ids: Annotated[list[CaseRef], Field(min_length=1, max_length=CASES_MAX)]
    court: Name
    province: Province | None = None
    accused: Annotated[list[AccusedBody], Field(min_length=1, max_length=ACCUSED_MAX)]
    charges: Annotated[list[ChargeBody], Field(min_length=1, max_length=CHARGES_MAX)]


class CourtCaseChange(FactBody):
    """A body that changes a court case; `command_of` says by which command."""


class Article(Body):
    """An article of a statute."""

    statute: StatuteId
    article: ArticleNumber


class ChargesBody(CourtCaseChange):
    """Charges are added, withdrawn, or one is replaced; one may stand in the body itself. Records `charges_amended`."""

    action: Literal["add", "withdraw", "replace"] = "add"
    accused: Annotated[list[AccusedBody], Field(max_length=ACCUSED_MAX)] = []
    charges: Annotated[list[ChargeBody], Field(max_length=CHARGES_MAX)] = []
    accused_ref: Code | None = None
    statute: StatuteId | None = None
    article: ArticleNumber | None = None
    counts: Annotated[int, Field(ge=1, le=10_000)] = 1
    committed_on: date | None = None
    replaces: Article | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        flat = self.accused_ref is not None and self.statute is not None and self.article is not None
        if flat == bool(self.charges):
            raise ValueError("send either charges, or accused_ref, statute and article")
        if (self.action == "replace") != (self.replaces is not None):
            raise ValueError("replaces goes with the action replace")
        if self.action == "replace" and not flat:
            raise ValueError("one charge is replaced at a time")
        return self

    def named(self) -> tuple[ask.NewCharge, ...]:
        """The charges that the body names."""
        if self.accused_ref is not None and self.statute is not None and self.article is not None:
            return (ask.NewCharge(self.accused_ref, self.statute, self.article, self.counts, self.committed_on),)
        return new_charges(self.charges)


class TransferBody(Body):
    """Evidence passed from one holder to another."""

    from_: Annotated[Code, Field(alias="from")]
    to: Code
    at: Moment
    sha256: Hash | None = None


class EvidenceBody(CourtCaseChange):
    """Evidence: its kind, the hash of its file, who took it; never its content. Records `evidence_registered`.

    A broken chain of custody is recorded and shown as broken.
    """

    kind: Kind
    sha256: Hash
    taken_by: Code
    transfers: Annotated[list[TransferBody], Field(max_length=100)] = []


class CustodyBody(FactBody):
    """Evidence passed on at `occurred_at`."""

    from_: Annotated[Code, Field(alias="from")]
    to: Code
    sha256: Hash | None = None


class HearingBody(CourtCaseChange):
    """The court sat. Records `hearing_held`."""

    kind: Kind = "hearing"
    next_on: date | None = None
    note: Text | None = None


class Sentence(Body):
    """Prison, a fine, or both (Penal Code art. 97)."""

    prison_months: Annotated[int, Field(ge=0, le=MONTHS_MAX)] | None = None
    fine_khr: Riel | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.prison_months is None and self.fine_khr is None:
            raise ValueError("a sentence states prison_months, fine_khr, or both")
        return self


class VerdictBody(CourtCaseChange):
    """The court decides one charge against one accused. Records `verdict_given`; another one needs an appeal."""

    accused_ref: Code
    statute: StatuteId
    article: ArticleNumber
    result: Verdict
    sentence: Sentence | None = None
    compensation_khr: Riel | None = None


class AppealBody(CourtCaseChange):
    """A verdict is contested (no `result`), or the appeal is decided.

    Records `appeal_lodged`, `appeal_decided`, and `verdict_given` where the verdict is replaced: `replaced` goes with
    `new_result`; a verdict's result (`acquitted` …) in its place says both at once.
    """

    accused_ref: Code
    statute: StatuteId | None = None
    article: ArticleNumber | None = None
    by: Code | None = None
    reason: Text | None = None
    result: AppealResult | Verdict | None = None
    new_result: Verdict | None = None
    sentence: Sentence | None = None
    compensation_khr: Riel | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.result == "replaced") != (self.new_result is not None):
            raise ValueError("new_result goes with the result replaced")
        if self.verdict is None and (self.sentence or self.compensation_khr):
            raise ValueError("a sentence or compensation goes with a new result")
        return self

    @property
    def verdict(self) -> Verdict | None:
        """The result that takes the place of the one before."""
        match self.result:
            case "convicted" | "acquitted" | "dismissed" as result:
                return result
            case _:
                return self.new_result

    @property
    def decision(self) -> AppealResult | None:
        """What became of the appeal."""
        match self.result:
            case "confirmed" | "withdrawn" | None as result:
                return result
            case _:
                return "replaced"


class PaymentBody(CourtCaseChange):
    """Compensation was paid, up to what the standing verdict orders. Records `compensation_paid`."""

    accused_ref: Code
    amount_khr: Annotated[int, Field(ge=1, le=KHR_MAX)]
    statute: StatuteId | None = None
    article: ArticleNumber | None = None


def command_of(body: CourtCaseChange, new_id: str, on: date, law: Statutes) -> ask.CourtCaseCommand:
    """The command in a body; `new_id` names what it makes, `on` is the day on which it happened in Cambodia."""
    match body:
        case ChargesBody():
            return _amendment(body, on, law)
        case EvidenceBody():
            transfers = tuple(transfer_of(one, one.at) for one in body.transfers)
            return ask.RegisterEvidence(new_id, body.kind, body.sha256.lower(), body.taken_by, transfers)
        case HearingBody():
            following = body.next_on.isoformat() if body.next_on else None
            return ask.HoldHearing(body.kind, following, sealed(note=body.note))
        case VerdictBody():
            key = (body.accused_ref, body.statute, body.article)
            return ask.GiveVerdict(key, _judgement(body.result, body), on, law)
        case AppealBody():
            judgement = _judgement(body.verdict, body) if body.verdict else None
            about = (body.accused_ref, body.statute, body.article)
            return ask.Appeal(*about, body.by, body.decision, judgement, on, law, sealed(reason=body.reason))
        case PaymentBody():
            return ask.PayCompensation(body.accused_ref, body.statute, body.article, body.amount_khr)
        case _:
            raise AssertionError(f"no command for {type(body).__name__}")


def _amendment(body: ChargesBody, on: date, law: Statutes) -> ask.AmendCharges:
    named = body.named()
    withdrawn = tuple(one.key for one in named) if body.action == "withdraw" else ()
    if body.replaces:
        withdrawn = ((named[0].accused_ref, body.replaces.statute, body.replaces.article),)
    charges = () if body.action == "withdraw" else named
    accused = tuple(one.accused() for one in body.accused)
    return ask.AmendCharges(accused, charges, withdrawn, on, law, sealed(reason=body.reason))


def new_charges(charges: list[ChargeBody]) -> tuple[ask.NewCharge, ...]:
    """The charges of a list, each with where it stands in the body."""
    return tuple(ask.NewCharge(**one.model_dump(), pointer=f"/charges/{index}") for index, one in enumerate(charges))


def _judgement(result: Verdict, body: VerdictBody | AppealBody) -> ask.Judgement:
    sentence = body.sentence or Sentence.model_construct()
    return ask.Judgement(result, sentence.prison_months, sentence.fine_khr, body.compensation_khr or 0)


def transfer_of(body: TransferBody | CustodyBody, at: datetime) -> ask.Transfer:
    """One link of the chain of custody."""
    return ask.Transfer(body.from_, body.to, rfc3339(at), body.sha256.lower() if body.sha256 else None)


def sealed(**fields: JSON) -> Mapping[str, JSON]:
    """The personal fields that are there."""
    return {name: value for name, value in fields.items() if value is not None}
