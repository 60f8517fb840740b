"""The statute table, read once at start, and what a court case looks like under it: resources and their warnings."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone

from libs.events.event import JSON
from libs.rules.statutes import Article, Range, Statute, UnknownArticle, load_statutes
from services.justice.state import CourtCase, Evidence, Report, Standing, key_of

LAW = load_statutes()
CAMBODIA = timezone(timedelta(hours=7))
"""Dates in law are Cambodia's: UTC+7 the whole year."""
NO_MOVEMENT_DAYS = 90
"""From when an open court case is shown as without movement, where a request states no other number."""

COURT_CASES = """
WITH shown AS (
    SELECT c.court_case_id, c.court, c.province, c.began_at,
        (SELECT array_agg(case_id ORDER BY case_id) FROM justice_known.known_prosecution p
            WHERE p.court_case_id = c.court_case_id) AS case_ids,
        (SELECT max(occurred_at) FROM justice_known.known_movement m
            WHERE m.court_case_id = c.court_case_id) AS moved_at,
        h.*
    FROM justice_known.known_court_case c CROSS JOIN LATERAL (
        SELECT count(DISTINCT accused_ref) AS accused,
            count(*) FILTER (WHERE withdrawn IS NOT TRUE AND (result IS NULL OR contested)) AS pending_charges,
            count(*) FILTER (WHERE result = 'convicted' AND coalesce(compensation_khr, 0) = 0)
                AS convictions_without_compensation
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


def day_of(moment: datetime) -> date:
    """The date of a moment in Cambodia."""
    return moment.astimezone(CAMBODIA).date()


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
    for standing in state.charges.values():
        if not standing.withdrawn:
            yield from _charge_warnings(standing, state, purposes)
    for evidence in state.evidence.values():
        if evidence.broken:
            detail = "the chain of custody is broken: see its transfers"
            yield {"code": "broken-chain-of-custody", "detail": detail, "evidence_id": evidence.registered.evidence_id}


def _charge_warnings(standing: Standing, state: CourtCase, purposes: frozenset[str]) -> Iterator[dict[str, JSON]]:
    charge, verdict = standing.charge, standing.verdict
    about = {"accused_ref": charge.accused_ref, "statute": charge.statute, "article": charge.article}
    article = _article(charge.statute, charge.article, charge.committed_on)
    advice = LAW.charge_fit(article, purposes) if article else None
    if advice:
        suggest = [{"statute": statute, "article": number} for statute, number in advice.suggest]
        yield {"code": "charge-fit", "reason": advice.code, "detail": advice.detail, **about, "suggest": suggest}
    for other in state.charges.values():
        pair = LAW.stands(key_of(charge)[1:], key_of(other.charge)[1:])
        same = other.charge.accused_ref == charge.accused_ref and not other.withdrawn
        if pair and same and pair.stands not in {charge.statute, "both"}:
            yield {"code": "other-article-stands", "detail": pair.detail, **about, "stands": pair.stands}
    if verdict and verdict.result == "convicted":
        if not verdict.compensation_khr:
            yield {"code": "conviction-without-compensation", "detail": "no compensation was ordered", **about}
        if verdict.prison_months is None and verdict.fine_khr is None:
            yield {"code": "conviction-without-sentence", "detail": "no sentence is recorded", **about}


def listed(item: Mapping[str, JSON], limit_days: int | None) -> dict[str, JSON]:
    """A court case in a list, with the warnings that can be given without its whole history."""
    days, found = item["days_without_movement"], []
    if item["pending_charges"] and days >= (limit_days or NO_MOVEMENT_DAYS):
        found.append({"code": "no-movement", "detail": f"nothing happened for {days} days"})
    if item["convictions_without_compensation"]:
        found.append({"code": "conviction-without-compensation", "detail": "no compensation was ordered"})
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
