"""Reads the files in `examples/`. What a history is, what a step is, and how a step names what another one made.

Nothing here talks to the system, so that the tally can be computed from the files alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHARED = "providers"
REFERENCE = re.compile(r"\$\{([a-z0-9_-]+)(?:\.([a-z0-9_.]+))?\}")
YEARS_CHILD_UNTIL = 18

# What a path records, and the key under which the answer gives the id of what was made ("" where nothing is made).
ROUTES: tuple[tuple[str, str, str], ...] = (
    ("/v1/cases", "case", "case_id"),
    ("/v1/cases/*/screenings", "screening", ""),
    ("/v1/cases/*/determinations", "determination", ""),
    ("/v1/cases/*/reviews", "review", ""),
    ("/v1/cases/*/consents", "consent", ""),
    ("/v1/providers", "provider", "provider_id"),
    ("/v1/providers/*/registrations", "registration", ""),
    ("/v1/referrals", "referral", "referral_id"),
    ("/v1/referrals/*/decisions", "decision", ""),
    ("/v1/referrals/*/responses", "response", ""),
    ("/v1/shelters", "shelter", "shelter_id"),
    ("/v1/shelters/*/capacity", "capacity", ""),
    ("/v1/shelters/*/inspections", "inspection", ""),
    ("/v1/placements", "placement", "placement_id"),
    ("/v1/placements/*/transfer", "transfer", ""),
    ("/v1/placements/*/discharge", "discharge", ""),
    ("/v1/cases/*/follow-ups", "follow_up", ""),
    ("/v1/cases/*/care-plan", "care_plan", ""),
    ("/v1/cases/*/care-plan/goals/*/settlement", "goal", ""),
    ("/v1/cases/*/links", "link", ""),
    ("/v1/cases/*/needs", "need", ""),
    ("/v1/reports", "report", ""),
    ("/v1/court-cases", "court_case", "court_case_id"),
    ("/v1/court-cases/*/charges", "amendment", ""),
    ("/v1/court-cases/*/evidence", "evidence", "evidence_id"),
    ("/v1/court-cases/*/evidence/*/transfers", "custody", ""),
    ("/v1/court-cases/*/hearings", "hearing", ""),
    ("/v1/court-cases/*/compensation-payments", "payment", ""),
    ("/v1/court-cases/*/verdicts", "verdict", ""),
    ("/v1/court-cases/*/appeals", "appeal", ""),
    ("/v1/cases/*/victim-charges", "victim_charge", ""),
    ("/v1/repatriations", "repatriation", "repatriation_id"),
    ("/v1/repatriations/*/steps/*", "repatriation_step", ""),
)


class Name(NamedTuple):
    """What a file calls a thing that one of its steps made: the file and the word after `save:`."""

    history: str
    word: str


@dataclass(frozen=True)
class Step:
    """One request of a history, and the answer that the file expects."""

    history: str
    number: int
    what: str
    organisation: str
    role: str
    service: str
    path: str
    body: dict[str, Any]
    save: str
    expect: int
    problem: str

    @property
    def kind(self) -> str:
        """What the step records, such as `screening`."""
        return route(self.path)[1]

    @property
    def id_key(self) -> str:
        """The key of the answer that holds the id of what was made; empty where the step makes nothing."""
        return route(self.path)[2]

    @property
    def accepted(self) -> bool:
        """Whether the file expects the system to record the step."""
        return self.expect == 201  # noqa: PLR2004 - the contract's one status for "recorded"

    @property
    def occurred_at(self) -> datetime:
        """When the fact happened, as the file states it."""
        return datetime.fromisoformat(self.body["occurred_at"])


@dataclass(frozen=True)
class History:
    """One file: a title, a story in a few lines, and the steps in order."""

    name: str
    title: str
    story: tuple[str, ...]
    steps: tuple[Step, ...]


def read_all(folder: Path = EXAMPLES) -> list[History]:
    """Read the shared providers first, then every case history in the order of the file names."""
    files = [folder / f"{SHARED}.yaml", *sorted((folder / "cases").glob("*.yaml"))]
    return [read(file) for file in files]


def read(file: Path) -> History:
    """One history from its file."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    return parse(file.stem, document)


def parse(name: str, document: dict[str, Any]) -> History:
    """One history from what its file holds."""
    steps = tuple(_step(name, number, raw) for number, raw in enumerate(document["steps"], 1))
    return History(name, document["title"], tuple(document["story"]), steps)


def _step(history: str, number: int, raw: dict[str, Any]) -> Step:
    return Step(
        history=history,
        number=number,
        what=raw.get("what", ""),
        organisation=raw["as"]["org"],
        role=raw["as"]["role"],
        service=raw["service"],
        path=raw["post"],
        body=raw["body"],
        save=raw.get("save", ""),
        expect=raw.get("expect", 201),
        problem=raw.get("problem", ""),
    )


def route(path: str) -> tuple[str, str, str]:
    """Find the row of `ROUTES` that a path belongs to."""
    parts = path.split("/")
    for row in ROUTES:
        pattern = row[0].split("/")
        if len(pattern) == len(parts) and all(p in ("*", part) for p, part in zip(pattern, parts, strict=True)):
            return row
    message = f"no endpoint of the contract: {path}"
    raise ValueError(message)


def accepted_steps(histories: list[History]) -> Iterator[Step]:
    """Every step that the files expect to be recorded, history by history."""
    for history in histories:
        yield from (step for step in history.steps if step.accepted)


class Names:
    """Who is meant by `${word}` in a file: what the file itself saved, else what `providers.yaml` saved."""

    def __init__(self, histories: list[History]) -> None:
        """Collect every `save:` of the files."""
        self._saved = {Name(step.history, step.save) for h in histories for step in h.steps if step.save}

    def find(self, history: str, word: str) -> Name:
        """Find the thing that `word` names in a file."""
        for name in (Name(history, word), Name(SHARED, word)):
            if name in self._saved:
                return name
        message = f"{history}: nothing was saved as {word}"
        raise KeyError(message)

    def named_by(self, step: Step, text: str) -> Name:
        """Find the thing that the first `${…}` in a text names."""
        found = REFERENCE.search(text)
        if found is None:
            message = f"{step.history}: no reference in {text!r}"
            raise ValueError(message)
        return self.find(step.history, found[1])


def age_at(person: dict[str, Any], day: date) -> int:
    """Years of age on a day; of an estimated range the lower end, so that a child is presumed (domain.md)."""
    if "date_of_birth" not in person:
        return int(person["age_estimate"]["min"])
    born = date.fromisoformat(person["date_of_birth"])
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def cohort_of(person: dict[str, Any], day: date) -> str:
    """Name the cohort whose beds a person may have: children first, then transgender adults, then women and men."""
    female = person["sex"] == "female"
    if age_at(person, day) < YEARS_CHILD_UNTIL:
        return "girls" if female else "boys"
    if str(person.get("gender", "")).startswith("transgender"):
        return "transgender_adults"
    return "women" if female else "men"
