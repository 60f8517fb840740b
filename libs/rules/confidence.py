"""How far a shelter's figures are still believed: fully while its report is fresh, then less with every day."""

from datetime import date

from libs.rules.limits import Limits

FULL = 100


def confidence_percent(reported_on: date, today: date, limits: Limits) -> int:
    """100 while a report is fresh, 0 once it is stale, in between by the days; the limits are aftercare's data."""
    fresh, stale = limits.of("capacity_report_fresh").value, limits.of("capacity_report_stale").value
    age = max((today - reported_on).days, 0)
    if age <= fresh:
        return FULL
    if age >= stale:
        return 0
    return FULL * (stale - age) // (stale - fresh)
