"""The authoritative count in SQL: distinct persons by groups, as at a moment of both clocks, and the tables shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Literal

import asyncpg

from libs.disclosure.control import NOTHING, Out, hidden
from libs.events.event import JSON

Measure = Literal["identified", "presumed", "determined", "in_care", "cared_for", "returned"]
DIMENSIONS: Mapping[str, str] = {
    "sex": "sex",
    "gender": "coalesce(gender, 'unknown')",
    "age_group": "age_group",
    "nationality": "nationality",
    "exploitation": "unnest(exploitation)",
    "province": "province",
    "channel": "channel",
    "source": "channel",
    "reported_by": "reported_by",
    "year": "extract(year FROM occurred_at AT TIME ZONE 'Asia/Phnom_Penh')::integer",
    "status": "status",
}
MEASURES: Mapping[Measure, str] = {
    "identified": "true",
    "presumed": "presumed AND NOT decided",
    "determined": "victim",
    "in_care": "in_care",
    "cared_for": "cared_for",
    "returned": "returned",
}
FUNNEL: Mapping[str, str] = {
    "identified": "true",
    "presumed": "presumed OR victim",
    "determined": "victim",
    "cared_for": "cared_for",
    "returned": "returned",
}
"""How far a person's case came; a stage that was ever reached counts."""
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_AS_IT_STANDS = "SELECT * FROM statistics.person"
_AS_AT = """
SELECT (jsonb_populate_record(NULL::statistics.person, patch || jsonb_build_object('case_id', case_id))).*
FROM (SELECT f.case_id, jsonb_object_agg(e.key, e.value ORDER BY f.version) AS patch
    FROM statistics.fact f CROSS JOIN LATERAL jsonb_each(f.patch) e
    WHERE f.at <= $3 AND f.recorded_at <= $4 GROUP BY 1) folded
"""
# The later word of either side on a link stands. Linked cases are one person: it has the description of its first
# reference, and has come as far as any of them.
_PERSONS = """
WITH RECURSIVE standing (case_id, other) AS (
    SELECT case_id, other_case_id FROM (
        SELECT DISTINCT ON (least(case_id, other_case_id), greatest(case_id, other_case_id)) * FROM statistics.link
        WHERE at <= $3 AND recorded_at <= $4
        ORDER BY least(case_id, other_case_id), greatest(case_id, other_case_id), recorded_at DESC, version DESC
    ) latest WHERE same
), same (case_id, other) AS (
    SELECT case_id, other FROM standing UNION SELECT other, case_id FROM standing
), reach (case_id, other) AS (
    SELECT case_id, other FROM same UNION SELECT r.case_id, s.other FROM reach r JOIN same s ON s.case_id = r.other
), known AS (
    SELECT * FROM ({source}) k WHERE sex IS NOT NULL
), first AS (
    SELECT k.case_id, least(k.case_id, min(o.case_id)) AS person
    FROM known k LEFT JOIN reach r ON r.case_id = k.case_id LEFT JOIN known o ON o.case_id = r.other GROUP BY 1
), came AS (
    SELECT f.person, bool_or(k.screening IS NOT DISTINCT FROM 'presumed_victim') AS presumed,
        bool_or(coalesce(k.outcome, 'inconclusive') <> 'inconclusive') AS decided,
        bool_or(k.outcome IS NOT DISTINCT FROM 'victim') AS victim, bool_or(coalesce(k.in_care, false)) AS in_care,
        bool_or(k.entered_care_at IS NOT NULL) AS cared_for, bool_or(k.returned_at IS NOT NULL) AS returned,
        array_agg(f.case_id ORDER BY f.case_id) AS cases
    FROM known k JOIN first f USING (case_id) GROUP BY 1
), person AS (
    SELECT k.case_id, k.occurred_at, k.sex, k.gender, k.age_group, k.nationality, k.exploitation, k.province,
        k.channel, k.reported_by, k.language, k.industry, k.recruitment_method, k.control_methods, k.screening,
        k.outcome, k.closed, k.entered_care_at, c.presumed, c.decided, c.victim, c.in_care, c.cared_for, c.returned,
        c.cases, CASE WHEN c.victim THEN 'victim' ELSE coalesce(k.outcome, k.screening, 'identified') END AS status
    FROM known k JOIN came c ON c.person = k.case_id
), asked AS (
    SELECT * FROM person
    WHERE ($1::timestamptz IS NULL OR occurred_at >= $1) AND ($2::timestamptz IS NULL OR occurred_at < $2)
)
"""
Key = tuple[JSON, ...]
Cells = Mapping[Key, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which persons, and as at which moment: by when things happened, and by when they were recorded."""

    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime = FOREVER
    known_at: datetime = FOREVER

    @property
    def parameters(self) -> tuple[datetime | None, datetime | None, datetime, datetime]:
        """As the queries take them."""
        return self.since, self.until, self.as_of, self.known_at


@dataclass(frozen=True, slots=True)
class Table:
    """Counts by groups; a hidden count is None."""

    rows: Sequence[Mapping[str, JSON]]
    suppressed: int
    total: int | None


def persons(scope: Scope) -> str:
    """The common part of every query: `asked` has one row per person in scope, as at the scope's moment."""
    now = scope.as_of == FOREVER and scope.known_at == FOREVER
    return _PERSONS.replace("{source}", _AS_IT_STANDS if now else _AS_AT)


async def cells(pool: asyncpg.Pool, group_by: Sequence[str], condition: str, scope: Scope) -> Cells:
    """The persons of each cell, by the reference that stands for the person."""
    columns = "".join(f"{DIMENSIONS[name]} AS d{number}, " for number, name in enumerate(group_by))
    names = "".join(f"d{number}, " for number in range(len(group_by)))
    grouped = f"GROUP BY {names[:-2]} ORDER BY {names[:-2]}" if group_by else ""
    rows = await pool.fetch(
        f"{persons(scope)} SELECT {names} array_agg(case_id) FROM "
        f"(SELECT {columns} case_id FROM asked WHERE {condition}) flat {grouped}",
        *scope.parameters,
    )
    return {tuple(row[:-1]): frozenset(row[-1] or ()) for row in (tuple(record.values()) for record in rows)}


async def cases_of(
    pool: asyncpg.Pool, cell: Mapping[str, str], condition: str, scope: Scope, after: str, limit: int
) -> list[dict[str, JSON]]:
    """The case references behind a figure, a page of them; linked cases stand together."""
    names = list(cell)
    columns = "".join(f", {DIMENSIONS[name]} AS d{number}" for number, name in enumerate(names))
    matches = "".join(f" AND d{number}::text = ${number + 7}" for number in range(len(names)))
    rows = await pool.fetch(
        f"{persons(scope)} SELECT case_id, cases FROM (SELECT case_id, cases{columns} FROM asked WHERE {condition}) f "
        f"WHERE case_id > $5{matches} ORDER BY case_id LIMIT $6",
        *scope.parameters, after, limit, *cell.values(),
    )  # fmt: skip
    return [{"case_id": row["case_id"], "cases": list(row["cases"])} for row in rows]


def margins(found: Cells) -> list[frozenset[str]]:
    """Every coarser table of the same groups, the total first: what anybody could ask for beside this one."""
    width = len(next(iter(found), ()))
    made: dict[tuple[tuple[int, ...], Key], set[str]] = {}
    for size in range(width):
        for kept in combinations(range(width), size):
            for key, members in found.items():
                made.setdefault((kept, tuple(key[index] for index in kept)), set()).update(members)
    return [frozenset(members) for members in made.values()]


def table(group_by: Sequence[str], found: Cells, threshold: int, out: Out = NOTHING) -> Table:
    """The table as it may be shown beside its margins and what is out already; `threshold` 0 shows everything.

    The margins are protected with it, as if they were asked for too; of them only the total is shown here.
    """
    sets = [*found.values(), *(margins(found) if threshold else [])]
    gone = hidden(sets, threshold, out)
    rows = [
        {**dict(zip(group_by, key, strict=True)), "cases": None if number in gone else len(members)}
        for number, (key, members) in enumerate(found.items())
    ]
    total = len(found) if group_by and threshold else 0
    everybody = frozenset().union(*found.values())
    return Table(rows, sum(row["cases"] is None for row in rows), None if total in gone else len(everybody))
