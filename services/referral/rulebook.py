"""The rule files of referral, read once at start, and the ranking of providers that could take a person."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from libs.events.catalogue.vocabulary import Cohort, Province, ServiceKind, Sex, Term
from libs.events.event import JSON
from libs.rules.limits import load_limits
from services.referral.commands import Person
from services.referral.decider import cohort_of

LIMITS = load_limits("referral")


class Wanted(BaseModel):
    """What a search of the directory asks for."""

    model_config = ConfigDict(extra="forbid")

    province: Province | None = None
    service: ServiceKind | None = None
    sex: Sex | None = None
    age_group: str | None = Field(None, max_length=10)
    term: Term | None = None
    status: Literal["applied", "approved", "suspended"] | None = None


def offers(provider: Mapping[str, JSON], wanted: Wanted) -> bool:
    """Whether a provider offers what is asked for; one that stated nobody in particular offers it to everybody."""
    cohorts = _cohorts(wanted)
    for offer in provider.get("offers") or [{"service": service} for service in provider["services"] or []]:
        fits_service = wanted.service in (None, offer["service"])
        fits_person = not offer.get("cohorts") or not cohorts or bool(cohorts & set(offer["cohorts"]))
        fits_term = not offer.get("terms") or wanted.term in (None, *offer["terms"])
        if fits_service and fits_person and fits_term:
            return True
    return False


def ranked(person: Person, rows: Sequence[Mapping[str, JSON]], *, consent: bool, presumed: bool) -> dict[str, JSON]:
    """The options for a person: providers best first with reasons, and what is missing where none could.

    Each row is an approved provider with one of its shelters' beds of the person's cohort (or of families).
    """
    cohort = cohort_of(person)
    free = [row for row in rows if row["free"] > 0]
    best = sorted(free, key=lambda row: (row["cohort"] != cohort, -row["free"], str(row["provider_id"])))
    missing = [] if presumed else ["status: the person is neither determined nor presumed a victim"]
    missing += [] if consent else ["consent: no consent to a referral is on file"]
    if not rows:
        missing.append(f"place: no approved provider has beds for {cohort}")
    elif not free:
        missing.append(f"place: every bed for {cohort} is occupied or held")
    return {
        "case_id": person.case_id,
        "cohort": cohort,
        "items": [_option(row, cohort) for row in best] if presumed and consent else [],
        "possible_when_complete": len(best),
        "missing": missing,
        "next": None,
    }


def _option(row: Mapping[str, JSON], cohort: str) -> dict[str, JSON]:
    reasons = [f"{row['free']} free {row['cohort']} beds, {row['kind']}", f"in {row['province']}"]
    if row["cohort"] != cohort:
        reasons.append("a families bed: for persons with their own family")
    return {
        **{name: row[name] for name in ("provider_id", "organisation", "province", "kind", "cohort", "free")},
        "reasons": reasons,
    }


def _cohorts(wanted: Wanted) -> frozenset[Cohort]:
    """The cohorts that a person of this sex and age group could be in; empty where neither is stated."""
    if wanted.sex is None and wanted.age_group is None:
        return frozenset()
    adult = wanted.age_group not in ("0-8", "9-17")
    child = wanted.age_group in (None, "unknown", "0-8", "9-17")
    fits: list[tuple[Cohort, bool]] = [
        ("women", adult and wanted.sex != "male"),
        ("men", adult and wanted.sex != "female"),
        ("transgender_adults", adult),
        ("girls", child and wanted.sex != "male"),
        ("boys", child and wanted.sex != "female"),
        ("families", True),
    ]
    return frozenset(cohort for cohort, fit in fits if fit)
