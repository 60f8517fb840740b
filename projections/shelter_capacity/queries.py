"""The questions of shelter capacity in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from libs.events.event import JSON
from libs.rules.limits import load_limits

LIMITS = load_limits("aftercare")
TRANSIT_DAYS_MAX = LIMITS.of("transit_stay").value

_BEDS_NOW = "SELECT shelter_id, cohort, capacity, occupied, held FROM shelter_capacity.bed"
_BEDS_AT = """
SELECT r.shelter_id, r.cohort, r.count AS capacity,
    (SELECT count(*) FROM shelter_capacity.stay s WHERE s.shelter_id = r.shelter_id AND s.cohort = r.cohort
        AND s.from_at <= $1 AND (s.to_at IS NULL OR s.to_at > $1))::integer AS occupied,
    (SELECT count(*) FROM shelter_capacity.hold h WHERE h.shelter_id = r.shelter_id AND h.cohort = r.cohort
        AND h.from_at <= $1 AND (h.to_at IS NULL OR h.to_at > $1))::integer AS held
FROM (SELECT DISTINCT ON (shelter_id, cohort) shelter_id, cohort, count FROM shelter_capacity.capacity_report
    WHERE at <= $1 ORDER BY shelter_id, cohort, at DESC, version DESC) r
"""
_WAITING = """
SELECT w.province, w.kind, w.cohort, count(*)::integer AS waiting
FROM (SELECT DISTINCT ON (case_id) * FROM shelter_capacity.wait WHERE at <= $1
    ORDER BY case_id, at DESC, referral_id DESC, version DESC) w
WHERE NOT EXISTS (SELECT 1 FROM shelter_capacity.completion c WHERE c.referral_id = w.referral_id AND c.at <= $1)
    AND NOT EXISTS (SELECT 1 FROM shelter_capacity.stay s WHERE s.case_id = w.case_id AND s.from_at >= w.at
    AND s.from_at <= $1)
GROUP BY 1, 2, 3
"""
_OVERDUE = """
SELECT s.shelter_id, s.cohort, count(*)::integer AS overdue
FROM shelter_capacity.stay s JOIN shelter_capacity.shelter h USING (shelter_id)
WHERE s.from_at <= $1 AND (s.to_at IS NULL OR s.to_at > $1)
    AND h.kind = 'transit' AND s.from_at < $2
GROUP BY 1, 2
"""
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are asked for; None is any."""

    province: str | None = None
    cohort: str | None = None
    kind: str | None = None
    organisation: str | None = None


async def beds(pool: asyncpg.Pool, wanted: Filter, at: datetime | None, moment: datetime) -> list[dict[str, JSON]]:
    """One row per shelter and cohort as at a moment, in a stable order."""
    source, parameters = (_BEDS_AT, [at]) if at else (_BEDS_NOW, [])
    rows = await pool.fetch(
        f"SELECT h.*, b.cohort, b.capacity, b.occupied, b.held FROM ({source}) b "
        "JOIN shelter_capacity.shelter h USING (shelter_id) ORDER BY h.shelter_id, b.cohort",
        *parameters,
    )
    waiting, overdue = await waiting_by_place(pool, moment), await _overdue(pool, moment)
    return [
        {
            **{
                name: row[name]
                for name in ("shelter_id", "provider_id", "province", "kind", "cohort", "capacity", "occupied", "held")
            },
            "free": row["capacity"] - row["occupied"] - row["held"],
            "waiting": waiting.get(_place(dict(row)), 0),
            "overdue": overdue.get((row["shelter_id"], row["cohort"]), 0),
        }
        for row in rows
        if _wanted(dict(row), wanted)
    ]


async def waiting_by_place(pool: asyncpg.Pool, moment: datetime) -> Mapping[Place, int]:
    """How many persons wait at each place."""
    rows = await pool.fetch(_WAITING, moment)
    return {(row["province"], row["kind"], row["cohort"]): row["waiting"] for row in rows}


async def gaps(
    pool: asyncpg.Pool, at: datetime | None, moment: datetime, organisation: str | None = None
) -> list[dict[str, JSON]]:
    """Places where somebody waits and no shelter has a free bed; adult men and transgender adults first.

    For an organisation, the places where it has beds of its own.
    """
    rows = await beds(pool, Filter(), at, moment)
    own = (
        {_place(row) for row in await beds(pool, Filter(organisation=organisation), at, moment)} if organisation else ()
    )
    found = []
    for place, waiting in (await waiting_by_place(pool, moment)).items():
        if organisation and place not in own:
            continue
        province, kind, cohort = place
        here = [row for row in rows if _place(row) == place]
        if not any(row["free"] > 0 for row in here):
            capacity = sum(row["capacity"] for row in here)
            found.append(
                {"province": province, "cohort": cohort, "kind": kind, "waiting": waiting, "capacity": capacity}
            )
    return sorted(
        found,
        key=lambda gap: (
            gap["cohort"] not in ("men", "transgender_adults"),
            -gap["waiting"],
            gap["province"],
            gap["kind"],
            gap["cohort"],
        ),
    )


def totals(rows: Sequence[Mapping[str, JSON]]) -> dict[str, int]:
    """The sums over the rows; each waiting person once."""
    sums = {name: sum(row[name] for row in rows) for name in ("capacity", "occupied", "held", "free", "overdue")}
    waiting = {_place(row): row["waiting"] for row in rows}
    return {**sums, "waiting": sum(waiting.values())}


async def _overdue(pool: asyncpg.Pool, moment: datetime) -> Mapping[tuple[str, str], int]:
    rows = await pool.fetch(_OVERDUE, moment, moment - timedelta(days=TRANSIT_DAYS_MAX))
    return {(row["shelter_id"], row["cohort"]): row["overdue"] for row in rows}


def _place(row: Mapping[str, JSON]) -> Place:
    return row["province"], row["kind"], row["cohort"]


def _wanted(row: Mapping[str, JSON], wanted: Filter) -> bool:
    names = ("province", "cohort", "kind", "organisation")
    return all(getattr(wanted, name) in (None, row[name]) for name in names)
