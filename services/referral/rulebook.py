"""The rule files of referral, read once at start: who is offered what, and which step is due when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from libs.events.catalogue.vocabulary import AgeGroup, Cohort, Province, ServiceKind, Sex, Term
from libs.events.event import JSON
from libs.rules.calendar import Due, calendar_days_after, load_calendars
from libs.rules.limits import load_limits

LIMITS = load_limits("referral")
CALENDARS = load_calendars()
CAMBODIA = timezone(timedelta(hours=7))


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


def day_of(moment: datetime) -> date:
    """The date of a moment in Cambodia."""
    return moment.astimezone(CAMBODIA).date()


def offers(provider: Mapping[str, JSON], wanted: Wanted) -> bool:
    """Whether a provider offers what is asked for; one that stated nobody in particular offers it to everybody."""
    return serves(provider, wanted.service, _cohorts(wanted), wanted.term)


def serves(
    provider: Mapping[str, JSON], service: ServiceKind | None, cohorts: frozenset[Cohort], term: Term | None
) -> bool:
    """Whether one of a provider's offers is this service, for one of these cohorts (none: for any), for this term."""
    stated = {offer["service"]: offer for offer in provider.get("offers") or []}
    everything = [stated.get(one, {"service": one}) for one in {*stated, *(provider["services"] or [])}]
    return any(
        service in (None, offer["service"])
        and (not offer.get("cohorts") or not cohorts or bool(cohorts & set(offer["cohorts"])))
        and (not offer.get("terms") or term in (None, *offer["terms"]))
        for offer in everything
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
