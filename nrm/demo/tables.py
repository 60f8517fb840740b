"""Prints the views and one case's replay as tables on the terminal. Decides nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from nrm.demo.check import Answers
from nrm.demo.histories import Name
from nrm.demo.published import Compared
from nrm.demo.tally import Tally

CAPACITY_COLUMNS = ("province", "kind", "cohort", "capacity", "occupied", "held", "free", "waiting", "overdue")
OUTCOME_COLUMNS = ("prosecutions", "convicted", "acquitted", "dismissed", "pending", "victims_charged")
STATUSES = ("running", "awaiting_acknowledgement", "completed", "stopped")
DIFFERENCES_SHOWN_MAX = 40


def print_answers(console: Console, answers: Answers, tally: Tally) -> None:
    """Print the three views and the replay of the case with the longest history."""
    order = sorted(answers.capacity, key=lambda r: (str(r["province"]), str(r["kind"]), str(r["cohort"])))
    console.print(_table("Shelter capacity", CAPACITY_COLUMNS, order))
    console.print(
        _table("No place for those who wait", ("province", "kind", "cohort", "waiting", "capacity"), answers.gaps)
    )
    console.print(_table("Court outcomes by year", ("year", *OUTCOME_COLUMNS), answers.by_year))
    console.print(_table("Court outcomes by court", ("court", *OUTCOME_COLUMNS), answers.by_court))
    console.print(_table("From determination to conviction (cases)", tuple(tally.funnel), [answers.funnel]))
    console.print(_table("Cross-border", ("corridor", *STATUSES), _by_corridor(answers)))
    if answers.histories:
        case = max(answers.histories, key=lambda name: (len(answers.histories[name]), name))
        print_replay(console, case, answers.histories[case])


def print_replay(console: Console, case: Name, events: list[dict[str, Any]]) -> None:
    """Print one case's events in the order in which they were recorded."""
    rows = [
        {
            "happened": str(event["occurredat"])[:10],
            "recorded": str(event["time"])[:19],
            "event": str(event["type"]).removeprefix("org.opennrm."),
            "by": f"{event['organisation']} ({event['role']})",
            "hash": str(event["hash"])[:12],
        }
        for event in events
    ]
    subject = events[0]["subject"] if events else ""
    console.print(
        _table(f"Replay of {subject} ({case.history})", ("happened", "recorded", "event", "by", "hash"), rows)
    )


def print_published(
    console: Console, compared: Sequence[Compared], survey: Mapping[str, Any], found: Mapping[str, int]
) -> None:
    """Print what was published, and what the view says of the made-up cases that imply it."""
    rows: list[dict[str, Any]] = [
        {
            "year": one.figure.year,
            "of": one.figure.court or "all courts",
            "figure": one.figure.measure,
            "published": one.figure.count,
            "calendar_year": one.calendar,
            "reporting_year": one.reporting,
        }
        for one in compared
    ]
    rows += [
        {"year": survey["year"], "of": survey["organisation"], "figure": stage, "published": survey[stage],
         "calendar_year": persons, "reporting_year": persons}
        for stage, persons in found.items()
    ]  # fmt: skip
    columns = ("year", "of", "figure", "published", "calendar_year", "reporting_year")
    console.print(_table("Published figures, reproduced by made-up cases", columns, rows))


def print_verdict(console: Console, tally: Tally, differences: list[str], steps: int, retries: int) -> None:
    """Print whether every count agrees, and where not."""
    console.print(f"{len(tally.records)} case histories, {steps} steps recorded, {retries} repeated requests")
    if not differences:
        console.print("[green]Every count equals the tally of the files.[/green]")
        return
    console.print(f"[red]{len(differences)} differences:[/red]")
    for line in differences[:DIFFERENCES_SHOWN_MAX]:
        console.print(f"  {line}", markup=False)
    if len(differences) > DIFFERENCES_SHOWN_MAX:
        console.print(f"  … and {len(differences) - DIFFERENCES_SHOWN_MAX} more")


def _by_corridor(answers: Answers) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for item in answers.cross_border:
        row = rows.setdefault(item["corridor"], {"corridor": item["corridor"], **dict.fromkeys(STATUSES, 0)})
        row[item["status"]] += 1
    return [rows[corridor] for corridor in sorted(rows)]


def _table(title: str, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    return table
