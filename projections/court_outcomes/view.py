"""What the court-outcome view keeps of each event. Pure; every row says when it happened and when it was recorded."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from libs.events.catalogue.identification import Determined, Identified, Linked, Unlinked
from libs.events.catalogue.imports import SourceRecorded
from libs.events.catalogue.justice import (
    Accused,
    Charge,
    ChargesAmended,
    CompensationPaid,
    NonProsecutionAlertAssigned,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    Prosecuted,
    ReportFiled,
    VerdictGiven,
    VictimCharged,
)
from libs.events.consume import Change, Fact, Put
from libs.events.event import JSON, Event

NAME = "court_outcomes"

Alert: TypeAlias = NonProsecutionAlertRaised | NonProsecutionAlertAssigned | NonProsecutionAlertResolved
OfCase: TypeAlias = Identified | SourceRecorded | Determined | Linked | Unlinked
Clocks: TypeAlias = Mapping[str, JSON]
"""When it happened and when it was recorded, as every row has it."""

OURS = "nrm"
"""The register itself, among the systems that know a person: the case was opened here and not brought in."""

_EVENTS: tuple[type[Event], ...] = (
    Identified,
    SourceRecorded,
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
    NonProsecutionAlertAssigned,
    NonProsecutionAlertResolved,
)
WANTS = frozenset(event.wire for event in _EVENTS)


def apply(fact: Fact) -> Sequence[Change]:
    """The rows that an event adds."""
    version = fact.envelope.streamversion
    clocks = {"occurred_at": fact.envelope.occurredat, "recorded_at": fact.envelope.time}
    match fact.event:
        case Identified() | SourceRecorded() | Determined() | Linked() | Unlinked() as event:
            return tuple(_case(event, version, clocks))
        case ReportFiled() as event:
            return (Put("report", {"report_id": event.report_id}, {"case_id": event.case_id, **clocks}),)
        case Prosecuted() as event:
            key = {"court_case_id": event.court_case_id, "case_id": event.case_id}
            # The first event opens the court case; each further one names one more victim of the same charges.
            opened = _brought(event, event.charges, version, clocks) if version == 1 else ()
            return (Put("prosecuted_case", key, clocks), *opened)
        case ChargesAmended() as event:
            gone = (_charge(event, charge, version, {"brought": False, **clocks}) for charge in event.withdrawn)
            return (*gone, *_brought(event, event.added, version, clocks))
        case VerdictGiven() | CompensationPaid() as event:
            return (_decided(event, version, clocks),)
        case VictimCharged() as event:
            about = event.model_dump(mode="json", include={"case_id", "court", "province", "statute", "article"})
            return (Put("victim_charge", {"victim_charge_id": event.victim_charge_id}, {**about, **clocks}),)
        case NonProsecutionAlertRaised() | NonProsecutionAlertAssigned() | NonProsecutionAlertResolved() as event:
            moved = {"victim_charge_id": event.victim_charge_id, "version": version}
            return (Put("alert", moved, {"stage": _stage(event), **clocks}),)
        case _:
            return ()


def _case(event: OfCase, version: int, clocks: Clocks) -> Iterator[Change]:
    key: dict[str, JSON] = {"case_id": event.case_id, "version": version}
    match event:
        case Identified():
            yield Put("source", {"case_id": event.case_id}, {"reported_by": event.reported_by})
            if event.channel != "import":
                yield Put("known_to", {**key, "system": OURS}, clocks)
        case SourceRecorded():
            yield Put("known_to", {**key, "system": event.system}, clocks)
        case Determined():
            yield Put("determination", key, {"outcome": event.outcome, **clocks})
        case Linked() | Unlinked():
            pair = {**key, "other_case_id": event.other_case_id}
            yield Put("link", pair, {"linked": isinstance(event, Linked), **clocks})


def _stage(event: Alert) -> str:
    match event:
        case NonProsecutionAlertRaised():
            return "raised"
        case NonProsecutionAlertAssigned():
            return "assigned"
        case NonProsecutionAlertResolved():
            return "resolved"


def _brought(
    event: Prosecuted | ChargesAmended, charges: Sequence[Charge], version: int, clocks: Clocks
) -> Iterator[Change]:
    """The accused, and the charges brought against them."""
    yield from (_accused(event, person, clocks) for person in event.accused)
    for charge in charges:
        yield _charge(event, charge, version, {"counts": charge.counts, "brought": True, **clocks})


def _accused(event: Prosecuted | ChargesAmended, person: Accused, clocks: Clocks) -> Change:
    values = {"sex": person.sex, "nationality": person.nationality, "court": event.court, "province": event.province}
    return Put("accused", {"court_case_id": event.court_case_id, "ref": person.ref}, {**values, **clocks})


def _charge(event: Prosecuted | ChargesAmended, charge: Charge, version: int, values: Mapping[str, JSON]) -> Put:
    key = {
        "court_case_id": event.court_case_id,
        "version": version,
        "ref": charge.accused_ref,
        "statute": charge.statute,
        "article": charge.article,
    }
    return Put("charge", key, values)


def _decided(event: VerdictGiven | CompensationPaid, version: int, clocks: Clocks) -> Change:
    key = {"court_case_id": event.court_case_id, "version": version}
    about = {"ref": event.accused_ref, "statute": event.statute, "article": event.article, **clocks}
    if isinstance(event, CompensationPaid):
        return Put("payment", key, {**about, "amount_khr": event.amount_khr})
    decided = event.model_dump(mode="json", include={"result", "prison_months", "fine_khr", "compensation_khr"})
    return Put("verdict", key, {**about, **decided})
