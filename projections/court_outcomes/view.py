"""What the court-outcome view keeps of each event. Pure; every row says when it happened."""

from collections.abc import Sequence
from typing import TypeAlias

from libs.events.catalogue.identification import Determined, Identified, Linked, Unlinked
from libs.events.catalogue.justice import (
    Accused,
    Charge,
    ChargesAmended,
    CompensationPaid,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    Prosecuted,
    ReportFiled,
    VerdictGiven,
    VictimCharged,
)
from libs.events.consume import Change, Fact, Put
from libs.events.event import Event

NAME = "court_outcomes"

OfVictim: TypeAlias = VictimCharged | NonProsecutionAlertRaised | NonProsecutionAlertResolved
OfCase: TypeAlias = Identified | Determined | Linked | Unlinked

_EVENTS: tuple[type[Event], ...] = (
    Identified,
    Determined,
    Linked,
    Unlinked,
    ReportFiled,
    Prosecuted,
    ChargesAmended,
    VerdictGiven,
    CompensationPaid,
    VictimCharged,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
)
WANTS = frozenset(event.wire for event in _EVENTS)


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    at, version = fact.envelope.occurredat, fact.envelope.streamversion
    match fact.event:
        case Identified() | Determined() | Linked() | Unlinked() as event:
            return (_case(event, version, at),)
        case ReportFiled() as event:
            return (Put("report", {"report_id": event.report_id}, {"case_id": event.case_id, "occurred_at": at}),)
        case Prosecuted() as event:
            key = {"court_case_id": event.court_case_id, "case_id": event.case_id}
            named = Put("prosecuted_case", key, {"occurred_at": at})
            return (named, *_brought(event, event.charges, at))
        case ChargesAmended() as event:
            gone = [_charge(event.court_case_id, charge, withdrawn_at=at) for charge in event.withdrawn]
            return (*gone, *_brought(event, event.added, at))
        case VerdictGiven() | CompensationPaid() as event:
            return (_decided(event, version, at),)
        case VictimCharged() | NonProsecutionAlertRaised() | NonProsecutionAlertResolved() as event:
            return (_victim(event, at),)
        case _:
            return ()


def _case(event: OfCase, version: int, at: str) -> Change:
    match event:
        case Identified():
            return Put("source", {"case_id": event.case_id}, {"reported_by": event.reported_by})
        case Determined():
            key = {"case_id": event.case_id, "version": version}
            return Put("determination", key, {"outcome": event.outcome, "occurred_at": at})
        case Linked() | Unlinked():
            pair = {"case_id": event.case_id, "other_case_id": event.other_case_id, "version": version}
            return Put("link", pair, {"linked": isinstance(event, Linked), "occurred_at": at})


def _brought(event: Prosecuted | ChargesAmended, charges: Sequence[Charge], at: str) -> Sequence[Change]:
    """The accused and the charges against them; the same rows from each `prosecuted` of one court case."""
    return (
        *(_accused(event, person, at) for person in event.accused),
        *(_charge(event.court_case_id, charge, at) for charge in charges),
    )


def _accused(event: Prosecuted | ChargesAmended, person: Accused, at: str) -> Change:
    values = {
        "sex": person.sex,
        "nationality": person.nationality,
        "court": event.court,
        "province": event.province,
        "began_at": at,
    }
    return Put("accused", {"court_case_id": event.court_case_id, "ref": person.ref}, values)


def _charge(court_case_id: str, charge: Charge, charged_at: str | None = None, withdrawn_at: str | None = None) -> Put:
    key = {
        "court_case_id": court_case_id,
        "ref": charge.accused_ref,
        "statute": charge.statute,
        "article": charge.article,
    }
    if withdrawn_at:
        return Put("charge", key, {"withdrawn_at": withdrawn_at})
    return Put("charge", key, {"counts": charge.counts, "charged_at": charged_at, "withdrawn_at": None})


def _decided(event: VerdictGiven | CompensationPaid, version: int, at: str) -> Change:
    key = {"court_case_id": event.court_case_id, "version": version}
    about = {"ref": event.accused_ref, "statute": event.statute, "article": event.article, "occurred_at": at}
    if isinstance(event, CompensationPaid):
        return Put("payment", key, {**about, "amount_khr": event.amount_khr})
    decided = {
        "result": event.result,
        "prison_months": event.prison_months,
        "fine_khr": event.fine_khr,
        "compensation_khr": event.compensation_khr,
    }
    return Put("verdict", key, {**about, **decided})


def _victim(event: OfVictim, at: str) -> Change:
    key = {"victim_charge_id": event.victim_charge_id}
    match event:
        case VictimCharged():
            about = event.model_dump(mode="json", include={"case_id", "court", "province", "statute", "article"})
            return Put("victim_charge", key, {**about, "charged_at": at})
        case NonProsecutionAlertRaised():
            return Put("victim_charge", key, {"raised_at": at})
        case NonProsecutionAlertResolved():
            return Put("victim_charge", key, {"resolved_at": at})
