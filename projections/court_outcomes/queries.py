"""The questions of court outcomes in SQL. The database counts and sums; percentiles are exact, in whole tenths.

Every fact is looked at only where it had happened by `at` ($1) and was recorded by `known_at` ($2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import asyncpg

from libs.events.event import JSON

GroupBy = Literal["year", "reporting_year", "court", "province", "article", "accused"]
DatedBy = Literal["prosecution", "event"]
FunnelBy = Literal["source", "system"]
STAGES = ("determined", "reported", "prosecuted", "convicted")
RESULTS = ("convicted", "acquitted", "dismissed", "pending")
SENTENCES = ("prison_and_fine", "prison_only", "fine_only", "not_recorded")
ALERTS = ("raised", "assigned", "resolved")
_COUNTED = ("prosecutions", *RESULTS, *SENTENCES, *ALERTS)

# Cambodia is at UTC+7 the whole year.
_LOCAL = "(moment AT TIME ZONE 'UTC' + interval '7 hours')"
_KEYS: Mapping[str, Mapping[str, str]] = {
    "year": {"year": f"extract(year FROM {_LOCAL})::int"},
    # April to March, named by the year in which it begins: April 2009 to March 2010 is 2009.
    "reporting_year": {"reporting_year": f"extract(year FROM {_LOCAL} - interval '3 months')::int"},
    "court": {"court": "court"},
    "province": {"province": "province"},
    "article": {"statute": "statute", "article": "article"},
    "accused": {"accused": "ref"},
}

_SEEN = "($1::timestamptz IS NULL OR occurred_at <= $1) AND ($2::timestamptz IS NULL OR recorded_at <= $2)"
# Links between cases of one person at the moment asked for: a person's linked cases count once.
_PERSONS = f"""
stands AS (
    SELECT DISTINCT ON (least(case_id, other_case_id), greatest(case_id, other_case_id)) case_id, other_case_id, linked
    FROM court_outcomes.link WHERE {_SEEN}
    ORDER BY least(case_id, other_case_id), greatest(case_id, other_case_id), recorded_at DESC, version DESC
), pairs AS (
    SELECT case_id AS a, other_case_id AS b FROM stands WHERE linked
    UNION SELECT other_case_id, case_id FROM stands WHERE linked
), reach AS (
    SELECT a, b FROM pairs UNION SELECT r.a, p.b FROM reach r JOIN pairs p ON p.a = r.b
), person AS (
    SELECT a AS case_id, least(a, min(b)) AS person FROM reach GROUP BY a
)"""
# The last recorded verdict on a charge stands: after an appeal, the one that replaced the first.
_STANDING = f"""
standing AS (
    SELECT DISTINCT ON (court_case_id, ref, statute, article) * FROM court_outcomes.verdict
    WHERE {_SEEN} ORDER BY court_case_id, ref, statute, article, version DESC
)"""
# A charge is as it was last brought or withdrawn.
_CHARGED = f"""
tried AS (
    SELECT court_case_id, ref, court, province, occurred_at AS began_at FROM court_outcomes.accused
    WHERE {_SEEN} AND ($5::text IS NULL OR court = $5) AND ($6::text IS NULL OR province = $6)
), moved AS (
    SELECT DISTINCT ON (court_case_id, ref, statute, article) * FROM court_outcomes.charge
    WHERE {_SEEN} ORDER BY court_case_id, ref, statute, article, version DESC
), charged AS (
    SELECT t.court_case_id, t.ref, t.court, t.province, t.began_at, c.statute, c.article,
        c.occurred_at AS moved_at, NOT c.brought AS withdrawn,
        s.result, s.prison_months, s.fine_khr, s.compensation_khr, s.occurred_at AS decided_at
    FROM tried t
    LEFT JOIN moved c ON c.court_case_id = t.court_case_id AND c.ref = t.ref
    LEFT JOIN standing s ON s.court_case_id = c.court_case_id AND s.ref = c.ref
        AND s.statute = c.statute AND s.article = c.article
    WHERE ($7::text IS NULL OR c.statute = $7) AND ($8::text IS NULL OR c.article = $8)
)"""
# One row per accused and court case (and article, where that is asked for).
_UNITS = """
units AS (
    SELECT court_case_id, ref, court, province, {statute} AS statute, {article} AS article, min(began_at) AS began_at,
        CASE WHEN bool_or(result = 'convicted') THEN 'convicted'
            WHEN bool_or(result IS NULL AND withdrawn IS NOT TRUE) THEN 'pending'
            WHEN bool_or(result = 'acquitted') THEN 'acquitted' ELSE 'dismissed' END AS outcome,
        coalesce(max(decided_at), max(moved_at) FILTER (WHERE withdrawn)) AS ended_at,
        (max(decided_at) AT TIME ZONE 'UTC' + interval '7 hours')::date
            - (min(moved_at) FILTER (WHERE result IS NOT NULL) AT TIME ZONE 'UTC' + interval '7 hours')::date AS days,
        bool_or(result = 'convicted' AND prison_months > 0) AS prison,
        bool_or(result = 'convicted' AND fine_khr > 0) AS fine
    FROM charged GROUP BY court_case_id, ref, court, province {by_article}
)"""
# What is counted, one row each: whose, when ($9: by the prosecution's beginning, else by its own moment), how much.
_MEASURED = f"""
measured AS (
    SELECT court, province, statute, article, ref, began_at AS moment, 'prosecutions' AS what, 1::bigint AS amount,
        NULL::int AS days, NULL::text AS person FROM units
    UNION ALL
    SELECT court, province, statute, article, ref,
        CASE WHEN $9 OR outcome = 'pending' THEN began_at ELSE ended_at END, outcome, 1,
        CASE WHEN outcome <> 'pending' THEN days END, NULL FROM units
    UNION ALL
    SELECT court, province, statute, article, ref, CASE WHEN $9 THEN began_at ELSE ended_at END,
        CASE WHEN prison AND fine THEN 'prison_and_fine' WHEN prison THEN 'prison_only' WHEN fine THEN 'fine_only'
            ELSE 'not_recorded' END, 1, NULL, NULL FROM units WHERE outcome = 'convicted'
    UNION ALL
    SELECT court, province, statute, article, ref, CASE WHEN $9 THEN began_at ELSE decided_at END,
        'ordered', compensation_khr, NULL, NULL FROM charged WHERE compensation_khr > 0
    UNION ALL
    SELECT t.court, t.province, p.statute, p.article, p.ref, CASE WHEN $9 THEN t.began_at ELSE p.occurred_at END,
        'paid', p.amount_khr, NULL, NULL
    FROM tried t JOIN (SELECT * FROM court_outcomes.payment WHERE {_SEEN}) p USING (court_case_id, ref)
    WHERE ($7::text IS NULL OR p.statute = $7) AND ($8::text IS NULL OR p.article = $8)
    UNION ALL
    SELECT v.court, v.province, v.statute, v.article, NULL, v.occurred_at, w.what, 1, NULL,
        CASE WHEN w.what = 'open' THEN coalesce(person.person, v.case_id) END
    FROM (SELECT * FROM court_outcomes.victim_charge WHERE {_SEEN}) v
    JOIN (
        SELECT victim_charge_id, bool_or(stage = 'assigned') AS assigned, bool_or(stage = 'resolved') AS resolved
        FROM court_outcomes.alert WHERE {_SEEN} GROUP BY victim_charge_id HAVING bool_or(stage = 'raised')
    ) a USING (victim_charge_id)
    LEFT JOIN person USING (case_id)
    CROSS JOIN LATERAL (VALUES ('raised', true), ('assigned', assigned), ('resolved', resolved), ('open', NOT resolved))
        AS w (what, so)
    WHERE w.so AND ($5::text IS NULL OR v.court = $5) AND ($6::text IS NULL OR v.province = $6)
        AND ($7::text IS NULL OR v.statute = $7) AND ($8::text IS NULL OR v.article = $8)
)"""
_DATED = """
dated AS (
    SELECT {keys}, what, amount, days, person FROM measured
    WHERE ($3::timestamptz IS NULL OR moment >= $3) AND ($4::timestamptz IS NULL OR moment < $4)
)"""
_FUNNEL = f"""
WITH RECURSIVE {_PERSONS}, {_STANDING}, stages AS (
    SELECT 'determined' AS stage, case_id, occurred_at AS moment FROM (
        SELECT DISTINCT ON (case_id) * FROM court_outcomes.determination
        WHERE {_SEEN} ORDER BY case_id, version DESC
    ) d WHERE outcome = 'victim'
    UNION ALL SELECT 'reported', case_id, min(occurred_at) FROM court_outcomes.report WHERE {_SEEN} GROUP BY case_id
    UNION ALL SELECT 'prosecuted', case_id, min(occurred_at) FROM court_outcomes.prosecuted_case
        WHERE {_SEEN} GROUP BY case_id
    UNION ALL SELECT 'convicted', c.case_id, min(s.occurred_at)
        FROM (SELECT court_case_id, case_id FROM court_outcomes.prosecuted_case WHERE {_SEEN}) c
        JOIN standing s USING (court_case_id) WHERE s.result = 'convicted' GROUP BY c.case_id
), known AS (
    SELECT DISTINCT coalesce(person, case_id) AS whose, system
    FROM court_outcomes.known_to LEFT JOIN person USING (case_id) WHERE {_SEEN}
)
SELECT {{key}} AS key, {{figures}}
FROM stages LEFT JOIN person USING (case_id) {{joined}}
WHERE ($3::timestamptz IS NULL OR moment >= $3) AND ($4::timestamptz IS NULL OR moment < $4)
{{grouped}}
"""
_FUNNEL_BY: Final[Mapping[FunnelBy | None, tuple[str, str]]] = {
    None: ("NULL", ""),
    "source": ("reported_by", "LEFT JOIN court_outcomes.source USING (case_id)"),
    "system": ("system", "LEFT JOIN known ON whose = coalesce(person, case_id)"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: which accused and charges, which period, as at which moment, known when, dated how."""

    at: datetime | None = None
    known_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    court: str | None = None
    province: str | None = None
    statute: str | None = None
    article: str | None = None
    dated_by: DatedBy = "prosecution"


async def outcomes(
    pool: asyncpg.Pool, asked: Asked, group_by: Sequence[str]
) -> tuple[list[dict[str, JSON]], dict[str, JSON]]:
    """The items in the order of their groups, and the totals."""
    rows = await pool.fetch(
        outcomes_sql(group_by), asked.at, asked.known_at, asked.since, asked.until, asked.court, asked.province,
        asked.statute, asked.article, asked.dated_by == "prosecution",
    )  # fmt: skip
    names = keys_of(group_by)
    items = [{**{name: row[name] for name in names}, **figures(dict(row))} for row in rows if not row["whole"]]
    items.sort(key=lambda item: [(item[name] is None, item[name]) for name in names])
    whole = next(row for row in rows if row["whole"])
    return items, figures(dict(whole))


def keys_of(group_by: Sequence[str]) -> list[str]:
    """The keys in an item that say which group it is."""
    return [name for group in group_by for name in _KEYS[group]]


def outcomes_sql(group_by: Sequence[str]) -> str:
    """The one statement that answers, for these groups."""
    keys = {name: sql for group in group_by for name, sql in _KEYS[group].items()}
    by_article = "article" in group_by
    units = _UNITS.format(
        statute="statute" if by_article else "NULL::text",
        article="article" if by_article else "NULL::text",
        by_article=", statute, article" if by_article else "",
    )
    dated = _DATED.format(keys=", ".join(f"{sql} AS {name}" for name, sql in keys.items()))
    counted = ", ".join(f"count(*) FILTER (WHERE what = '{what}') AS {what}" for what in _COUNTED)
    names = ", ".join(keys)
    return (
        f"WITH RECURSIVE {_PERSONS}, {_STANDING}, {_CHARGED}, {units}, {_MEASURED}, {dated} "
        f"SELECT {names}, grouping({names}) > 0 AS whole, "
        f"{counted}, "
        "coalesce(sum(amount) FILTER (WHERE what = 'ordered'), 0)::bigint AS ordered, "
        "coalesce(sum(amount) FILTER (WHERE what = 'paid'), 0)::bigint AS paid, "
        "count(DISTINCT person) AS victims_charged, "
        "array_agg(days ORDER BY days) FILTER (WHERE days IS NOT NULL) AS days "
        f"FROM dated GROUP BY GROUPING SETS (({names}), ())"
    )


def figures(row: Mapping[str, JSON]) -> dict[str, JSON]:
    """The measures of one group."""
    decided = row["convicted"] + row["acquitted"] + row["dismissed"]
    days = row["days"] or []
    return {
        "prosecutions": row["prosecutions"],
        **{result: row[result] for result in RESULTS},
        "conviction_rate_percent": percent(row["convicted"], row["prosecutions"]),
        "conviction_rate_of_decided_percent": percent(row["convicted"], decided),
        "days_to_verdict": {"median": percentile(days, 5), "p90": percentile(days, 9)},
        "sentences": {kind: row[kind] for kind in SENTENCES},
        "compensation": {"ordered_khr": row["ordered"], "paid_khr": row["paid"]},
        "victims_charged": row["victims_charged"],
        "non_prosecution_alerts": {stage: row[stage] for stage in ALERTS},
    }


def percent(part: int, whole: int) -> int | float | None:
    """A share in percent, rounded half up to one decimal; None of nothing."""
    if not whole:
        return None
    return _tenths((2000 * part + whole) // (2 * whole))


def percentile(ordered: Sequence[int], tenth: int) -> int | float | None:
    """The percentile at so many tenths, interpolated between neighbours as `percentile_cont`; exact: tenths suffice."""
    if not ordered:
        return None
    index, between = divmod((len(ordered) - 1) * tenth, 10)
    step = ordered[index + 1] - ordered[index] if between else 0
    return _tenths(10 * ordered[index] + between * step)


def _tenths(value: int) -> int | float:
    return value // 10 if value % 10 == 0 else value / 10


async def funnel(pool: asyncpg.Pool, asked: Asked, by: FunnelBy | None) -> list[dict[str, JSON]]:
    """How many persons reached each stage, each stage in the period in which it was reached.

    By system, a person counts with each system that knows the person.
    """
    key, joined = _FUNNEL_BY[by]
    sql = _FUNNEL.format(
        key=key,
        joined=joined,
        figures=", ".join(
            f"count(DISTINCT coalesce(person, case_id)) FILTER (WHERE stage = '{stage}') AS {stage}" for stage in STAGES
        ),
        grouped=f"GROUP BY {key} ORDER BY {key}" if by else "",
    )
    rows = await pool.fetch(sql, asked.at, asked.known_at, asked.since, asked.until)
    return [{**({by: row["key"]} if by else {}), **{stage: row[stage] for stage in STAGES}} for row in rows]
