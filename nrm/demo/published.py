"""Published court figures: a made-up set of court cases that implies each, and what the view says of them.

The figures stand in `examples/published-figures.yaml`; persons, accused, dates and sentences come from its seed.
Nothing here talks to the system but through the reader that it is given.
"""

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from libs.rules.local import CAMBODIA
from nrm.demo.histories import EXAMPLES, History, parse

FILE: Final = "published-figures.yaml"
OUTCOMES: Final = "/v1/views/court-outcomes"
FUNNEL: Final = "/v1/views/court-outcomes/funnel"
STAGES: Final = ("determined", "reported", "prosecuted")
ACCUSED_PER_CASE: Final = (4, 9)
CHARGE: Final = {"statute": "lshtse-2008", "article": "12"}
MONTHS: Final = (84, 180)
"""The range of article 12 in the statute table."""

Get = Callable[[str, Mapping[str, str]], Awaitable[dict[str, Any]]]
"""A view's path and query to its answer."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One published number; `court` where it is of one court only."""

    year: int
    measure: str
    count: int
    court: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A published number, and what the view says: by calendar year, and by the reporting year (April to March)."""

    figure: Figure
    calendar: int
    reporting: int

    @property
    def differs(self) -> bool:
        """Whether the view says anything else than was published."""
        return {self.calendar, self.reporting} != {self.figure.count}


@dataclass(frozen=True, slots=True)
class Published:
    """The file: what was published, what a survey found, and the histories that imply both."""

    figures: tuple[Figure, ...]
    survey: Mapping[str, Any]
    histories: tuple[History, ...]


def read_published(folder: Path = EXAMPLES) -> Published | None:
    """The published figures of a folder of examples; None where it has none."""
    file = folder / FILE
    if not file.exists():
        return None
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    chance = random.Random(document["seed"])  # noqa: S311 - repeatable examples, no secret
    histories = tuple(
        parse(f"published-{year['year']}", {
            "title": f"Made-up court cases behind the figures published for {year['year']}",
            "story": [document["source"]],
            "steps": list(_numbered(_steps(year, document["survey"], chance))),
        })
        for year in document["years"]
    )  # fmt: skip
    return Published(tuple(Figure(**entry) for entry in document["figures"]), document["survey"], histories)


async def compare(get: Get, figures: tuple[Figure, ...]) -> list[Compared]:
    """Ask the view for every figure, by both definitions of a year."""
    return [
        Compared(
            figure,
            await _asked(get, figure, "year", f"{figure.year}-01-01", f"{figure.year}-12-31"),
            await _asked(get, figure, "reporting_year", f"{figure.year}-04-01", f"{figure.year + 1}-03-31"),
        )
        for figure in figures
    ]


async def surveyed(get: Get, survey: Mapping[str, Any]) -> dict[str, int]:
    """How far the persons of the survey's organisation came, as the funnel says by source."""
    items = (await get(FUNNEL, {"group_by": "source"}))["items"]
    found = [item for item in items if item["source"] == survey["organisation"]]
    return {stage: sum(item[stage] for item in found) for stage in STAGES}


async def _asked(get: Get, figure: Figure, group_by: str, first: str, last: str) -> int:
    query = {"group_by": group_by, "from": first, "to": last, "dated_by": "event"}
    answer = await get(OUTCOMES, query | ({"court": figure.court} if figure.court else {}))
    return int(answer["totals"][figure.measure])


def _steps(year: Mapping[str, Any], survey: Mapping[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    """A year: its victims, those of the survey in its year, and the court cases with what became of each accused."""
    surveyed_here = survey["determined"] if year["year"] == survey["year"] else 0
    for number in range(surveyed_here):
        yield from _victim(
            f"surveyed{number}", survey["organisation"], year["year"], chance, reported=number < survey["reported"]
        )
    sizes = list(_sizes(year["prosecutions"], chance))
    results = [name for name in ("convicted", "acquitted", "dismissed") for _ in range(year[name])]
    results += [""] * (year["prosecutions"] - len(results))
    chance.shuffle(results)
    for number, size in enumerate(sizes):
        yield from _victim(f"victim{number}", "cnp-anti-trafficking", year["year"], chance, reported=True)
        named = [f"victim{number}"]
        if surveyed_here and number < survey["prosecuted"]:
            named.append(f"surveyed{number}")
        court = year["courts"][number % len(year["courts"])]
        yield from _court_case(number, court, named, [results.pop() for _ in range(size)], year["year"], chance)


def _sizes(accused: int, chance: random.Random) -> Iterator[int]:
    while accused > 0:
        size = min(accused, chance.randint(*ACCUSED_PER_CASE))
        accused -= size
        yield size


def _victim(
    name: str, organisation: str, year: int, chance: random.Random, *, reported: bool
) -> Iterator[dict[str, Any]]:
    met = datetime(year, 4, 1, 9, tzinfo=CAMBODIA) + timedelta(minutes=chance.randrange(20_000))
    age = chance.randint(15, 40)
    person = {
        "sex": chance.choice(["female", "male"]),
        "age_estimate": {"min": age, "max": age + 2},
        "nationality": "KH",
    }
    yield {
        "as": {"org": organisation, "role": "first_responder"}, "service": "identification", "post": "/v1/cases",
        "save": name,
        "body": {
            "occurred_at": met.isoformat(), "channel": "outreach", "person": person,
            "place": {"province": chance.choice(["KH-12", "KH-2", "KH-17", "KH-20"]), "country": "KH"},
            "circumstances": {"continuum": "B", "exploitation": ["sexual_exploitation"]},
        },
    }  # fmt: skip
    yield {
        "as": {"org": "nrm-authority", "role": "competent_authority"}, "service": "identification",
        "post": f"/v1/cases/${{{name}}}/determinations",
        "body": {
            "occurred_at": (met + timedelta(days=3)).isoformat(), "act": ["recruitment"], "means": ["deception"],
            "purpose": ["sexual_exploitation"], "outcome": "victim", "legal_basis": [CHARGE], "reasons": "made up",
        },
    }  # fmt: skip
    if reported:
        yield {
            "as": {"org": "cnp-anti-trafficking", "role": "first_responder"}, "service": "justice",
            "post": "/v1/reports",
            "body": {"occurred_at": (met + timedelta(days=4)).isoformat(), "case_id": f"${{{name}}}"},
        }  # fmt: skip


def _court_case(
    number: int, court: str, victims: list[str], results: list[str], year: int, chance: random.Random
) -> Iterator[dict[str, Any]]:
    began = datetime(year, 5, 2, 9, tzinfo=CAMBODIA) + timedelta(days=chance.randrange(90))
    refs = [f"{year}-{number}-{index}" for index in range(len(results))]
    by = {"as": {"org": court, "role": "justice"}, "service": "justice"}
    yield by | {
        "post": "/v1/court-cases",
        "save": f"trial{number}",
        "body": {
            "occurred_at": began.isoformat(),
            "case_ids": [f"${{{name}}}" for name in victims],
            "court": court,
            "accused": [{"ref": ref} for ref in refs],
            "charges": [{"accused_ref": ref, **CHARGE, "counts": 1} for ref in refs],
        },
    }
    for ref, result in zip(refs, results, strict=True):
        decided = began + timedelta(days=chance.randint(20, 140))
        sentence = {"sentence": {"prison_months": chance.randint(*MONTHS)}} if result == "convicted" else {}
        if result:
            body = {"occurred_at": decided.isoformat(), "accused_ref": ref, **CHARGE, "result": result, **sentence}
            yield by | {"post": f"/v1/court-cases/${{trial{number}}}/verdicts", "body": body}


def _numbered(steps: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield {"what": step["post"].rsplit("/", 1)[1], **step}
