"""What justice warns of besides court cases: reports that lie still, and victims who stand accused. Pure."""

from collections.abc import Iterator, Mapping

from libs.events.event import JSON
from services.justice.rulebook import LIMITS, limit_shown, no_movement

REPORTS = """
SELECT to_jsonb(r) || jsonb_build_object('days', extract(day FROM $4::timestamptz - moved_at)::int) AS item
FROM justice_known.known_report r
WHERE report_id > $1 AND stage IS DISTINCT FROM 'closed' AND ($3::text IS NULL OR case_id = $3)
    AND NOT EXISTS (SELECT 1 FROM justice_known.known_prosecution p WHERE p.case_id = r.case_id)
ORDER BY report_id LIMIT $2
"""
VICTIM_CHARGES = """
SELECT to_jsonb(v) || jsonb_build_object(
    'days', extract(day FROM $4::timestamptz - v.occurred_at)::int,
    'victim', k.outcome = 'victim' OR (k.outcome IS NULL AND k.screening = 'presumed_victim')
) AS item
FROM justice_known.known_victim_charge v LEFT JOIN justice_known.known_case k USING (case_id)
WHERE v.victim_charge_id > $1 AND v.resolution IS NULL AND ($3::text IS NULL OR v.case_id = $3)
ORDER BY v.victim_charge_id LIMIT $2
"""


def of_report(row: Mapping[str, JSON]) -> Iterator[dict[str, JSON]]:
    """A report of which nothing was heard again, and that no prosecution followed."""
    for found in no_movement(row["days"], "report_without_movement"):
        yield {**found, "report_id": row["report_id"], "case_ids": [row["case_id"]], "since": row["moved_at"]}


def of_victim_charge(row: Mapping[str, JSON]) -> Iterator[dict[str, JSON]]:
    """A charge against a victim whose alert is not resolved, or was never raised because it was known only later."""
    if row["basis"] is None and not row["victim"]:
        return
    limit, charge = LIMITS.of("alert_unassigned"), f"{row['statute']}:{row['article']}"
    if row["basis"] is None:
        status, reason = "not_raised", "held_for_a_victim_since"
        detail = f"a person who came to be held for a victim is charged under {charge}; assign the alert to raise it"
    elif row["assignee"]:
        status, reason = "assigned", row["basis"]
        detail = f"a victim is charged under {charge}; {row['assignee']} takes care of it"
    else:
        status, reason = "raised", row["basis"]
        detail = f"a victim is charged under {charge}, and nobody takes care of it"
    yield {
        "code": "non-prosecution",
        "reason": reason,
        "status": status,
        "detail": detail,
        "victim_charge_id": row["victim_charge_id"],
        "case_ids": [row["case_id"]],
        "court": row["court"],
        "statute": row["statute"],
        "article": row["article"],
        "since": row["occurred_at"],
        "days": row["days"],
        "overdue": status != "assigned" and row["days"] > limit.value,
        **limit_shown(limit),
    }
