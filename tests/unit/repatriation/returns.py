"""A return along KH-VN for the tests: commands with times that rise, and the facts that they leave."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.events.catalogue.repatriation import Standing
from libs.events.event import Event
from libs.rules.calendar import load_calendars
from libs.rules.corridors import load_corridors
from libs.rules.procedure import CORE_STEPS
from libs.rules.progress import Procedure
from services.repatriation.commands import RecordStep, Restart, Start
from services.repatriation.decider import DECIDER

ID = "01980000-0000-7000-8000-000000000001"
CASE = "KH-0000-001F"
KH_VN = Procedure(load_corridors().of("KH-VN.v1"), load_calendars())
TH_KH = Procedure(load_corridors().of("TH-KH.v1"), load_calendars())
OPENED_AT = datetime(2026, 2, 2, 2, tzinfo=UTC)
EMBASSY = "vn-embassy-phnom-penh"
BEFORE_HAND_OVER = CORE_STEPS[: CORE_STEPS.index("handed_over")]


def start(procedure: Procedure = KH_VN) -> Start:
    return Start(ID, CASE, procedure, "mosvy", "mosvy", OPENED_AT)


def step(name: str, outcome: str = "done", day: int = 1, **other: Any) -> RecordStep:
    stated: dict[str, Any] = {
        "procedure": KH_VN,
        "step": name,
        "outcome": outcome,
        "by": EMBASSY if name == "receipt_acknowledged" else "mosvy",
        "recorded_by": EMBASSY if name == "receipt_acknowledged" else "mosvy",
        "role": "social_affairs",
        "occurred_at": OPENED_AT + timedelta(days=day),
        "documents": (),
        "personal": {},
    }
    return RecordStep(**(stated | other))


def restart(day: int = 9) -> Restart:
    return Restart(KH_VN, "mosvy", OPENED_AT + timedelta(days=day), {})


def after(*commands: Any) -> tuple[Event, ...]:
    """The facts that these commands leave after the start."""
    events: list[Any] = []
    for command in (start(), *commands):
        events.extend(DECIDER.decide(command, DECIDER.fold(events)))
    return tuple(events)


def standing(event: Any) -> Standing:
    """Where the repatriation stands after an event that says so."""
    assert isinstance(event.standing, Standing)
    return event.standing


def ready() -> tuple[RecordStep, ...]:
    """Everything that comes before the hand-over."""
    return tuple(step(name, day=number) for number, name in enumerate(BEFORE_HAND_OVER, 1))
