"""Who waits for a place in which order, what follows a decline, and which steps of referrals are due."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from libs.events.event import JSON
from libs.rules.local import day_of
from services.referral.rulebook import FOLLOWS, LIMITS, Days, deadlines

Row = Mapping[str, JSON]


def waiting_list(rows: Sequence[Row], free: Mapping[str, int]) -> list[dict[str, JSON]]:
    """The persons whom a provider declined as full, longest waiting first; each with its place within its cohort.

    `can_take` says that a bed of the cohort is free for this place in line.
    """
    places: dict[str, int] = {}
    found = []
    for row in sorted(rows, key=lambda one: (one["answered_at"], one["referral_id"])):
        place = places[row["cohort"]] = places.get(row["cohort"], 0) + 1
        names = ("referral_id", "case_id", "cohort", "term", "services", "province")
        found.append(
            {
                **{name: row[name] for name in names},
                "waiting_since": row["answered_at"],
                "place": place,
                "next_in_line": place == 1,
                "can_take": place <= free.get(row["cohort"], 0),
            }
        )
    return found


def next_in_line(
    referral: Row, place: int | None, options: Mapping[str, JSON], tried: Sequence[str]
) -> dict[str, JSON]:
    """What follows a referral that found no place: its place on the list, and which providers to ask next.

    After as many providers as the limit names have been asked, the case goes to the coordinator.
    """
    asked = len(set(tried))
    limit = LIMITS.of("next_in_line").value
    untried = [one for one in options["items"] if one["provider_id"] not in set(tried)]
    return {
        "referral_id": referral["referral_id"],
        "status": referral["status"],
        "ground": referral["ground"],
        "follows": FOLLOWS.get(referral["ground"]) if referral["status"] == "declined" else None,
        "place_on_waiting_list": place,
        "providers_asked": asked,
        "asked_before_coordinator": limit,
        "goes_to_coordinator": asked >= limit or not untried,
        "next": untried[:limit],
        "missing": options["missing"],
    }


def due_items(rows: Iterable[Row], today: date) -> list[dict[str, JSON]]:
    """The open step of every referral, the soonest due first."""
    found = []
    for row in rows:
        stated = deadlines(row["status"], row["ground"], _days(row), today)
        open_steps = [step for step in stated["deadlines"] if step["done"] is None]
        found += [_item(row, step) for step in open_steps]
    return sorted(found, key=lambda one: str(one["key"]))


def _item(row: Row, step: Row) -> dict[str, JSON]:
    organisation = {"provider": row["provider"], "referrer": row["referred_by"]}.get(step["party"])
    return {
        "key": f"{step['due']} {row['referral_id']} {step['step']}",
        "referral_id": row["referral_id"],
        "case_id": row["case_id"],
        "what": step["step"],
        "party": step["party"],
        "organisation": organisation,
        "due": step["due"],
        "provisional": step["provisional"],
        "overdue": step["overdue"],
    }


def _days(row: Row) -> Days:
    def of(name: str) -> date | None:
        moment = row[name]
        return day_of(moment) if isinstance(moment, datetime) else None

    referred = of("occurred_at")
    assert referred  # the query asks for referrals that were made
    return Days(
        referred, of("decided_at"), of("answered_at"), of("completed_at"), of("corrected_at"),
        emergency=row["consent_by"] == "emergency", consented=of("consented_at"),
    )  # fmt: skip
