"""What the files imply, counted from the files alone and never from the system.

The meaning of every figure stands in `examples/README.md`; this module is that table in code.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from nrm.demo.histories import History, Name, Names, Step, accepted_steps, cohort_of

KIND_OF_TERM = {"transit": "transit", "short": "short_term", "long": "long_term"}
VERDICTS = ("convicted", "acquitted", "dismissed")


class Place(NamedTuple):
    """Where a person waits for a bed, and which bed."""

    province: str
    kind: str
    cohort: str


@dataclass
class Beds:
    """One row of the shelter-capacity view."""

    place: Place
    capacity: int = 0
    occupied: int = 0
    held: int = 0
    waiting: int = 0

    @property
    def free(self) -> int:
        """Beds that nobody has and that are not held."""
        return self.capacity - self.occupied - self.held


@dataclass
class Outcomes:
    """One row of the court-outcome view."""

    prosecutions: int = 0
    convicted: int = 0
    acquitted: int = 0
    dismissed: int = 0
    pending: int = 0
    compensation_khr: int = 0
    victims_charged: int = 0


@dataclass
class Record:
    """What the history of one case must hold: at least so many events, and exactly so many of the named kinds."""

    events_min: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass
class Tally:
    """Every count that the demonstration checks."""

    beds: dict[tuple[Name, str], Beds]
    gaps: dict[Place, tuple[int, int]]
    outcomes_by_year: dict[str, Outcomes]
    outcomes_by_court: dict[str, Outcomes]
    funnel: dict[str, int]
    cross_border: Counter[tuple[str, str]]
    records: dict[Name, Record]


def tally(histories: list[History]) -> Tally:
    """Count everything in the files."""
    names = Names(histories)
    steps = list(accepted_steps(histories))
    waiting = _waiting(steps, names)
    beds = _beds(steps, names, waiting)
    by_year, by_court, convicted_cases = _outcomes(steps, names)
    return Tally(
        beds=beds,
        gaps=_gaps(beds, waiting),
        outcomes_by_year=by_year,
        outcomes_by_court=by_court,
        funnel=_funnel(steps, names, convicted_cases),
        cross_border=_cross_border(steps, names),
        records=_records(steps, names),
    )


def _beds(steps: list[Step], names: Names, waiting: Counter[Place]) -> dict[tuple[Name, str], Beds]:
    places = {Name(s.history, s.save): (s.body["province"], s.body["kind"]) for s in steps if s.kind == "shelter"}
    rows: dict[tuple[Name, str], Beds] = {}
    slept: dict[Name, tuple[Name, str]] = {}  # where each placement is now
    for step in steps:
        if step.kind in ("shelter", "capacity"):
            shelter = Name(step.history, step.save) if step.kind == "shelter" else names.named_by(step, step.path)
            for bed in step.body["beds"]:
                place = Place(*places[shelter], bed["cohort"])
                rows.setdefault((shelter, bed["cohort"]), Beds(place, waiting=waiting[place])).capacity = bed["count"]
        elif step.kind == "placement":
            slept[Name(step.history, step.save)] = _bed(step, names)
        elif step.kind == "transfer":
            slept[names.named_by(step, step.path)] = _bed(step, names)
        elif step.kind == "discharge":
            del slept[names.named_by(step, step.path)]
    for bed_now in slept.values():
        rows[bed_now].occupied += 1
    return rows


def _bed(step: Step, names: Names) -> tuple[Name, str]:
    return names.named_by(step, step.body["shelter_id"]), step.body["cohort"]


def _waiting(steps: list[Step], names: Names) -> Counter[Place]:
    provinces = {Name(s.history, s.save): s.body["province"] for s in steps if s.kind == "provider"}
    cohorts = {Name(s.history, s.save): _cohort(s) for s in steps if s.kind == "case"}
    referrals = {Name(s.history, s.save): s for s in steps if s.kind == "referral"}
    waits: dict[Name, Place] = {}
    for step in steps:
        if step.kind == "response":
            referral = referrals[names.named_by(step, step.path)]
            wants_a_bed = step.body["response"] == "accept" or step.body["reason"] == "full"
            if "shelter" in referral.body["services"] and wants_a_bed:
                case = names.named_by(referral, referral.body["case_id"])
                province = provinces[names.named_by(referral, referral.body["provider_id"])]
                waits[case] = Place(province, KIND_OF_TERM[referral.body["term"]], cohorts[case])
        elif step.kind == "need" and step.body["service"] == "shelter":
            case = names.named_by(step, step.path)
            waits[case] = Place(step.body["province"], KIND_OF_TERM[step.body["term"]], cohorts[case])
        elif step.kind == "placement":
            waits.pop(names.named_by(step, step.body["case_id"]), None)
    return Counter(waits.values())


def _cohort(step: Step) -> str:
    return cohort_of(step.body["person"], step.occurred_at.date())


def _gaps(beds: dict[tuple[Name, str], Beds], waiting: Counter[Place]) -> dict[Place, tuple[int, int]]:
    gaps = {}
    for place, persons in waiting.items():
        here = [row for row in beds.values() if row.place == place]
        if persons and not any(row.free for row in here):
            gaps[place] = (persons, sum(row.capacity for row in here))
    return gaps


class _Accused(NamedTuple):
    court_case: Name
    ref: str


def _outcomes(steps: list[Step], names: Names) -> tuple[dict[str, Outcomes], dict[str, Outcomes], set[Name]]:
    verdicts: dict[_Accused, dict[tuple[str, str], Step]] = defaultdict(dict)
    for step in steps:
        if step.kind == "verdict":  # the later verdict on the same charge stands
            accused = _Accused(names.named_by(step, step.path), step.body["accused_ref"])
            verdicts[accused][step.body["statute"], step.body["article"]] = step
    by_year: dict[str, Outcomes] = defaultdict(Outcomes)
    by_court: dict[str, Outcomes] = defaultdict(Outcomes)
    convicted_cases: set[Name] = set()
    for step in steps:
        if step.kind == "victim_charge":
            for row in (by_year[_year(step)], by_court[step.body["court"]]):
                row.victims_charged += 1
        if step.kind != "court_case":
            continue
        for person in step.body["accused"]:
            standing = verdicts[_Accused(Name(step.history, step.save), person["ref"])]
            result = _count_accused(step, person["ref"], standing, by_year, by_court)
            if result == "convicted":
                convicted_cases.update(names.named_by(step, case) for case in step.body["case_ids"])
    return dict(by_year), dict(by_court), convicted_cases


def _count_accused(
    step: Step,
    ref: str,
    standing: dict[tuple[str, str], Step],
    by_year: dict[str, Outcomes],
    by_court: dict[str, Outcomes],
) -> str:
    charges = {(c["statute"], c["article"]) for c in step.body["charges"] if c["accused_ref"] == ref}
    results = {verdict.body["result"] for verdict in standing.values()}
    decided = charges <= standing.keys()
    result = next(r for r in VERDICTS if r in results) if decided else "pending"
    ended = max(standing.values(), key=lambda s: s.occurred_at) if decided else step
    court = by_court[step.body["court"]]
    by_year[_year(step)].prosecutions += 1
    court.prosecutions += 1
    for row in (by_year[_year(ended)], court):
        setattr(row, result, getattr(row, result) + 1)
    for verdict in standing.values():
        ordered = verdict.body.get("compensation_khr", 0)
        by_year[_year(verdict)].compensation_khr += ordered
        court.compensation_khr += ordered
    return result


def _year(step: Step) -> str:
    return str(step.occurred_at.year)


def _funnel(steps: list[Step], names: Names, convicted_cases: set[Name]) -> dict[str, int]:
    outcome: dict[Name, str] = {}
    reported: set[Name] = set()
    prosecuted: set[Name] = set()
    for step in steps:
        if step.kind == "determination":  # after a review, the later one stands
            outcome[names.named_by(step, step.path)] = step.body["outcome"]
        elif step.kind == "report":
            reported.add(names.named_by(step, step.body["case_id"]))
        elif step.kind == "court_case":
            prosecuted.update(names.named_by(step, case) for case in step.body["case_ids"])
    return {
        "determined": sum(o == "victim" for o in outcome.values()),
        "reported": len(reported),
        "prosecuted": len(prosecuted),
        "convicted": len(convicted_cases),
    }


def _cross_border(steps: list[Step], names: Names) -> Counter[tuple[str, str]]:
    corridor = {Name(s.history, s.save): s.body["corridor"] for s in steps if s.kind == "repatriation"}
    status = dict.fromkeys(corridor, "running")
    for step in steps:
        if step.kind == "repatriation_step":
            journey = names.named_by(step, step.path)
            status[journey] = _status_after(status[journey], step.path.rsplit("/", 1)[1], step.body["outcome"])
    return Counter((corridor[journey], status[journey]) for journey in corridor)


def _status_after(status: str, sop_step: str, outcome: str) -> str:
    if status == "completed":  # reception and follow-up come after the receipt and change nothing
        return status
    if outcome == "refused":
        return "stopped"
    if sop_step == "receipt_acknowledged":
        return "completed"
    return "awaiting_acknowledgement" if sop_step == "handed_over" else "running"


# Steps whose one event belongs to the court case and may concern several victims at once.
_OF_THE_COURT = ("verdict", "appeal")
_EVENT_KIND = {
    "case": "identified",
    "screening": "screened",
    "determination": "determined",
    "referral": "referred",
    "placement": "admitted",
    "court_case": "prosecuted",
}


def _records(steps: list[Step], names: Names) -> dict[Name, Record]:
    records: dict[Name, Record] = defaultdict(Record)
    owner: dict[Name, Name] = {}
    for step in steps:
        cases = cases_of(step, names, owner)
        if step.save and len(cases) == 1:
            owner[Name(step.history, step.save)] = cases[0]
        for case in cases:
            records[case].events_min += step.kind not in _OF_THE_COURT
            if step.kind in _EVENT_KIND:
                records[case].kinds[_EVENT_KIND[step.kind]] += 1
            elif step.path.endswith("/steps/handed_over") and step.body["outcome"] == "done":
                records[case].kinds["repatriated"] += 1
    return dict(records)


def cases_of(step: Step, names: Names, owner: dict[Name, Name]) -> list[Name]:
    """List the cases that a step concerns; `owner` says whose each referral, placement and repatriation is."""
    if step.kind == "case":
        return [Name(step.history, step.save)]
    if "case_ids" in step.body:
        return [names.named_by(step, case) for case in step.body["case_ids"]]
    if "case_id" in step.body:
        return [names.named_by(step, step.body["case_id"])]
    if "${" not in step.path:
        return []
    subject = names.named_by(step, step.path)
    return [owner[subject]] if subject in owner else []
