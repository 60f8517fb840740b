"""What can be asked of a report and of a court case. Imperative, plain data; personal fields stand apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from libs.events.catalogue.justice import (
    Accused,
    AppealResult,
    InvestigationStage,
    ReportFiled,
)
from libs.events.catalogue.vocabulary import Verdict
from libs.events.event import JSON
from libs.rules.statutes import Statutes

Personal: TypeAlias = Mapping[str, JSON]
ChargeKey: TypeAlias = tuple[str, str, str]
"""Accused, statute, article: a charge within its court case."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """Take a report about a case."""

    filed: ReportFiled


@dataclass(frozen=True, slots=True)
class RecordInvestigation:
    """Say how far the investigation of a report is."""

    stage: InvestigationStage
    personal: Personal


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge as it is brought, and where in the request; without `committed_on` the act is of the same day."""

    accused_ref: str
    statute: str
    article: str
    counts: int = 1
    committed_on: date | None = None
    pointer: str = ""

    @property
    def key(self) -> ChargeKey:
        """The charge within its court case."""
        return self.accused_ref, self.statute, self.article


@dataclass(frozen=True, slots=True)
class Prosecute:
    """Open a court case. `law` is the statute table under which the charges are checked."""

    court_case_id: str
    case_ids: tuple[str, ...]
    court: str
    province: str | None
    accused: tuple[Accused, ...]
    charges: tuple[NewCharge, ...]
    on: date
    law: Statutes


@dataclass(frozen=True, slots=True)
class AmendCharges:
    """Add and withdraw charges; a replacement is both at once."""

    accused: tuple[Accused, ...]
    charges: tuple[NewCharge, ...]
    withdrawn: tuple[ChargeKey, ...]
    on: date
    law: Statutes
    personal: Personal


@dataclass(frozen=True, slots=True)
class Transfer:
    """One passing on of evidence, as the chain of custody states it."""

    from_holder: str
    to_holder: str
    moved_at: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class RegisterEvidence:
    """Enter a piece of evidence, with the transfers that are already behind it."""

    evidence_id: str
    kind: str
    sha256: str
    taken_by: str
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class TransferCustody:
    """Pass evidence on."""

    evidence_id: str
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class HoldHearing:
    """Record that the court sat."""

    kind: str
    next_on: str | None
    personal: Personal


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a court decided on one charge."""

    result: Verdict
    prison_months: int | None = None
    fine_khr: int | None = None
    compensation_khr: int = 0


@dataclass(frozen=True, slots=True)
class GiveVerdict:
    """Decide one charge against one accused."""

    charge: ChargeKey
    judgement: Judgement
    on: date
    law: Statutes


@dataclass(frozen=True, slots=True)
class Appeal:
    """Contest a verdict, decide about one that is contested, or both at once.

    Without statute and article it concerns every verdict against the accused that is open to it.
    """

    accused_ref: str
    statute: str | None
    article: str | None
    lodged_by: str | None
    result: AppealResult | None
    judgement: Judgement | None
    on: date
    law: Statutes
    personal: Personal


@dataclass(frozen=True, slots=True)
class PayCompensation:
    """Record that compensation was paid. Without statute and article: under the one verdict that orders any."""

    accused_ref: str
    statute: str | None
    article: str | None
    amount_khr: int


ReportCommand: TypeAlias = FileReport | RecordInvestigation
CourtCaseCommand: TypeAlias = (
    Prosecute | AmendCharges | RegisterEvidence | TransferCustody | HoldHearing | GiveVerdict | Appeal | PayCompensation
)
