"""What a report and a court case are, from their events. `evolve…` is total and never refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, assert_never

from libs.events.catalogue.justice import (
    Accused,
    AppealDecided,
    AppealLodged,
    Charge,
    ChargesAmended,
    CompensationPaid,
    CourtCaseEvent,
    CustodyBreak,
    CustodyTransferred,
    EvidenceRegistered,
    HearingHeld,
    InvestigationRecorded,
    InvestigationStage,
    OfCharge,
    Prosecuted,
    ReportEvent,
    ReportFiled,
    VerdictGiven,
)
from services.justice.commands import ChargeKey, Transfer


@dataclass(frozen=True, slots=True)
class Unopened:
    """Nothing is there yet."""


@dataclass(frozen=True, slots=True)
class Report:
    """A police report and how far its investigation is."""

    filed: ReportFiled
    stage: InvestigationStage | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One charge: every verdict on it (the last one stands), whether it is contested, and what was paid."""

    charge: Charge
    verdicts: tuple[VerdictGiven, ...] = ()
    contested: bool = False
    appeals: int = 0
    withdrawn: bool = False
    paid_khr: int = 0

    @property
    def verdict(self) -> VerdictGiven | None:
        """The verdict that stands."""
        return self.verdicts[-1] if self.verdicts else None

    @property
    def ordered_khr(self) -> int:
        """The compensation that the standing verdict orders."""
        return self.verdict.compensation_khr if self.verdict else 0

    @property
    def unpaid_khr(self) -> int:
        """The compensation that is ordered and not paid."""
        return max(0, self.ordered_khr - self.paid_khr)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence and its chain of custody."""

    registered: EvidenceRegistered
    transfers: tuple[CustodyTransferred, ...] = ()

    @property
    def holder(self) -> str:
        """Who has it, as far as the chain says."""
        return self.transfers[-1].to_holder if self.transfers else self.registered.taken_by

    @property
    def broken(self) -> bool:
        """Whether any link of the chain does not fit the one before it."""
        return any(transfer.breaks for transfer in self.transfers)

    def breaks_of(self, transfer: Transfer) -> tuple[CustodyBreak, ...]:
        """What about a further transfer does not fit the chain so far."""
        found: dict[CustodyBreak, bool] = {
            "not_the_holder": transfer.from_holder != self.holder,
            "hash_differs": transfer.sha256 not in {None, self.registered.sha256},
            "before_previous": bool(self.transfers) and transfer.moved_at < self.transfers[-1].moved_at,
        }
        return tuple(name for name, so in found.items() if so)


@dataclass(frozen=True, slots=True)
class CourtCase:
    """A court case as it stands."""

    court_case_id: str
    case_ids: tuple[str, ...]
    court: str
    province: str | None
    accused: Mapping[str, Accused]
    charges: Mapping[ChargeKey, Standing]
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    hearings: tuple[HearingHeld, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What every event of the court case states."""
        return {name: getattr(self, name) for name in ("court_case_id", "case_ids", "court", "province")}

    def facts_of(self, key: ChargeKey) -> dict[str, Any]:
        """What every event about one of its charges states."""
        return {**self.facts(), "accused_ref": key[0], "statute": key[1], "article": key[2]}

    def decided(self, ref: str, statute: str | None = None, article: str | None = None) -> list[ChargeKey]:
        """The charges against an accused on which a verdict stands: all, or those under a statute or an article."""
        return [
            key
            for key, standing in self.charges.items()
            if key[0] == ref and statute in {None, key[1]} and article in {None, key[2]} and standing.verdicts
        ]


ReportState: TypeAlias = Unopened | Report
CourtCaseState: TypeAlias = Unopened | CourtCase


def key_of(charge: Charge | OfCharge) -> ChargeKey:
    """A charge within its court case."""
    return charge.accused_ref, charge.statute, charge.article


def evolve_report(state: ReportState, event: ReportEvent) -> ReportState:
    """The report after an event."""
    match event:
        case ReportFiled():
            return Report(event)
        case InvestigationRecorded():
            assert isinstance(state, Report), "a report is filed first"  # the store cannot hold less
            return replace(state, stage=event.stage)
        case _:
            assert_never(event)


def evolve_court_case(state: CourtCaseState, event: CourtCaseEvent) -> CourtCaseState:
    """The court case after an event."""
    if isinstance(event, Prosecuted):
        return _prosecuted(state, event)
    assert isinstance(state, CourtCase), "a court case begins with prosecuted"  # as above
    match event:
        case ChargesAmended():
            return _amended(state, event)
        case EvidenceRegistered():
            return replace(state, evidence={**state.evidence, event.evidence_id: Evidence(event)})
        case CustodyTransferred():
            found = state.evidence[event.evidence_id]
            moved = replace(found, transfers=(*found.transfers, event))
            return replace(state, evidence={**state.evidence, event.evidence_id: moved})
        case HearingHeld():
            return replace(state, hearings=(*state.hearings, event))
        case VerdictGiven() | AppealLodged() | AppealDecided() | CompensationPaid():
            key = key_of(event)
            return replace(state, charges={**state.charges, key: _charge_after(state.charges[key], event)})
        case _:
            assert_never(event)


def _prosecuted(state: CourtCaseState, event: Prosecuted) -> CourtCase:
    """The first event opens the court case, each further one adds a victim to it."""
    if isinstance(state, CourtCase):
        return replace(state, case_ids=(*state.case_ids, event.case_id))
    return CourtCase(
        court_case_id=event.court_case_id,
        case_ids=(event.case_id,),
        court=event.court,
        province=event.province,
        accused={person.ref: person for person in event.accused},
        charges={key_of(charge): Standing(charge) for charge in event.charges},
    )


def _amended(state: CourtCase, event: ChargesAmended) -> CourtCase:
    charges = dict(state.charges)
    for charge in event.withdrawn:
        charges[key_of(charge)] = replace(charges[key_of(charge)], withdrawn=True)
    for charge in event.added:
        charges[key_of(charge)] = Standing(charge)
    accused = {**state.accused, **{person.ref: person for person in event.accused}}
    return replace(state, accused=accused, charges=charges)


def _charge_after(
    standing: Standing, event: VerdictGiven | AppealLodged | AppealDecided | CompensationPaid
) -> Standing:
    match event:
        case VerdictGiven():
            return replace(standing, verdicts=(*standing.verdicts, event), contested=False)
        case AppealLodged():
            return replace(standing, contested=True, appeals=standing.appeals + 1)
        case AppealDecided():
            return replace(standing, contested=False)
        case CompensationPaid():
            return replace(standing, paid_khr=standing.paid_khr + event.amount_khr)
