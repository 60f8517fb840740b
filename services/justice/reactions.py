"""What justice remembers of events: who its cases' persons are held for, and the rows behind its own lists.

It hears identification and itself alone: nothing about shelters, placements or referrals ever reaches it.
"""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from libs.events.catalogue.identification import Corrected, Determined, Identified, Screened
from libs.events.catalogue.justice import (
    AppealDecided,
    AppealLodged,
    Charge,
    ChargesAmended,
    CompensationPaid,
    CustodyTransferred,
    EvidenceRegistered,
    HearingHeld,
    InvestigationRecorded,
    JusticeEvent,
    NonProsecutionAlertAssigned,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    OfCharge,
    Prosecuted,
    ReportFiled,
    VerdictGiven,
    VictimCharged,
)
from libs.events.consume import Add, Change, Fact, Projection, Put
from libs.events.event import JSON

TABLES = """
CREATE TABLE known_case (
    case_id text PRIMARY KEY, province text, exploitation text[], screening text, screened_purpose text[],
    outcome text, determined_purpose text[]
);
CREATE TABLE known_report (
    report_id text PRIMARY KEY, case_id text, filed_by text, station text, province text, occurred_at timestamptz,
    stage text, moved_at timestamptz
);
CREATE INDEX ON known_report (case_id);
CREATE TABLE known_court_case (court_case_id text PRIMARY KEY, court text, province text, began_at timestamptz);
CREATE TABLE known_prosecution (court_case_id text, case_id text, PRIMARY KEY (court_case_id, case_id));
CREATE INDEX ON known_prosecution (case_id);
CREATE TABLE known_movement (
    court_case_id text, version int, occurred_at timestamptz, PRIMARY KEY (court_case_id, version)
);
CREATE TABLE known_charge (
    court_case_id text, accused_ref text, statute text, article text, kind text, committed_on date, withdrawn boolean,
    result text, sentenced boolean, compensation_khr bigint, contested boolean, paid_khr bigint,
    PRIMARY KEY (court_case_id, accused_ref, statute, article)
);
CREATE TABLE known_broken_chain (court_case_id text, evidence_id text, PRIMARY KEY (court_case_id, evidence_id));
CREATE TABLE known_victim_charge (
    victim_charge_id text PRIMARY KEY, case_id text, court text, province text, statute text, article text,
    occurred_at timestamptz, basis text, assignee text, resolution text
);
CREATE INDEX ON known_victim_charge (case_id);
"""

Heard: TypeAlias = Identified | Corrected | Screened | Determined


def remember(fact: Fact) -> Sequence[Change]:
    """The rows that an event changes."""
    match fact.event:
        case Identified() | Corrected() | Screened() | Determined() as event:
            return _case(event)
        case ReportFiled() | InvestigationRecorded() as event:
            return _report(event, fact.envelope.occurredat)
        case (
            VictimCharged()
            | NonProsecutionAlertRaised()
            | NonProsecutionAlertAssigned()
            | NonProsecutionAlertResolved() as event
        ):
            return _victim_charge(event, fact.envelope.occurredat)
        case (
            Prosecuted()
            | ChargesAmended()
            | EvidenceRegistered()
            | CustodyTransferred()
            | HearingHeld()
            | VerdictGiven()
            | AppealLodged()
            | AppealDecided()
            | CompensationPaid() as event
        ):
            moved = {"court_case_id": event.court_case_id, "version": fact.envelope.streamversion}
            movement = Put("known_movement", moved, {"occurred_at": fact.envelope.occurredat})
            return (movement, *_court_case(event, fact.envelope.occurredat))
        case _:
            return ()


def _case(event: Heard) -> Sequence[Change]:
    match event:
        case Identified() | Corrected():
            values = event.model_dump(mode="json", include={"province", "exploitation"}, exclude_none=True)
        case Screened():
            values = {"screening": event.initial_determination, "screened_purpose": list(event.purpose)}
        case Determined():
            values = {"outcome": event.outcome, "determined_purpose": list(event.purpose)}
    return (Put("known_case", {"case_id": event.case_id}, values),)


def _report(event: ReportFiled | InvestigationRecorded, occurred_at: str) -> Sequence[Change]:
    values: dict[str, JSON] = {"case_id": event.case_id}
    if isinstance(event, ReportFiled):
        values |= {"filed_by": event.filed_by, "station": event.station, "province": event.province}
        values |= {"occurred_at": occurred_at}
    else:
        values |= {"stage": event.stage}
    values |= {"moved_at": occurred_at}
    return (Put("known_report", {"report_id": event.report_id}, values),)


def _court_case(event: JusticeEvent, occurred_at: str) -> Sequence[Change]:
    match event:
        case Prosecuted():
            key = {"court_case_id": event.court_case_id}
            opened = {"court": event.court, "province": event.province, "began_at": occurred_at}
            return (
                Put("known_court_case", key, opened),
                Put("known_prosecution", {**key, "case_id": event.case_id}),
                *(_put(event.court_case_id, charge, _of_charge(charge)) for charge in event.charges),
            )
        case ChargesAmended():
            fresh = {"withdrawn": False, "result": None, "contested": False}
            gone = [_put(event.court_case_id, charge, {"withdrawn": True}) for charge in event.withdrawn]
            new = [_put(event.court_case_id, charge, {**_of_charge(charge), **fresh}) for charge in event.added]
            return (*gone, *new)
        case VerdictGiven():
            given = {"result": event.result, "compensation_khr": event.compensation_khr, "contested": False}
            sentenced = event.prison_months is not None or event.fine_khr is not None
            return (_put(event.court_case_id, event, {**given, "sentenced": sentenced}),)
        case CustodyTransferred() if event.breaks:
            broken = {"court_case_id": event.court_case_id, "evidence_id": event.evidence_id}
            return (Put("known_broken_chain", broken),)
        case AppealLodged() | AppealDecided():
            return (_put(event.court_case_id, event, {"contested": isinstance(event, AppealLodged)}),)
        case CompensationPaid():
            return (Add("known_charge", _key(event.court_case_id, event), {"paid_khr": event.amount_khr}),)
        case _:
            return ()


def _victim_charge(
    event: VictimCharged | NonProsecutionAlertRaised | NonProsecutionAlertAssigned | NonProsecutionAlertResolved,
    occurred_at: str,
) -> Sequence[Change]:
    values: dict[str, JSON]
    match event:
        case VictimCharged():
            values = event.model_dump(mode="json", include={"case_id", "court", "province", "statute", "article"})
            values |= {"occurred_at": occurred_at}
        case NonProsecutionAlertRaised():
            values = {"basis": event.basis}
        case NonProsecutionAlertAssigned():
            values = {"assignee": event.assignee}
        case NonProsecutionAlertResolved():
            values = {"resolution": event.resolution}
        case _:
            assert_never(event)
    return (Put("known_victim_charge", {"victim_charge_id": event.victim_charge_id}, values),)


def _key(court_case_id: str, charge: Charge | OfCharge) -> dict[str, str]:
    return {
        "court_case_id": court_case_id,
        "accused_ref": charge.accused_ref,
        "statute": charge.statute,
        "article": charge.article,
    }


def _of_charge(charge: Charge) -> dict[str, JSON]:
    return {"kind": charge.kind, "committed_on": charge.committed_on}


def _put(court_case_id: str, charge: Charge | OfCharge, values: dict[str, JSON]) -> Put:
    return Put("known_charge", _key(court_case_id, charge), values)


KNOWN = Projection(
    "justice_known",
    remember,
    TABLES,
    frozenset(
        event.wire
        for event in (
            Identified, Corrected, Screened, Determined, ReportFiled, InvestigationRecorded, Prosecuted,
            ChargesAmended, EvidenceRegistered, CustodyTransferred, HearingHeld, VerdictGiven, AppealLodged,
            AppealDecided, CompensationPaid, VictimCharged, NonProsecutionAlertRaised, NonProsecutionAlertAssigned,
            NonProsecutionAlertResolved,
        )
    ),
)  # fmt: skip
