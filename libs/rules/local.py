"""The day in Cambodia: deadlines run in local days, whatever the offset in which a moment was stated."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

CAMBODIA: Final = timezone(timedelta(hours=7), "Asia/Phnom_Penh")
"""Whose days the limits count: Cambodia's, which are also those of Thailand, Viet Nam and Lao PDR."""


def day_of(moment: datetime) -> date:
    """The date of a moment in Cambodia."""
    return moment.astimezone(CAMBODIA).date()
