"""Which providers could take a person now: best first and why, who is left out and why, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from libs.events.catalogue.vocabulary import Province, ServiceKind, Term
from libs.events.event import JSON
from libs.rules.confidence import FULL
from services.referral.commands import Person
from services.referral.decider import cohort_of
from services.referral.rulebook import receives, serves

TERM_OF_KIND: Mapping[str, Term] = {"transit": "transit", "short_term": "short", "long_term": "long"}
SAID_NO: Mapping[str, str] = {
    "not_suitable": "the provider said that it is not suitable for this person",
    "person_declined": "the person declined this provider",
}

Row = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: a bed unless another service is named."""

    service: ServiceKind = "shelter"
    term: Term | None = None
    province: Province | None = None
    with_children: bool = False
    disability: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a referral needs of the person, and whether it is there."""

    consent: bool
    presumed: bool

    @property
    def missing(self) -> list[str]:
        """What is not there, in words."""
        missing = [] if self.presumed else ["status: the person is neither determined nor presumed a victim"]
        return missing + ([] if self.consent else ["consent: no consent to a referral stands on file"])


def ranked(
    person: Person, rows: Sequence[Row], earlier: Sequence[Row], asked: Asked, standing: Standing
) -> dict[str, JSON]:
    """The options for a person.

    Each row is an approved provider with the beds of the person's cohort (or of families) in one of its shelters,
    or, for another service, the provider alone. `earlier` are the person's referrals so far, oldest first.
    """
    latest = {one["provider_id"]: one for one in earlier}
    fitting = [row for row in rows if _fits(row, person, asked)]
    left_out = [(row, why) for row in fitting if (why := _why_not(row, latest))]
    open_ = [row for row in fitting if not _why_not(row, latest)]
    free = [row for row in open_ if row["free"] is None or row["free"] > 0]
    best = sorted(free, key=lambda row: _rank(row, person, latest)) if standing.presumed else []
    return {
        "case_id": person.case_id,
        "cohort": cohort_of(person),
        "service": asked.service,
        "items": [_option(row, person, latest, standing) for row in best],
        "possible_when_complete": len(free),
        "left_out": [_named(row, [why]) for row, why in _once(left_out)],
        "earlier": [
            {name: one[name] for name in ("referral_id", "provider_id", "status", "ground")} for one in earlier
        ],
        "missing": standing.missing + _no_place(cohort_of(person), asked, rows, fitting, open_, free),
    }


def _why_not(row: Row, latest: Mapping[str, Row]) -> str | None:
    """Why a provider that offers what is asked for is not shown: it or the person said no, or it failed MOSVY."""
    if row.get("inspection") == "failed":
        return "this shelter failed its last inspection"
    return SAID_NO.get(str(_ground(latest, row)))


def _once(left_out: Sequence[tuple[Row, str]]) -> list[tuple[Row, str]]:
    """Each provider once for each reason, however many beds it has."""
    return list({(row["provider_id"], why): (row, why) for row, why in left_out}.values())


def _fits(row: Row, person: Person, asked: Asked) -> bool:
    """Whether the provider offers what is asked for to this person, here and for this long."""
    cohort = cohort_of(person)
    suits = partial(receives, person=person, with_children=asked.with_children, disability=asked.disability)
    term = TERM_OF_KIND[row["kind"]] if row["kind"] else asked.term
    here = asked.province in (None, row["province"])
    wide = frozenset((cohort, row["cohort"] or cohort))
    return here and asked.term in (None, term) and serves(row, asked.service, wide, term, suits)


def _rank(row: Row, person: Person, latest: Mapping[str, Row]) -> tuple[bool, bool, bool, bool, int, str]:
    return (
        _status(latest, row) in ("declined", "refused"),
        row["cohort"] not in (None, cohort_of(person)),
        row.get("inspection") == "conditions",
        row.get("confidence") == 0,
        -(row["free"] or 0),
        str(row["provider_id"]),
    )


def _no_place(
    cohort: str, asked: Asked, rows: Sequence[Row], fitting: Sequence[Row], open_: Sequence[Row], free: Sequence[Row]
) -> list[str]:
    if free:
        return []
    where = f" in {asked.province}" if asked.province else ""
    what = f"{asked.service}{f' ({asked.term})' if asked.term else ''} for {cohort}{where}"
    if not rows and asked.service == "shelter":
        return [f"place: no approved provider has beds for {cohort}"]
    if not fitting:
        return [f"place: no approved provider offers {what}"]
    if not open_:
        return [f"place: every provider of {what} failed its inspection, is not suitable, or the person declined it"]
    return [f"place: every bed for {cohort}{where} is occupied or held; a provider that is full keeps a waiting list"]


def _option(row: Row, person: Person, latest: Mapping[str, Row], standing: Standing) -> dict[str, JSON]:
    reasons = [f"in {row['province']}"]
    if row["kind"]:
        reasons.insert(0, f"{row['free']} free {row['cohort']} beds, {row['kind']}")
    if row["cohort"] == "families":
        who = "a child needs an accompanying relative there" if person.child else "for persons with their own family"
        reasons.append(f"a families bed: {who}")
    if row.get("inspection") == "conditions":
        reasons.append("passed its last inspection under conditions")
    confidence = row.get("confidence")
    if confidence is not None and confidence < FULL:
        reasons.append(f"its figures are {confidence} % certain: it has not reported lately")
    status = _status(latest, row)
    if status:
        ground = _ground(latest, row)
        reasons.append(f"an earlier referral to it is {status}{f' ({ground})' if ground else ''}")
    names = ("province", "kind", "shelter_id", "cohort", "free")
    return {
        **_named(row, reasons),
        **{name: row[name] for name in names},
        "confidence_percent": confidence,
        "possible_now": not standing.missing,
        "needs": [] if standing.consent else ["consent"],
    }


def _named(row: Row, reasons: Sequence[str]) -> dict[str, JSON]:
    return {"provider_id": row["provider_id"], "organisation": row["organisation"], "reasons": list(reasons)}


def _status(latest: Mapping[str, Row], row: Row) -> str | None:
    found = latest.get(row["provider_id"])
    return str(found["status"]) if found else None


def _ground(latest: Mapping[str, Row], row: Row) -> str | None:
    found = latest.get(row["provider_id"])
    return str(found["ground"]) if found and found["status"] == "declined" and found["ground"] else None
