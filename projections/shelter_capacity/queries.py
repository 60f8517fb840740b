"""The questions of shelter capacity in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.rules.confidence import confidence_percent
from libs.rules.limits import load_limits
from libs.rules.local import day_of

LIMITS = load_limits("aftercare")
STAY_DAYS_MAX: Mapping[str, int] = {
    "transit": LIMITS.of("transit_stay").value,
    "short_term": LIMITS.of("short_term_stay").value,
}
"""Kinds of shelter whose stays have a limit; beyond it they are overdue."""

_BEDS_NOW = "SELECT shelter_id, cohort, capacity, occupied, held FROM shelter_capacity.bed"
_LASTS = (
    "{0}.from_at <= $1 AND {0}.from_recorded_at <= $2 "
    "AND ({0}.to_at IS NULL OR {0}.to_at > $1 OR {0}.to_recorded_at > $2)"
)
_BEDS_AT = f"""
SELECT r.shelter_id, r.cohort, r.count AS capacity,
    (SELECT count(*) FROM shelter_capacity.stay s WHERE s.shelter_id = r.shelter_id AND s.cohort = r.cohort
        AND {_LASTS.format("s")})::integer AS occupied,
    (SELECT count(*) FROM shelter_capacity.hold h WHERE h.shelter_id = r.shelter_id AND h.cohort = r.cohort
        AND {_LASTS.format("h")})::integer AS held
FROM (SELECT DISTINCT ON (shelter_id, cohort) shelter_id, cohort, count FROM shelter_capacity.capacity_report
    WHERE at <= $1 AND recorded_at <= $2 ORDER BY shelter_id, cohort, at DESC, version DESC) r
"""
_REPORTED = """
SELECT shelter_id, max(at) AS reported_at FROM shelter_capacity.capacity_report WHERE at <= $1 AND recorded_at <= $2
GROUP BY 1
"""
_WAITING = """
SELECT w.province, w.kind, w.cohort, count(*)::integer AS waiting
FROM (SELECT DISTINCT ON (case_id) * FROM shelter_capacity.wait WHERE at <= $1 AND recorded_at <= $2
    ORDER BY case_id, at DESC, referral_id DESC, version DESC) w
WHERE NOT EXISTS (SELECT 1 FROM shelter_capacity.completion c WHERE c.referral_id = w.referral_id AND c.at <= $1
        AND c.recorded_at <= $2)
    AND NOT EXISTS (SELECT 1 FROM shelter_capacity.stay s WHERE s.case_id = w.case_id AND s.from_at >= w.at
    AND s.from_at <= $1 AND s.from_recorded_at <= $2)
    AND NOT coalesce((SELECT c.closed FROM shelter_capacity.closure c WHERE c.case_id = w.case_id AND c.at <= $1
        AND c.recorded_at <= $2 ORDER BY c.at DESC, c.version DESC LIMIT 1), false)
GROUP BY 1, 2, 3
"""
_OVERDUE = f"""
SELECT s.shelter_id, s.cohort, count(*)::integer AS overdue
FROM shelter_capacity.stay s JOIN shelter_capacity.shelter h USING (shelter_id)
    JOIN unnest($3::text[], $4::timestamptz[]) AS term (kind, begun_before) ON term.kind = h.kind
WHERE {_LASTS.format("s")} AND s.from_at < term.begun_before
GROUP BY 1, 2
"""
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are asked for; None is any."""

    province: str | None = None
    cohort: str | None = None
    kind: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Clocks:
    """As at which moment the answer is, by when things happened and by when they were recorded; `past` says not now."""

    at: datetime
    known_at: datetime = FOREVER
    past: bool = True


async def beds(pool: asyncpg.Pool, wanted: Filter, clocks: Clocks) -> list[dict[str, JSON]]:
    """One row per shelter and cohort as at a moment, in a stable order."""
    moment = (clocks.at, clocks.known_at)
    source, parameters = (_BEDS_AT, moment) if clocks.past else (_BEDS_NOW, ())
    rows = await pool.fetch(
        f"SELECT h.*, b.cohort, b.capacity, b.occupied, b.held FROM ({source}) b "
        "JOIN shelter_capacity.shelter h USING (shelter_id) ORDER BY h.shelter_id, b.cohort",
        *parameters,
    )
    waiting, overdue = await waiting_by_place(pool, clocks), await _overdue(pool, clocks)
    reported = {row["shelter_id"]: row["reported_at"] for row in await pool.fetch(_REPORTED, *moment)}
    return [
        {
            **{
                name: row[name]
                for name in ("shelter_id", "provider_id", "province", "kind", "cohort", "capacity", "occupied", "held")
            },
            "free": row["capacity"] - row["occupied"] - row["held"],
            "waiting": waiting.get(_place(dict(row)), 0),
            "overdue": overdue.get((row["shelter_id"], row["cohort"]), 0),
            **_believed(reported.get(row["shelter_id"]), clocks.at),
        }
        for row in rows
        if _wanted(dict(row), wanted)
    ]


def _believed(reported_at: datetime | None, at: datetime) -> dict[str, JSON]:
    """How old the shelter's last report is, and how far its figures are believed for it."""
    if reported_at is None:
        return {"reported_at": None, "confidence_percent": 0}
    return {
        "reported_at": rfc3339(reported_at),
        "confidence_percent": confidence_percent(day_of(reported_at), day_of(at), LIMITS),
    }


async def waiting_by_place(pool: asyncpg.Pool, clocks: Clocks) -> Mapping[Place, int]:
    """How many persons wait at each place."""
    rows = await pool.fetch(_WAITING, clocks.at, clocks.known_at)
    return {(row["province"], row["kind"], row["cohort"]): row["waiting"] for row in rows}


async def gaps(pool: asyncpg.Pool, clocks: Clocks, organisation: str | None = None) -> list[dict[str, JSON]]:
    """Places where somebody waits and no shelter has a free bed; adult men and transgender adults first.

    For an organisation, the places where it has beds of its own.
    """
    rows = await beds(pool, Filter(), clocks)
    own = {_place(row) for row in await beds(pool, Filter(organisation=organisation), clocks)} if organisation else ()
    found = []
    for place, waiting in (await waiting_by_place(pool, clocks)).items():
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


async def _overdue(pool: asyncpg.Pool, clocks: Clocks) -> Mapping[tuple[str, str], int]:
    begun_before = [clocks.at - timedelta(days=days) for days in STAY_DAYS_MAX.values()]
    rows = await pool.fetch(_OVERDUE, clocks.at, clocks.known_at, list(STAY_DAYS_MAX), begun_before)
    return {(row["shelter_id"], row["cohort"]): row["overdue"] for row in rows}


def _place(row: Mapping[str, JSON]) -> Place:
    return row["province"], row["kind"], row["cohort"]


def _wanted(row: Mapping[str, JSON], wanted: Filter) -> bool:
    names = ("province", "cohort", "kind", "organisation")
    return all(getattr(wanted, name) in (None, row[name]) for name in names)
