"""What is due in aftercare, from whom, until when: stays, visits, plans, alerts, reports, inspections."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from libs.events.event import JSON
from services.aftercare.rulebook import LIMITS, months_after

Row = Mapping[str, JSON]
STAY_LIMITS: Mapping[str, str] = {"transit": "transit_stay", "short_term": "short_term_stay"}


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that is due: what, about which person or shelter, from whom, until when."""

    what: str
    subject: str
    party: str
    organisation: str | None
    due: date
    case_id: str | None = None
    shelter_id: str | None = None

    @property
    def key(self) -> str:
        """The order of the list: the soonest first."""
        return f"{self.due.isoformat()} {self.what} {self.subject}"

    def shown(self, today: date) -> dict[str, JSON]:
        """As an item of the list."""
        return {
            "what": self.what,
            "party": self.party,
            "organisation": self.organisation,
            "case_id": self.case_id,
            "shelter_id": self.shelter_id,
            "due": self.due.isoformat(),
            "overdue": today > self.due,
        }


def of_care(rows: Sequence[Row]) -> Iterator[Due]:
    """A stay that runs out, or the visits after the person left; each row is a person with the visits made."""
    for row in rows:
        case_id, organisation = str(row["case_id"]), row["organisation"]
        if row["left_on"] is None:
            limit = STAY_LIMITS.get(str(row["kind"]))
            if limit and row["entered_on"]:
                due = row["entered_on"] + timedelta(days=LIMITS.of(limit).value)
                yield Due("end_of_stay", case_id, "provider", organisation, due, case_id, row["shelter_id"])
            continue
        for month in LIMITS.of("follow_up").values:
            if month not in (row["visited"] or ()):
                due = months_after(row["left_on"], month)
                yield Due("follow_up_visit", f"{case_id} {month:03}", "provider", organisation, due, case_id)


def of_shelters(rows: Sequence[Row]) -> Iterator[Due]:
    """What a shelter owes: a report of its beds; and what MOSVY owes it: inspections and what follows them."""
    for row in rows:
        name, organisation = str(row["shelter_id"]), row["organisation"]
        fresh = timedelta(days=LIMITS.of("capacity_report_fresh").value)
        yield Due("capacity_report", name, "provider", organisation, row["reported_on"] + fresh, shelter_id=name)
        inspected, result = row["inspected_on"], row["inspection"]
        if result == "failed" and row["provider_status"] != "suspended":
            due = inspected + timedelta(days=LIMITS.of("suspension_decision").value)
            yield Due("suspension_decision", name, "social_affairs", None, due, shelter_id=name)
        if result in ("failed", "conditions"):
            due = inspected + timedelta(days=LIMITS.of("conditions_remedied").value)
            yield Due("re_inspection", name, "social_affairs", None, due, shelter_id=name)
        else:
            due = months_after(inspected or row["opened_on"], LIMITS.of("inspection_interval").value)
            yield Due("inspection", name, "social_affairs", None, due, shelter_id=name)


def of_plans(plans: Sequence[Row], goals: Sequence[Row]) -> Iterator[Due]:
    """Reviews of care plans, and goals that are not settled."""
    for row in plans:
        case_id = str(row["case_id"])
        yield Due("plan_review", case_id, "provider", row["organisation"], row["review_on"], case_id)
    for row in goals:
        case_id = str(row["case_id"])
        subject = f"{case_id} {row['goal_id']}"
        yield Due(f"goal_{row['kind']}", subject, "provider", row["organisation"], row["due"], case_id)


def of_alerts(rows: Sequence[Row]) -> Iterator[Due]:
    """Alerts that nobody has looked into yet."""
    for row in rows:
        due = row["raised_on"] + timedelta(days=LIMITS.of("alert_review").value)
        case_id = str(row["case_id"])
        yield Due("alert_review", str(row["alert_id"]), "competent_authority", None, due, case_id)
