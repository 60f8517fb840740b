"""The unmet-need ledger in SQL: every referral refused, declined or waiting, and every need that nobody could meet.

An entry is met when a provider accepts the person for the service; it lapses when the case is closed before that, and
is open again with the case.
"""

from dataclasses import dataclass
from typing import Literal

import asyncpg

from libs.events.catalogue.vocabulary import Cohort, Province, ServiceKind, Term
from libs.events.event import JSON
from libs.runtime.pages import Page

_ENTRIES = """
WITH opened AS (
    SELECT a.referral_id || ':' || lpad(a.version::text, 6, '0') || ':' || s.service AS entry, a.referral_id,
        NULL::text AS need_id, r.case_id, s.service, r.term, r.province, r.cohort, r.sex, r.age_group, r.child,
        CASE a.result WHEN 'refuse' THEN 'refused' ELSE a.ground END AS reason, a.at AS opened_at, r.referred_by,
        r.provider
    FROM referral_known.known_answer a JOIN referral_known.known_referral r USING (referral_id)
        CROSS JOIN LATERAL unnest(r.services) AS s (service)
    WHERE a.result IN ('refuse', 'decline')
    UNION ALL
    SELECT need_id || ':', NULL, need_id, case_id, service, term, province, cohort, sex, age_group, child,
        'no_provider', at, asked_by, NULL
    FROM referral_known.known_need
), entry AS (
    SELECT o.*, c.gender, CASE WHEN o.service = 'shelter' THEN
        CASE o.term WHEN 'short' THEN 'short_term' WHEN 'long' THEN 'long_term' ELSE o.term END
        ELSE o.service END AS kind,
        (SELECT min(b.at) FROM referral_known.known_answer b JOIN referral_known.known_referral m USING (referral_id)
            WHERE m.case_id = o.case_id AND b.result = 'accept' AND b.at >= o.opened_at AND o.service = ANY(m.services)
        ) AS met_at, c.closed_at
    FROM opened o LEFT JOIN referral_known.known_case c USING (case_id)
), judged AS (
    SELECT *, CASE WHEN met_at IS NOT NULL THEN 'met' WHEN closed_at IS NOT NULL THEN 'lapsed' ELSE 'open' END AS status
    FROM entry
), wanted AS (
    SELECT * FROM judged WHERE ($1::text IS NULL OR $1 IN (referred_by, provider))
    AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR province = $3) AND ($4::text IS NULL OR cohort = $4)
    AND ($5::text IS NULL OR reason = $5)
    AND ($6::text IS NULL OR status = $6)
)
"""
_PAGE = """
SELECT entry, referral_id, need_id, case_id, kind, service, term, province, cohort, sex, gender, age_group, child,
    reason, opened_at, met_at, CASE status WHEN 'lapsed' THEN closed_at END AS lapsed_at, status
FROM wanted WHERE entry > $7 ORDER BY entry LIMIT $8
"""
_SUMMARY = """
SELECT kind, province, cohort, count(DISTINCT case_id)::integer AS persons,
    count(DISTINCT case_id) FILTER (WHERE status = 'open')::integer AS open,
    count(DISTINCT case_id) FILTER (WHERE status = 'met')::integer AS met,
    count(DISTINCT case_id) FILTER (WHERE status = 'lapsed')::integer AS lapsed, count(*)::integer AS entries
FROM wanted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_DECLINES = """
SELECT r.provider_id, r.province, r.cohort, coalesce(a.ground, 'refused') AS reason, count(*)::integer AS count
FROM referral_known.known_answer a JOIN referral_known.known_referral r USING (referral_id)
WHERE a.result IN ('decline', 'refuse') AND ($1::text IS NULL OR $1 IN (r.referred_by, r.provider))
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of the ledger are asked for; None is any. `kind` is a bed's kind, else the service."""

    kind: Literal["transit", "short_term", "long_term"] | ServiceKind | None = None
    province: Province | None = None
    cohort: Cohort | None = None
    reason: Literal["refused", "full", "not_suitable", "person_declined", "other", "no_provider"] | None = None
    status: Literal["open", "met", "lapsed"] | None = None


async def entries(pool: asyncpg.Pool, own: str | None, wanted: Wanted, asked: Page) -> list[dict[str, JSON]]:
    """A page of the ledger, and one entry more where there is a next one."""
    rows = await pool.fetch(_ENTRIES + _PAGE, *_parameters(own, wanted), asked.after, asked.limit + 1)
    return [dict(row) for row in rows]


async def summary(pool: asyncpg.Pool, wanted: Wanted) -> list[dict[str, JSON]]:
    """Persons in need by kind, province and cohort; a person with several refusals counts once in each."""
    return [dict(row) for row in await pool.fetch(_ENTRIES + _SUMMARY, *_parameters(None, wanted))]


async def declines(pool: asyncpg.Pool, own: str | None) -> list[dict[str, JSON]]:
    """How often each provider declined or MOSVY refused, by reason, province and cohort."""
    return [dict(row) for row in await pool.fetch(_DECLINES, own)]


def _parameters(own: str | None, wanted: Wanted) -> tuple[Term | str | None, ...]:
    return own, wanted.kind, wanted.province, wanted.cohort, wanted.reason, wanted.status
