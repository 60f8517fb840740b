"""The statute table, read once at start, and what a court case looks like under it: resources and their warnings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from libs.events.event import JSON
from libs.rules.limits import Limit, load_limits
from libs.rules.statutes import Article, Range, Statute, UnknownArticle, load_statutes
from services.justice.state import CourtCase, Evidence, Report, Standing

LAW = load_statutes()
"""Dates in law are Cambodia's: UTC+7 the whole year."""
LIMITS = load_limits("justice")

COURT_CASES = """
WITH shown AS (
    SELECT c.court_case_id, c.court, c.province, c.began_at, h.*, v.*, m.moved_at,
        (SELECT jsonb_agg(to_jsonb(e)) FROM justice_known.known_broken_chain e
            WHERE e.court_case_id = c.court_case_id) AS broken
    FROM justice_known.known_court_case c
    CROSS JOIN LATERAL (
        SELECT max(occurred_at) AS moved_at FROM justice_known.known_movement m
        WHERE m.court_case_id = c.court_case_id
    ) m CROSS JOIN LATERAL (
        SELECT array_agg(p.case_id ORDER BY p.case_id) AS case_ids, jsonb_agg(to_jsonb(k)) AS victims
        FROM justice_known.known_prosecution p LEFT JOIN justice_known.known_case k USING (case_id)
        WHERE p.court_case_id = c.court_case_id
    ) v CROSS JOIN LATERAL (
        SELECT count(DISTINCT accused_ref) AS accused,
            count(*) FILTER (WHERE withdrawn IS NOT TRUE AND (result IS NULL OR contested)) AS pending_charges,
            count(*) FILTER (WHERE result = 'convicted' AND coalesce(compensation_khr, 0) = 0)
                AS convictions_without_compensation,
            jsonb_agg(to_jsonb(k) ORDER BY accused_ref, statute, article) AS charges
        FROM justice_known.known_charge k WHERE k.court_case_id = c.court_case_id
    ) h
    WHERE c.court_case_id > $1 AND ($4::text IS NULL OR court = $4) AND ($5::text IS NULL OR province = $5)
)
SELECT to_jsonb(s) || jsonb_build_object(
    'days_without_movement', extract(day FROM $8::timestamptz - moved_at)::int
) AS item
FROM shown s
WHERE ($3::text IS NULL OR $3 = ANY(case_ids)) AND ($6::boolean IS NULL OR (pending_charges > 0) = $6)
    AND ($7::timestamptz IS NULL OR (pending_charges > 0 AND moved_at <= $7))
ORDER BY court_case_id LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge as its warnings need it: from the events of a court case, or from a row behind a list."""

    accused_ref: str
    statute: str
    article: str
    committed_on: str
    result: str | None = None
    sentenced: bool = False
    compensation_khr: int = 0

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """From the events."""
        charge, verdict = standing.charge, standing.verdict
        about = (charge.accused_ref, charge.statute, charge.article, charge.committed_on)
        if verdict is None:
            return cls(*about)
        sentenced = verdict.prison_months is not None or verdict.fine_khr is not None
        return cls(*about, verdict.result, sentenced, verdict.compensation_khr)

    @classmethod
    def in_row(cls, row: Mapping[str, JSON]) -> Self:
        """From a row."""
        about = (row["accused_ref"], row["statute"], row["article"], row["committed_on"])
        return cls(*about, row["result"], bool(row["sentenced"]), row["compensation_khr"] or 0)


def purposes_of(case: Mapping[str, JSON]) -> frozenset[str]:
    """The purposes of exploitation on a case: as determined, else as screened or as found at intake."""
    if case["outcome"]:
        return frozenset(case["determined_purpose"] or ())
    return frozenset((*(case["screened_purpose"] or ()), *(case["exploitation"] or ())))


def court_case_resource(state: CourtCase, purposes: frozenset[str]) -> dict[str, JSON]:
    """The court case as it stands, with its warnings."""
    return {
        **state.facts(),
        "case_id": state.case_ids[0],
        "accused": [
            {**person.model_dump(mode="json"), "outcome": outcome_of(state, ref)}
            for ref, person in state.accused.items()
        ],
        "charges": [_charge(standing) for standing in state.charges.values()],
        "evidence": [evidence_resource(found) for found in state.evidence.values()],
        "hearings": [{"kind": one.kind, "next_on": one.next_on} for one in state.hearings],
        "warnings": list(warnings(state, purposes)),
    }


def outcome_of(state: CourtCase, ref: str) -> str:
    """What an accused is now: convicted if one conviction stands, pending while a charge is open, else as decided."""
    mine = [one for one in state.charges.values() if one.charge.accused_ref == ref]
    results = {one.verdict.result for one in mine if one.verdict}
    if "convicted" in results:
        return "convicted"
    if not mine or any(not one.verdict and not one.withdrawn for one in mine):
        return "pending"
    return "acquitted" if "acquitted" in results else "dismissed"


def warnings(state: CourtCase, purposes: frozenset[str]) -> Iterator[dict[str, JSON]]:
    """What somebody should look at again, each with its reason. Nothing here stops anything."""
    yield from charge_warnings([Charged.of(one) for one in state.charges.values() if not one.withdrawn], purposes)
    broken = [evidence.registered.evidence_id for evidence in state.evidence.values() if evidence.broken]
    yield from (_broken(evidence_id) for evidence_id in broken)


def charge_warnings(charges: Sequence[Charged], purposes: frozenset[str]) -> Iterator[dict[str, JSON]]:
    """What does not fit about charges and verdicts: the case's purposes, another charge, compensation, sentence."""
    for charge in charges:
        about = {"accused_ref": charge.accused_ref, "statute": charge.statute, "article": charge.article}
        article = _article(charge.statute, charge.article, charge.committed_on)
        advice = LAW.charge_fit(article, purposes) if article else None
        if advice:
            suggest = [{"statute": statute, "article": number} for statute, number in advice.suggest]
            yield {"code": "charge-fit", "reason": advice.code, "detail": advice.detail, **about, "suggest": suggest}
        for other in charges:
            pair = LAW.stands((charge.statute, charge.article), (other.statute, other.article))
            if pair and other.accused_ref == charge.accused_ref and pair.stands not in {charge.statute, "both"}:
                yield {"code": "other-article-stands", "detail": pair.detail, **about, "stands": pair.stands}
        if charge.result == "convicted":
            if not charge.compensation_khr:
                yield {"code": "conviction-without-compensation", "detail": "no compensation was ordered", **about}
            if not charge.sentenced:
                yield {"code": "conviction-without-sentence", "detail": "no sentence is recorded", **about}


def _broken(evidence_id: str) -> dict[str, JSON]:
    detail = "the chain of custody is broken: see its transfers"
    return {"code": "broken-chain-of-custody", "detail": detail, "evidence_id": evidence_id}


def no_movement(days: int, name: str, least: int | None = None) -> Iterator[dict[str, JSON]]:
    """That nothing happened for so many days, where the limit of this name (or what was asked for) is reached."""
    limit = LIMITS.of(name)
    if days >= (least or limit.value):
        detail = f"nothing happened for {days} days"
        yield {"code": "no-movement", "reason": name, "detail": detail, "days": days, **limit_shown(limit)}


def limit_shown(limit: Limit) -> dict[str, JSON]:
    """The limit behind a warning, and whether it is only a proposal."""
    return {"limit_days": limit.value, "placeholder": limit.source.placeholder}


def listed(row: Mapping[str, JSON], least_days: int | None = None) -> dict[str, JSON]:
    """A court case in a list, with its warnings."""
    item = {name: value for name, value in row.items() if name not in {"charges", "victims", "broken"}}
    charges = [Charged.in_row(one) for one in row["charges"] or () if not one["withdrawn"]]
    purposes = frozenset().union(*(purposes_of(one) for one in row["victims"] or () if one))
    idle = no_movement(row["days_without_movement"], "court_case_without_movement", least_days)
    found = [
        *(idle if row["pending_charges"] else ()),
        *charge_warnings(charges, purposes),
        *(_broken(one["evidence_id"]) for one in row["broken"] or ()),
    ]
    return {**item, "warnings": found}


def evidence_resource(found: Evidence) -> dict[str, JSON]:
    """A piece of evidence and its chain of custody."""
    registered = found.registered
    return {
        **registered.model_dump(mode="json", include={"evidence_id", "kind", "sha256", "taken_by"}),
        "holder": found.holder,
        "chain": "broken" if found.broken else "intact",
        "transfers": [
            {
                "from": one.from_holder,
                "to": one.to_holder,
                "at": one.moved_at,
                "sha256": one.sha256,
                "breaks": list(one.breaks),
            }
            for one in found.transfers
        ],
    }


def report_resource(state: Report) -> dict[str, JSON]:
    """A report without what is sealed in it."""
    return {**state.filed.model_dump(mode="json", exclude={"sealed"}), "stage": state.stage}


def statute_resource(statute: Statute) -> dict[str, JSON]:
    """A statute with its articles; `placeholder` where a range is not confirmed."""
    return {
        "statute_id": statute.id,
        "title": dict(statute.title),
        "placeholder": statute.source.placeholder,
        "source": statute.source.note,
        "articles": [_article_resource(one) for one in statute.articles],
    }


def _article_resource(article: Article) -> dict[str, JSON]:
    return {
        "article": article.article,
        "title": article.title,
        "kind": article.kind,
        "prison_months": _range(article.prison_months),
        "fine_khr": _range(article.fine_khr),
        "aggravated_months": _range(article.aggravated_months),
        "penalty_in": article.penalty_in,
        "in_force_from": article.in_force_from.isoformat(),
        "in_force_until": article.in_force_until.isoformat() if article.in_force_until else None,
        "placeholder": article.placeholder,
        "source": article.source.note,
    }


def _range(allowed: Range | None) -> dict[str, int] | None:
    return {"min": allowed.min, "max": allowed.max} if allowed else None


def _charge(standing: Standing) -> dict[str, JSON]:
    verdict = standing.verdict
    shown = {"result", "prison_months", "fine_khr", "compensation_khr", "on_appeal"}
    return {
        **standing.charge.model_dump(mode="json"),
        "verdict": verdict.model_dump(mode="json", include=shown) if verdict else None,
        "earlier_verdicts": [one.model_dump(mode="json", include=shown) for one in standing.verdicts[:-1]],
        "contested": standing.contested,
        "withdrawn": standing.withdrawn,
        "paid_khr": standing.paid_khr,
        "unpaid_khr": standing.unpaid_khr,
    }


def _article(statute: str, number: str, committed_on: str) -> Article | None:
    """The article of a charge; None where a newer table no longer has it."""
    try:
        return LAW.article(statute, number, date.fromisoformat(committed_on))
    except UnknownArticle:
        return None
