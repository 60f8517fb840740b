"""The figures of the court-outcome view once more, event by event in plain Python: what the SQL is held to."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from libs.events.catalogue import identification as of_case
from libs.events.catalogue import justice
from libs.events.catalogue.imports import SourceRecorded
from libs.events.consume import Fact

STAGES = ("determined", "reported", "prosecuted", "convicted")


class One(NamedTuple):
    """One thing that counts: for which court, article and accused, when, and what."""

    court: str | None
    province: str | None
    statute: str | None
    article: str | None
    ref: str | None
    moment: datetime
    what: str
    amount: int = 1
    days: int | None = None
    person: str | None = None


def seen(facts: Sequence[Fact], at: datetime | None, known_at: datetime | None) -> list[Fact]:
    """The facts that had happened by `at` and were recorded by `known_at`."""
    return [
        fact
        for fact in facts
        if (at is None or moment(fact) <= at)
        and (known_at is None or datetime.fromisoformat(fact.envelope.time) <= known_at)
    ]


def moment(fact: Fact) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(fact.envelope.occurredat)


def local(when: datetime) -> date:
    """The day in Cambodia."""
    return (when + timedelta(hours=7)).date()


def figures(facts: Sequence[Fact], by: str, *, by_event: bool, by_article: bool) -> dict[Any, dict[str, Any]]:
    """Group → figures; the whole under None."""
    groups: dict[Any, list[One]] = defaultdict(list)
    for one in [*_court_cases(facts, by_event=by_event, by_article=by_article), *_victims(facts)]:
        groups[_key(one, by)].append(one)
        groups[None].append(one)
    return {key: _figures(ones) for key, ones in groups.items()}


def _key(one: One, by: str) -> Any:
    day = local(one.moment)
    match by:
        case "year":
            return day.year
        case "reporting_year":
            return day.year if day.month >= 4 else day.year - 1
        case "article":
            return one.statute, one.article
        case _:
            return getattr(one, by)


def _court_cases(facts: Sequence[Fact], *, by_event: bool, by_article: bool) -> list[One]:
    found: list[One] = []
    for stream in dict.fromkeys(fact.envelope.stream for fact in facts):
        mine = [fact for fact in facts if fact.envelope.stream == stream]
        if stream.startswith("court-case"):
            found += _court_case(mine, by_event=by_event, by_article=by_article)
    return found


def _court_case(facts: Sequence[Fact], *, by_event: bool, by_article: bool) -> list[One]:
    first = next((fact for fact in facts if fact.envelope.streamversion == 1), None)
    if first is None or not isinstance(first.event, justice.Prosecuted):
        return []
    opened, began, found = first.event, moment(first), []
    for person in opened.accused:
        charges = _charges(facts, person.ref)
        units = [[key] for key in charges] if by_article else [list(charges)]
        for keys in units:
            ids = keys[0] if by_article else (None, None)
            found += _unit(opened, person.ref, ids, [charges[key] for key in keys], began, by_event=by_event)
        for fact in facts:
            event = fact.event
            if isinstance(event, justice.CompensationPaid) and event.accused_ref == person.ref:
                when = moment(fact) if by_event else began
                about = (opened.court, opened.province, event.statute, event.article, person.ref)
                found.append(One(*about, when, "paid", event.amount_khr))
    return found


def _charges(facts: Sequence[Fact], ref: str) -> dict[tuple[str, str], tuple[datetime, bool, Fact | None]]:
    """Charge → when it was last brought or withdrawn, whether it stands, and its standing verdict."""
    found: dict[tuple[str, str], tuple[datetime, bool, Fact | None]] = {}
    for fact in facts:
        event = fact.event
        if isinstance(event, justice.Prosecuted) and fact.envelope.streamversion == 1:
            moved = [(charge, True) for charge in event.charges]
        elif isinstance(event, justice.ChargesAmended):
            moved = [(charge, False) for charge in event.withdrawn] + [(charge, True) for charge in event.added]
        else:
            moved = []
        for charge, stands in moved:
            if charge.accused_ref == ref:
                key = charge.statute, charge.article
                found[key] = (moment(fact), stands, found[key][2] if key in found else None)
    for fact in facts:
        event = fact.event
        if isinstance(event, justice.VerdictGiven) and event.accused_ref == ref:
            when, stands, _ = found[event.statute, event.article]
            found[event.statute, event.article] = (when, stands, fact)
    return found


def _unit(
    opened: justice.Prosecuted, ref: str, ids: tuple[Any, Any], charges: list[Any], began: datetime, *, by_event: bool
) -> list[One]:
    about = (opened.court, opened.province, *ids, ref)
    verdicts = [(when, fact) for when, _, fact in charges if fact]
    results = {fact.event.result for _, fact in verdicts}
    pending = any(fact is None and stands for _, stands, fact in charges)
    outcome = next(
        name for name, so in (
            ("convicted", "convicted" in results), ("pending", pending), ("acquitted", "acquitted" in results),
            ("dismissed", True),
        ) if so
    )  # fmt: skip
    gone = [when for when, stands, _ in charges if not stands]
    ends = [moment(fact) for _, fact in verdicts] or gone or [began]
    ended = max(ends) if by_event and outcome != "pending" else began
    days = None
    if verdicts and outcome != "pending":
        days = (local(max(moment(fact) for _, fact in verdicts)) - local(min(when for when, _ in verdicts))).days
    found = [One(*about, began, "prosecutions"), One(*about, ended, outcome, days=days)]
    if outcome == "convicted":
        convictions = [fact.event for _, fact in verdicts if fact.event.result == "convicted"]
        prison, fine = any(one.prison_months for one in convictions), any(one.fine_khr for one in convictions)
        names = {(True, True): "prison_and_fine", (True, False): "prison_only", (False, True): "fine_only"}
        found.append(One(*about, ended, names.get((prison, fine), "not_recorded")))
    for _, fact in verdicts:
        if fact.event.compensation_khr:
            charge = (opened.court, opened.province, fact.event.statute, fact.event.article, ref)
            found.append(One(*charge, moment(fact) if by_event else began, "ordered", fact.event.compensation_khr))
    return found


def _victims(facts: Sequence[Fact]) -> list[One]:
    found = []
    for fact in facts:
        event = fact.event
        if not isinstance(event, justice.VictimCharged):
            continue
        stages = [one.event for one in facts if one.envelope.stream == fact.envelope.stream]
        raised, assigned, resolved = (
            any(isinstance(one, kind) for one in stages)
            for kind in (
                justice.NonProsecutionAlertRaised,
                justice.NonProsecutionAlertAssigned,
                justice.NonProsecutionAlertResolved,
            )
        )
        about = (event.court, event.province, event.statute, event.article, None, moment(fact))
        if raised:
            person = None if resolved else person_of(facts, event.case_id)
            named = (("raised", True), ("assigned", assigned), ("resolved", resolved))
            found += [One(*about, what, person=person) for what, so in named if so]
    return found


def person_of(facts: Sequence[Fact], case: str) -> str:
    """The first reference of the cases that are linked with this one."""
    links: dict[frozenset[str], bool] = {}
    for fact in facts:
        if isinstance(fact.event, of_case.Linked | of_case.Unlinked):
            links[frozenset((fact.event.case_id, fact.event.other_case_id))] = isinstance(fact.event, of_case.Linked)
    same = {case}
    while more := {one for pair, linked in links.items() if linked and pair & same for one in pair} - same:
        same |= more
    return min(same)


def _figures(ones: list[One]) -> dict[str, Any]:
    def count(what: str) -> int:
        return sum(one.what == what for one in ones)

    def total(what: str) -> int:
        return sum(one.amount for one in ones if one.what == what)

    days = sorted(one.days for one in ones if one.days is not None)
    p90 = statistics.quantiles(days, n=10, method="inclusive")[8] if len(days) > 1 else days[0] if days else None
    return {
        **{what: count(what) for what in ("prosecutions", "convicted", "acquitted", "dismissed", "pending")},
        "days_to_verdict": {"median": statistics.median(days) if days else None, "p90": p90},
        "sentences": {w: count(w) for w in ("prison_and_fine", "prison_only", "fine_only", "not_recorded")},
        "compensation": {"ordered_khr": total("ordered"), "paid_khr": total("paid")},
        "victims_charged": len({one.person for one in ones if one.person}),
        "non_prosecution_alerts": {what: count(what) for what in ("raised", "assigned", "resolved")},
    }


def funnel(facts: Sequence[Fact], system: str | None = None) -> dict[str, int]:
    """Persons at each stage; of those whom a system's file names, where one is given."""
    reached: dict[str, set[str]] = {stage: set() for stage in STAGES}
    outcomes: dict[str, str] = {}
    for fact in facts:
        match fact.event:
            case of_case.Determined() as event:
                outcomes[event.case_id] = event.outcome
            case justice.ReportFiled() as event:
                reached["reported"].add(event.case_id)
            case justice.Prosecuted() as event:
                reached["prosecuted"].add(event.case_id)
                if _convicts(facts, fact.envelope.stream):
                    reached["convicted"].add(event.case_id)
            case _:
                pass
    reached["determined"] = {case for case, outcome in outcomes.items() if outcome == "victim"}
    named = {person_of(facts, fact.event.case_id) for fact in facts
             if isinstance(fact.event, SourceRecorded) and fact.event.system == system}  # fmt: skip
    persons = {stage: {person_of(facts, case) for case in cases} for stage, cases in reached.items()}
    return {stage: len(who & named if system else who) for stage, who in persons.items()}


def _convicts(facts: Sequence[Fact], stream: str) -> bool:
    standing = {}
    for fact in facts:
        event = fact.event
        if isinstance(event, justice.VerdictGiven) and fact.envelope.stream == stream:
            standing[event.accused_ref, event.statute, event.article] = event.result
    return "convicted" in standing.values()
