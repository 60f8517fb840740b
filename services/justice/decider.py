"""What justice allows. Every rule is here or in the statute table, and nowhere else."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import assert_never

from libs.events.catalogue import justice as fact
from libs.events.decider import Decider, Refused
from libs.rules.statutes import Article, Statutes, UnknownArticle
from services.justice import commands as ask
from services.justice.state import (
    CourtCase,
    CourtCaseState,
    Evidence,
    ReportState,
    Standing,
    Unopened,
    evolve_court_case,
    evolve_report,
)

Decided = tuple[fact.CourtCaseEvent, ...]


def decide_report(command: ask.ReportCommand, state: ReportState) -> tuple[fact.ReportEvent, ...]:
    """What follows for a report."""
    if isinstance(command, ask.FileReport):
        return (command.filed,)
    if isinstance(state, Unopened):
        raise Refused("not-found", "there is no such report", status=404)
    filed = state.filed
    return (
        fact.InvestigationRecorded(
            report_id=filed.report_id, case_id=filed.case_id, stage=command.stage, personal=command.personal
        ),
    )


def decide_court_case(command: ask.CourtCaseCommand, state: CourtCaseState) -> Decided:
    """What follows for a court case. Raises Refused."""
    if isinstance(command, ask.Prosecute):
        return _prosecute(command)
    if isinstance(state, Unopened):
        raise Refused("not-found", "there is no such court case", status=404)
    match command:
        case ask.AmendCharges():
            return _amend(command, state)
        case ask.RegisterEvidence():
            return _register(command, state)
        case ask.TransferCustody():
            if command.evidence_id not in state.evidence:
                raise Refused("not-found", "there is no such evidence", status=404)
            return (_transfer(command.evidence_id, command.transfer, state.evidence[command.evidence_id], state),)
        case ask.HoldHearing():
            return (fact.HearingHeld(**state.facts(), **asdict(command)),)
        case ask.GiveVerdict():
            return _verdict(command, state)
        case ask.Appeal():
            return _appeal(command, state)
        case ask.PayCompensation():
            return (_pay(command, state),)
        case _:
            assert_never(command)


UNLISTED = "unlisted"


def article_of(law: Statutes, statute: str, article: str, on: date, pointer: str = "") -> Article:
    """The article in force on the day of the act (no crime without law, Penal Code art. 3). Raises 422."""
    try:
        return law.article(statute, article, on)
    except UnknownArticle as unknown:
        at = "/article" if any(one.id == statute for one in law.statutes) else "/statute"
        raise Refused("unknown-article", str(unknown), status=422, pointer=pointer + at) from None


def kind_of_offence(law: Statutes, statute: str, article: str, on: date) -> str:
    """The kind of offence; `unlisted` where the table lacks the article: no alert may wait for the table."""
    try:
        return law.article(statute, article, on).kind
    except UnknownArticle:
        return UNLISTED


def _prosecute(command: ask.Prosecute) -> tuple[fact.Prosecuted, ...]:
    refs = _distinct_refs(command.accused, ())
    charges = _charges(command, refs, ())
    return tuple(
        fact.Prosecuted(
            court_case_id=command.court_case_id,
            case_id=case_id,
            court=command.court,
            province=command.province,
            accused=command.accused,
            charges=charges,
        )
        for case_id in command.case_ids
    )


def _amend(command: ask.AmendCharges, state: CourtCase) -> Decided:
    refs = _distinct_refs(command.accused, state.accused)
    for key in command.withdrawn:
        if _charged(state, key).verdict:
            raise Refused("already-decided", "a charge that was decided can no longer be withdrawn")
    standing = {key for key, one in state.charges.items() if not one.withdrawn} - set(command.withdrawn)
    added = _charges(command, refs, standing)
    withdrawn = tuple(state.charges[key].charge for key in command.withdrawn)
    return (
        fact.ChargesAmended(
            **state.facts(), accused=command.accused, added=added, withdrawn=withdrawn, personal=command.personal
        ),
    )


def _distinct_refs(new: Sequence[fact.Accused], known: Iterable[str]) -> set[str]:
    refs = set(known)
    for index, person in enumerate(new):
        if person.ref in refs:
            raise Refused("accused-twice", "this accused is there already", status=422, pointer=f"/accused/{index}/ref")
        refs.add(person.ref)
    return refs


def _charges(
    command: ask.Prosecute | ask.AmendCharges, refs: set[str], known: Iterable[ask.ChargeKey]
) -> tuple[fact.Charge, ...]:
    """The charges as they are recorded: each against somebody accused, under the law of the day of the act."""
    seen, charges = set(known), []
    for charge in command.charges:
        at, day = charge.pointer, charge.committed_on or command.on
        if charge.accused_ref not in refs:
            raise Refused("unknown-accused", "nobody is accused by this ref", status=422, pointer=f"{at}/accused_ref")
        if charge.key in seen:
            raise Refused("charged-twice", "charged already: state counts", status=422, pointer=f"{at}/article")
        if day > command.on:
            raise Refused("charged-before-act", "lies after the charge", status=422, pointer=f"{at}/committed_on")
        article = article_of(command.law, charge.statute, charge.article, day, at)
        seen.add(charge.key)
        days = {"committed_on": day.isoformat(), "charged_on": command.on.isoformat()}
        ref, statute, number = charge.key
        recorded = {"accused_ref": ref, "statute": statute, "article": number, "counts": charge.counts, **days}
        charges.append(fact.Charge(**recorded, kind=article.kind))
    return tuple(charges)


def _register(command: ask.RegisterEvidence, state: CourtCase) -> Decided:
    if any(one.registered.sha256 == command.sha256 for one in state.evidence.values()):
        raise Refused("already-registered", "a file with this hash is registered in this court case")
    kept = {name: getattr(command, name) for name in ("evidence_id", "kind", "sha256", "taken_by")}
    registered = fact.EvidenceRegistered(**state.facts(), **kept)
    found, moved = Evidence(registered), []
    for transfer in command.transfers:
        moved.append(_transfer(command.evidence_id, transfer, found, state))
        found = Evidence(registered, tuple(moved))
    return (registered, *moved)


def _transfer(evidence_id: str, transfer: ask.Transfer, found: Evidence, state: CourtCase) -> fact.CustodyTransferred:
    """A broken chain of custody is recorded and shown, not refused: hiding it would hide what happened."""
    return fact.CustodyTransferred(
        **state.facts(),
        evidence_id=evidence_id,
        breaks=found.breaks_of(transfer),
        **asdict(transfer),
    )


def _known(ref: str, state: CourtCase) -> None:
    if ref not in state.accused:
        raise Refused("unknown-accused", "nobody is accused by this ref here", pointer="/accused_ref")


def _charged(state: CourtCase, key: ask.ChargeKey) -> Standing:
    _known(key[0], state)
    standing = state.charges.get(key)
    if standing is None or standing.withdrawn:
        raise Refused("not-charged", f"not charged under {key[1]} article {key[2]}", pointer="/article")
    return standing


def _verdict(command: ask.GiveVerdict, state: CourtCase) -> Decided:
    standing = _charged(state, command.charge)
    if standing.verdict and not standing.contested:
        raise Refused("already-decided", "a verdict stands on this charge: it can change only on appeal")
    given = _given(command.charge, command.judgement, standing, state, command.on, command.law)
    if not standing.contested:
        return (given,)
    return (fact.AppealDecided(**state.facts_of(command.charge), result="replaced"), given)


def _given(
    key: ask.ChargeKey, judgement: ask.Judgement, standing: Standing, state: CourtCase, on: date, law: Statutes
) -> fact.VerdictGiven:
    """The verdict, if the law allows it."""
    charge = standing.charge
    if on.isoformat() < charge.charged_on:
        raise Refused("verdict-before-charge", "lies before the charge", status=422, pointer="/occurred_at")
    sentenced = judgement.prison_months is not None or judgement.fine_khr is not None
    if judgement.result != "convicted":
        for there, at in ((sentenced, "/sentence"), (judgement.compensation_khr, "/compensation_khr")):
            if there:
                raise Refused("without-conviction", "only a conviction carries this", status=422, pointer=at)
    if sentenced:
        article = article_of(law, charge.statute, charge.article, date.fromisoformat(charge.committed_on))
        breach = law.check_sentence(article, judgement.prison_months, judgement.fine_khr, charge.counts)
        if breach:
            unconfirmed = " (a placeholder: to be confirmed in the statute table)" if breach.placeholder else ""
            detail = f"{breach.rule}: {breach.detail}{unconfirmed}"
            raise Refused("sentence-outside-range", detail, pointer="/sentence")
    return fact.VerdictGiven(
        **state.facts_of(key),
        **asdict(judgement),
        on_appeal=standing.contested or bool(standing.verdicts),
    )


def _appeal(command: ask.Appeal, state: CourtCase) -> Decided:
    keys = _concerned(command, state)
    lodged = [
        fact.AppealLodged(**state.facts_of(key), lodged_by=command.lodged_by, personal=command.personal)
        for key in keys
        if not state.charges[key].contested
    ]
    if command.result is None:
        if not lodged:
            raise Refused("already-contested", "an appeal is lodged and not decided yet")
        return tuple(lodged)
    if command.result == "replaced" and len(keys) > 1:
        raise Refused("which-charge", "say which statute and article", status=422, pointer="/article")
    decided = tuple(fact.AppealDecided(**state.facts_of(key), result=command.result) for key in keys)
    if command.judgement is None:
        return (*lodged, *decided)
    given = _given(keys[0], command.judgement, state.charges[keys[0]], state, command.on, command.law)
    return (*lodged, *decided, given)


def _concerned(command: ask.Appeal, state: CourtCase) -> list[ask.ChargeKey]:
    """The charges whose verdict an appeal is about: those named, else those contested, else all that are decided."""
    _known(command.accused_ref, state)
    decided = state.decided(command.accused_ref, command.statute, command.article)
    if not decided:
        raise Refused("nothing-to-appeal", "there is no verdict against which to appeal")
    contested = [key for key in decided if state.charges[key].contested]
    return contested if contested and command.result else decided


def _pay(command: ask.PayCompensation, state: CourtCase) -> fact.CompensationPaid:
    _known(command.accused_ref, state)
    decided = state.decided(command.accused_ref, command.statute, command.article)
    ordered = [key for key in decided if state.charges[key].ordered_khr]
    if not ordered:
        raise Refused("no-compensation-ordered", "no verdict that stands orders compensation")
    if len(ordered) > 1:
        raise Refused("which-charge", "say which statute and article", status=422, pointer="/article")
    unpaid = state.charges[ordered[0]].unpaid_khr
    if command.amount_khr > unpaid:
        raise Refused("more-than-ordered", f"{unpaid} riel are ordered and not paid", pointer="/amount_khr")
    return fact.CompensationPaid(**state.facts_of(ordered[0]), amount_khr=command.amount_khr)


REPORT: Decider[ask.ReportCommand, ReportState, fact.ReportEvent] = Decider(Unopened(), decide_report, evolve_report)
COURT_CASE: Decider[ask.CourtCaseCommand, CourtCaseState, fact.CourtCaseEvent] = Decider(
    Unopened(), decide_court_case, evolve_court_case
)
