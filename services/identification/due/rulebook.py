"""What is waited for in a case, until when, and who must act: limits and holidays are data, counted here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, TypeAlias

from libs.events.event import JSON
from libs.rules.calendar import Due, calendar_days_after, load_calendars
from libs.rules.local import day_of
from services.identification.rulebook import LIMITS

Kind: TypeAlias = Literal[
    "first_decision", "final_decision", "follow_up", "review", "wrong_reason_review", "age_determination",
    "consent_anew", "reopened",
]  # fmt: skip
COUNTRY = "KH"
CALENDARS = load_calendars()


@dataclass(frozen=True, slots=True)
class Duty:
    """The limits that run one after the other, and the role that must act."""

    limits: tuple[str, ...]
    party: str


DUTIES: Mapping[Kind, Duty] = {
    "first_decision": Duty(("first_decision",), "competent_authority"),
    "final_decision": Duty(("reflection", "final_decision"), "competent_authority"),
    "follow_up": Duty(("inconclusive_follow_up",), "competent_authority"),
    "review": Duty(("review",), "competent_authority"),
    "wrong_reason_review": Duty(("wrong_reason_review",), "competent_authority"),
    "age_determination": Duty(("age_determination",), "competent_authority"),
    "consent_anew": Duty(("consent_anew",), "first_responder"),
    "reopened": Duty(("first_decision",), "competent_authority"),
}


def today_at(moment: datetime) -> date:
    """The date of a moment in Cambodia."""
    return day_of(moment.replace(tzinfo=moment.tzinfo or UTC))


@lru_cache(maxsize=20_000)
def due_of(kind: Kind, since: date) -> Due:
    """The day by which it must be done, counted from the day since which it is waited for."""
    day, provisional = since, False
    for name in DUTIES[kind].limits:
        limit = LIMITS.of(name)
        if limit.unit == "working_days":
            due = CALENDARS.working_days_after(day, limit.value, COUNTRY)
        else:
            due = calendar_days_after(day, limit.value)
        day, provisional = due.day, provisional or due.provisional
    return Due(day, provisional)


def overdue_since(kind: Kind, today: date) -> date:
    """Whatever has been waited for since this day or longer is overdue: a later beginning is never due earlier."""
    day = today
    while due_of(kind, day).day >= today:
        day -= timedelta(days=1)
    return day


def duty(row: Mapping[str, JSON], today: date) -> dict[str, JSON]:
    """One thing that is waited for, as it is shown."""
    kind: Kind = row["kind"]
    due = Due(row["due"], provisional=False) if row["due"] else due_of(kind, row["since"])
    sources = [LIMITS.of(name).source.placeholder for name in DUTIES[kind].limits]
    return {
        "case_id": row["case_id"],
        "kind": kind,
        "party": DUTIES[kind].party,
        "reported_by": row["reported_by"],
        "province": row["province"],
        "since": row["since"].isoformat(),
        "due": due.day.isoformat(),
        "overdue": due.day < today,
        "provisional": due.provisional,
        "placeholder": any(sources) and not row["due"],
    }
