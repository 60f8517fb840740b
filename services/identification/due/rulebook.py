"""What is waited for in a case, until when, and who must act: limits and holidays are data, counted here."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias, get_args

from libs.events.event import JSON
from libs.rules.calendar import Due
from libs.rules.duties import Duty, due_of, load_duties
from libs.rules.local import day_of
from services.identification.rulebook import LIMITS

Kind: TypeAlias = Literal[
    "first_decision", "final_decision", "follow_up", "review", "wrong_reason_review", "age_determination",
    "consent_anew", "reopened",
]  # fmt: skip
DUTIES: Mapping[Kind, Duty] = {kind: load_duties().by_kind[kind] for kind in get_args(Kind)}
ACTS: Mapping[str, str] = {"reporter": "first_responder"}
"""The role of whoever a duty names by what it did."""


def today_at(moment: datetime) -> date:
    """The date of a moment in Cambodia."""
    return day_of(moment.replace(tzinfo=moment.tzinfo or UTC))


def party_of(kind: Kind) -> str:
    """The role that must act."""
    party = DUTIES[kind].party
    return ACTS.get(party, party)


def overdue_since(kind: Kind, today: date) -> date:
    """Whatever has been waited for since this day or longer is overdue: a later beginning is never due earlier."""
    day = today
    while due_of(DUTIES[kind], day).day >= today:
        day -= timedelta(days=1)
    return day


def duty(row: Mapping[str, JSON], today: date) -> dict[str, JSON]:
    """One thing that is waited for, as it is shown."""
    kind: Kind = row["kind"]
    due = Due(row["due"], provisional=False) if row["due"] else due_of(DUTIES[kind], row["since"])
    sources = [LIMITS.of(name).source.placeholder for name in DUTIES[kind].limits]
    return {
        "case_id": row["case_id"],
        "kind": kind,
        "party": party_of(kind),
        "reported_by": row["reported_by"],
        "province": row["province"],
        "since": row["since"].isoformat(),
        "due": due.day.isoformat(),
        "overdue": due.day < today,
        "provisional": due.provisional,
        "placeholder": any(sources) and not row["due"],
    }
