"""The rule files of aftercare, read once at start: limits of holds and stays, visits due, standards of inspections."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from libs.events.decider import Refused
from libs.events.event import JSON
from libs.rules.limits import load_limits
from services.aftercare.commands import InspectionResult
from services.aftercare.state import Care

LIMITS = load_limits("aftercare")
STANDARDS = {standard.id for standard in LIMITS.standards}
CRITICAL = {standard.id for standard in LIMITS.standards if standard.critical}


def next_review() -> int:
    """Days until a care plan is looked at again, where nobody states a date."""
    return LIMITS.of("plan_review").value


def hold_expires(occurred_at: datetime) -> datetime:
    """When a hold made at a moment runs out."""
    return occurred_at + timedelta(hours=LIMITS.of("hold").value)


def check_standards(names: Iterable[str]) -> None:
    """Raises Refused where a name is no standard of the inspection list."""
    unknown = sorted(set(names) - STANDARDS)
    if unknown:
        known = ", ".join(sorted(STANDARDS))
        raise Refused("unknown-standard", f"standards are {known}", status=422, pointer="/failed_standards")


def result_of(stated: InspectionResult | None, failed_standards: Collection[str]) -> InspectionResult:
    """An inspection's result: as it is stated, else what the failed standards amount to; never a pass nobody stated."""
    if stated:
        return stated
    return "failed" if CRITICAL & set(failed_standards) else "conditions"


def visits_due(care: Care, discharged_on: date | None) -> list[dict[str, JSON]]:
    """The visits that follow a discharge, each with its due date and whether it was made."""
    if discharged_on is None:
        return []
    made = {visit.month for visit in care.visits}
    return [
        {"month": month, "due": months_after(discharged_on, month).isoformat(), "done": month in made}
        for month in LIMITS.of("follow_up").values
    ]


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    years, month = divmod(day.month - 1 + months, 12)
    last = 31
    while True:
        try:
            return date(day.year + years, month + 1, min(day.day, last))
        except ValueError:
            last -= 1
