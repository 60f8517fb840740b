"""The rule files of referral, read once at start: who is offered what, and which step is due when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from libs.events.catalogue.vocabulary import AgeGroup, Cohort, Province, ServiceKind, Sex, Term
from libs.events.event import JSON
from libs.rules.calendar import Due, calendar_days_after, load_calendars
from libs.rules.limits import load_limits
from services.referral.commands import Person

LIMITS = load_limits("referral")
CALENDARS = load_calendars()
FOLLOWS: Mapping[str, str] = {
    "full": "waiting_list_and_next_in_line",
    "not_suitable": "directory_to_be_corrected",
    "person_declined": "options_shown_again",
    "other": "next_in_line",
}
"""What follows a decline, by its reason (domain: "the reason of a decline decides what follows")."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search of the directory asks for."""

    province: Province | None = None
    service: ServiceKind | None = None
    sex: Sex | None = None
    age_group: AgeGroup | None = None
    term: Term | None = None
    status: Literal["applied", "approved", "suspended"] | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """On which days the steps of a referral were taken; None where not yet."""

    referred: date
    decided: date | None = None
    answered: date | None = None
    completed: date | None = None
    corrected: date | None = None
    """When the provider's entry in the directory last changed."""
    emergency: bool = False
    consented: date | None = None
    """When the person or a guardian first consented, where the referral began without consent, in an emergency."""


def offers(provider: Mapping[str, JSON], wanted: Wanted) -> bool:
    """Whether a provider offers what is asked for; one that stated nobody in particular offers it to everybody."""
    return serves(provider, wanted.service, _cohorts(wanted), wanted.term)


def serves(
    provider: Mapping[str, JSON],
    service: ServiceKind | None,
    cohorts: frozenset[Cohort],
    term: Term | None,
    suits: Callable[[Mapping[str, JSON]], bool] = lambda _: True,
) -> bool:
    """Whether one of a provider's offers is this service, for one of these cohorts (none: for any), for this term."""
    stated = list(provider.get("offers") or [])
    named = {offer["service"] for offer in stated}
    everything = stated + [{"service": one} for one in provider["services"] or [] if one not in named]
    return any(
        service in (None, offer["service"])
        and (not offer.get("cohorts") or not cohorts or bool(cohorts & set(offer["cohorts"])))
        and (not offer.get("terms") or term in (None, *offer["terms"]))
        and suits(offer)
        for offer in everything
    )


def receives(offer: Mapping[str, JSON], person: Person, *, with_children: bool, disability: bool) -> bool:
    """Whether an offer is for this person; what an offer leaves out it leaves open, except that needs must be met."""
    ages, nations, kinds = offer.get("age_groups"), offer.get("nationalities"), offer.get("exploitation")
    return (
        (not ages or person.age_group in (*ages, "unknown"))
        and (not nations or person.nationality in (None, *nations))
        and (not kinds or not person.exploitation or bool(set(kinds) & set(person.exploitation)))
        and not (with_children and offer.get("with_children") is False)
        and not (disability and offer.get("disability") is False)
    )


def deadlines(status: str, ground: str | None, days: Days, today: date) -> dict[str, JSON]:
    """Every step that a referral came to, with its due day; and of the open one who is waited for, and whether late."""
    steps = [_step("decision", "social_affairs", "approval", days.referred, days.decided, today)]
    if days.decided and status != "refused":
        steps.append(_step("answer", "provider", "acceptance", days.decided, days.answered, today))
    if days.answered and status in ("accepted", "completed"):
        steps.append(_step("completion", "provider", "completion", days.answered, days.completed, today))
    if days.answered and status == "declined" and ground == "full":
        steps.append(_step("review_of_waiting", "social_affairs", "waiting_review", days.answered, None, today))
    if days.answered and status == "declined" and ground == "not_suitable":
        corrected = days.corrected if days.corrected and days.corrected >= days.answered else None
        steps.append(_step("directory_correction", "provider", "directory_correction", days.answered, corrected, today))
    if days.emergency and status not in ("refused", "declined"):
        steps.append(
            _step("consent_after_emergency", "referrer", "emergency_consent", days.referred, days.consented, today)
        )
    open_ = next((step for step in steps if step["done"] is None), None)
    return {
        "waiting_for": {"step": open_["step"], "party": open_["party"]} if open_ else None,
        "due": open_["due"] if open_ else None,
        "overdue": bool(open_ and open_["overdue"]),
        "deadlines": steps,
    }


def _step(step: str, party: str, limit: str, begun: date, done: date | None, today: date) -> dict[str, JSON]:
    due = _due(limit, begun)
    return {
        "step": step,
        "party": party,
        "due": due.day.isoformat(),
        "provisional": due.provisional,
        "done": done.isoformat() if done else None,
        "overdue": (done or today) > due.day,
    }


def _due(name: str, begun: date) -> Due:
    limit = LIMITS.of(name)
    if limit.unit == "working_days":
        return CALENDARS.working_days_after(begun, limit.value, "KH")
    return calendar_days_after(begun, limit.value)


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
