"""The authoritative count in SQL, and the hiding of small cells."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from libs.events.event import JSON

Measure = Literal["identified", "presumed", "determined", "in_care", "returned"]
DIMENSIONS: Mapping[str, str] = {
    "sex": "sex",
    "gender": "coalesce(gender, 'unknown')",
    "age_group": "age_group",
    "nationality": "nationality",
    "exploitation": "unnest(exploitation)",
    "province": "province",
    "channel": "channel",
    "reported_by": "reported_by",
    "year": "extract(year FROM occurred_at AT TIME ZONE 'Asia/Phnom_Penh')::integer",
    "status": "coalesce(outcome, screening, 'identified')",
}
_MEASURES: Mapping[Measure, str] = {
    "identified": "true",
    "presumed": "screening = 'presumed_victim' AND coalesce(outcome, 'inconclusive') = 'inconclusive'",
    "determined": "outcome = 'victim'",
    "in_care": "in_care",
    "returned": "returned_at IS NOT NULL",
}
_TEXTS = ("sex", "gender", "age_group", "nationality", "province", "channel", "reported_by", "screening", "outcome")
_OTHERS = ("occurred_at", "outcome_at", "in_care", "returned_at")
_WITHIN = "($3::timestamptz IS NULL OR happened_at <= $3) AND ($4::timestamptz IS NULL OR recorded_at <= $4)"


def _last(column: str) -> str:
    """The last word on a column: each is written by one stream, so its versions order it."""
    return f"(array_agg({column} ORDER BY version DESC) FILTER (WHERE {column} IS NOT NULL))[1]"


_NOW = "SELECT * FROM statistics.person"
_THEN = (
    f"SELECT case_id, {', '.join(f'{_last(name)} AS {name}' for name in (*_TEXTS, *_OTHERS))}, "
    f"({_last('exploitation::text')})::text[] AS exploitation FROM statistics.said WHERE {_WITHIN} GROUP BY case_id"
)
# The first reference of each group of linked cases stands for the person.
_PERSONS = f"""
WITH RECURSIVE stands AS (
    SELECT DISTINCT ON (least(case_id, other_case_id), greatest(case_id, other_case_id)) case_id, other_case_id, linked
    FROM statistics.link WHERE {_WITHIN}
    ORDER BY least(case_id, other_case_id), greatest(case_id, other_case_id), recorded_at DESC, version DESC
), same (case_id, other) AS (
    SELECT case_id, other_case_id FROM stands WHERE linked UNION SELECT other_case_id, case_id FROM stands WHERE linked
), reach (case_id, other) AS (
    SELECT case_id, other FROM same UNION SELECT r.case_id, s.other FROM reach r JOIN same s ON s.case_id = r.other
), person AS (
    SELECT * FROM ({{source}}) p WHERE sex IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM reach r WHERE r.case_id = p.case_id AND r.other < p.case_id)
)
"""
Key = tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Counts by groups; a hidden count is None."""

    rows: Sequence[Mapping[str, JSON]]
    suppressed: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which period of identification is meant, and by which clocks: what had happened, and what had been recorded."""

    since: datetime | None = None
    until: datetime | None = None
    at: datetime | None = None
    known_at: datetime | None = None


async def count(
    pool: asyncpg.Pool, group_by: Sequence[str], measure: Measure, asked: Asked
) -> tuple[dict[Key, int], int]:
    """Persons by the groups, and in all."""
    persons = _PERSONS.format(source=_THEN if asked.at or asked.known_at else _NOW)
    values = (asked.since, asked.until, asked.at, asked.known_at)
    where = (
        f"{_MEASURES[measure]} AND ($1::timestamptz IS NULL OR occurred_at >= $1) "
        "AND ($2::timestamptz IS NULL OR occurred_at < $2)"
    )
    total: int = await pool.fetchval(f"{persons} SELECT count(*) FROM person WHERE {where}", *values)
    if not group_by:
        return {(): total}, total
    columns = ", ".join(DIMENSIONS[name] for name in group_by)
    numbers = ", ".join(str(index + 1) for index in range(len(group_by)))
    rows = await pool.fetch(
        f"{persons} SELECT {columns}, count(*) FROM person WHERE {where} GROUP BY {numbers} ORDER BY {numbers}", *values
    )
    return {tuple(row[:-1]): row[-1] for row in (tuple(record.values()) for record in rows)}, total


def table(group_by: Sequence[str], counts: Mapping[Key, int], total: int, threshold: int) -> Table:
    """The table as it may be shown; `threshold` 0 shows everything."""
    hidden = hide(counts, threshold)
    rows = [
        {**dict(zip(group_by, key, strict=True)), "cases": None if key in hidden else number}
        for key, number in counts.items()
    ]
    return Table(rows, len(hidden), None if 0 < total < threshold else total)


def hide(counts: Mapping[Key, int], threshold: int) -> set[Key]:
    """The cells that are hidden: small ones, and in each line as many more as keep the small ones from subtraction."""
    hidden = {key for key, number in counts.items() if 0 < number < threshold}
    lines = _lines(counts)
    changed = bool(hidden)
    while changed:
        changed = False
        for line in lines:
            inside = [key for key in line if key in hidden]
            shown = sorted(
                (key for key in line if key not in hidden and counts[key]), key=lambda key: (counts[key], str(key))
            )
            exposed = inside and (len(inside) == 1 or sum(counts[key] for key in inside) < threshold)
            if exposed and shown:
                hidden.add(shown[0])
                changed = True
    return hidden


def _lines(counts: Mapping[Key, int]) -> list[list[Key]]:
    """For each group, the cells that share all the others; and the whole table, whose total is shown."""
    lines: dict[tuple[int, Key], list[Key]] = defaultdict(list)
    for key in counts:
        for index in range(len(key)):
            lines[index, (*key[:index], *key[index + 1 :])].append(key)
    return [*lines.values(), list(counts)]
