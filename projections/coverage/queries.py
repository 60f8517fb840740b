"""Who knows whom: cases joined to persons, persons to systems, and what the systems disagree about."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import combinations

import asyncpg

from libs.events.event import JSON

OURS = "nrm"
"""The register itself: cases that were opened here and not brought in."""

_SOURCES = """
SELECT DISTINCT ON (stream) case_id, system, met_on, age_group, claim, filled, beyond FROM coverage.source
WHERE at <= $1 ORDER BY stream, version DESC
"""
_OURS = "SELECT case_id FROM coverage.person WHERE at <= $1 AND channel <> 'import'"
_LINKS = """
SELECT case_id, other_case_id FROM (SELECT DISTINCT ON (case_id, other_case_id) case_id, other_case_id, same
    FROM coverage.link WHERE at <= $1 ORDER BY case_id, other_case_id, version DESC) latest WHERE same
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What one system says of one case."""

    case_id: str
    system: str
    met_on: date | None = None
    age_group: str | None = None
    claim: str | None = None
    filled: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


@dataclass(slots=True)
class Coverage:
    """Every person, and the records that each system has of the person."""

    persons: list[dict[str, list[Record]]] = field(default_factory=list)

    @property
    def systems(self) -> list[str]:
        """The systems that know anybody."""
        return sorted({system for person in self.persons for system in person})


async def coverage(pool: asyncpg.Pool, at: datetime) -> Coverage:
    """Who was known to whom, as it was recorded until a moment."""
    records = [Record(**{**row, "filled": tuple(row["filled"] or ()), "beyond": tuple(row["beyond"] or ())})
               for row in await pool.fetch(_SOURCES, at)]  # fmt: skip
    records += [Record(row["case_id"], OURS) for row in await pool.fetch(_OURS, at)]
    links = [(row["case_id"], row["other_case_id"]) for row in await pool.fetch(_LINKS, at)]
    return joined(records, links)


def joined(records: Iterable[Record], links: Iterable[tuple[str, str]]) -> Coverage:
    """The records by person: linked cases are one."""
    parent: dict[str, str] = {}

    def root(case_id: str) -> str:
        while (above := parent.setdefault(case_id, case_id)) != case_id:
            parent[case_id] = parent[above]
            case_id = above
        return case_id

    for one, other in links:
        parent[root(one)] = root(other)
    persons: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        persons[root(record.case_id)][record.system].append(record)
    return Coverage([dict(person) for person in persons.values()])


def pairs(found: Coverage, threshold: int) -> list[dict[str, JSON]]:
    """For every two systems: how many persons both know, only one knows, and what they say differently."""
    sizes = Counter(system for person in found.persons for system in person)
    items = []
    for one, two in combinations(found.systems, 2):
        shared = [person for person in found.persons if one in person and two in person]
        counts = {
            "both": len(shared), f"only_{one}": sizes[one] - len(shared), f"only_{two}": sizes[two] - len(shared),
        }  # fmt: skip
        # Any one of the three and the sizes of the systems give the others: they are hidden together.
        hidden = any(0 < count < threshold for count in counts.values())
        disagreements = {
            name: sum(_differs(person[one], person[two], name) for person in shared)
            for name in ("met_on", "age_group", "claim")
        }
        shown = dict(zip(("date", "age", "status"), disagreements.values(), strict=True))
        items.append({
            "systems": [one, two],
            "both": None if hidden else len(shared),
            "only": {system: None if hidden else counts[f"only_{system}"] for system in (one, two)},
            "disagreements": {
                name: None if hidden or 0 < count < threshold else count for name, count in shown.items()
            },
            "never_joined": not shared,
        })  # fmt: skip
    return items


def systems(found: Coverage, threshold: int) -> list[dict[str, JSON]]:
    """What each system states: persons, records, and for each fact the share of its records that have it."""
    items = []
    for system in found.systems:
        held = [person[system] for person in found.persons if system in person]
        records = [record for of in held for record in of]
        small = 0 < len(held) < threshold
        facts = sorted({name for record in records for name in record.filled})
        beyond = Counter(name for record in records for name in record.beyond)
        items.append({
            "system": system,
            "persons": None if small else len(held),
            "records": None if small else len(records),
            "filled_percent": {} if small else {
                name: sum(name in record.filled for record in records) * 100 // len(records) for name in facts
            },
            # what another service would record and nobody has: referrals, court numbers, ways home
            "beyond_percent": {} if small else {
                name: count * 100 // len(records) for name, count in sorted(beyond.items())
            },
        })  # fmt: skip
    return items


def totals(found: Coverage, threshold: int) -> dict[str, JSON]:
    """How many persons there are, and how many of them are known to how many systems."""
    known = Counter(len(person) for person in found.persons)
    small = any(0 < count < threshold for count in known.values())
    return {
        "persons": None if 0 < len(found.persons) < threshold else len(found.persons),
        "known_to": {str(count): None if small else number for count, number in sorted(known.items())},
    }


def histories(found: Coverage, chosen: Sequence[str]) -> Mapping[tuple[bool, ...], int]:
    """How many persons stand in which of some systems."""
    seen = Counter(tuple(system in person for system in chosen) for person in found.persons)
    return {history: count for history, count in seen.items() if any(history)}


def _differs(one: Sequence[Record], two: Sequence[Record], name: str) -> bool:
    """Whether two systems state a fact, and no record of one says what a record of the other does."""
    first, second = ({getattr(record, name) for record in of} - {None, "unknown"} for of in (one, two))
    return bool(first and second and not first & second)
