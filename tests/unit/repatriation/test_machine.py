"""The repatriation machine against a model of its own: whatever desks record in whatever order, the two agree.

The model is the domain's page ("Repatriation") as sets and a flag; it reads the corridor's data, never the decider.
"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from libs.events.catalogue.repatriation import Repatriated
from libs.events.decider import Refused
from libs.rules.procedure import CORE_STEPS
from services.repatriation.commands import Acknowledge
from services.repatriation.decider import DECIDER
from services.repatriation.rulebook import repatriation_resource
from tests.unit.repatriation.returns import EMBASSY, KH_VN, OPENED_AT, restart, start, step

STEPS = {one.id: one for one in KH_VN.corridor.steps}
NEVER = {"risk_assessed", "consent_given", "handed_over", "receipt_acknowledged"}
AFTER = {"receipt_acknowledged", "received_into_care", "followed_up"}
SIDES = st.sampled_from(["mosvy", EMBASSY, "molisa"])
SIDE_OF = {party.id: party.side for party in KH_VN.corridor.parties}
BEFORE_BORDER = CORE_STEPS[: CORE_STEPS.index("handed_over")]


class RepatriationMachine(RuleBasedStateMachine):
    """Every move is made on both; the decider refuses exactly what the model forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = list(DECIDER.decide(start(), DECIDER.initial))
        self.settled: set[str] = set()
        self.stopped_by: str | None = None
        self.handed_by = ""
        self.last: dict[str, str] = {}
        self.acknowledged: set[tuple[str, str]] = set()
        self.day = 0

    @initialize(count=st.integers(0, len(BEFORE_BORDER)))
    def on_the_way(self, count: int) -> None:
        """Random histories rarely reach the border: begin anywhere on the way to it."""
        for name in BEFORE_BORDER[:count]:
            self._record(name, "done", "mosvy", "social_affairs")

    def _decide(self, command: Any, *, allowed: bool) -> bool:
        try:
            made = DECIDER.decide(command, DECIDER.fold(self.events))
        except Refused as no:
            refused = no.rule
        else:
            refused = ""
        assert not (allowed and refused), f"refused by {refused}: {command}"
        if refused:
            return False
        assert allowed, f"not refused: {command}"
        self.events.extend(made)
        return True

    @rule(
        name=st.sampled_from([*STEPS, "handed_over", "receipt_acknowledged"]),
        outcome=st.sampled_from(["done", "done", "done", "refused", "waived", "not_needed"]),
        side=SIDES,
        role=st.sampled_from(["social_affairs", "social_affairs", "embassy_desk", "provider"]),
        withdrawn=st.sampled_from([False, False, False, True]),
    )
    def record(self, name: str, outcome: str, side: str, role: str, withdrawn: bool) -> None:
        self._record(name, outcome, side, role, withdrawn=withdrawn)

    def _record(self, name: str, outcome: str, side: str, role: str, *, withdrawn: bool = False) -> None:
        self.day += 1
        since = self._now() if withdrawn else None
        allowed = self._may(name, outcome, side, role, withdrawn=withdrawn)
        command = step(name, outcome, self.day, by=side, recorded_by=side, role=role, withdrawn_at=since, claimed=True)
        if not self._decide(command, allowed=allowed):
            return
        self.last[name] = side
        if outcome == "refused":
            self.settled.discard(name)
            self.stopped_by = name
            return
        self.settled.add(name)
        self.stopped_by = None
        if name == "handed_over":
            self.handed_by = side

    def _now(self) -> datetime:
        return OPENED_AT + timedelta(days=self.day)

    def _may(self, name: str, outcome: str, side: str, role: str, *, withdrawn: bool) -> bool:
        """What the domain allows, said once more."""
        one = STEPS[name]
        gone = "handed_over" in self.settled
        if role == "provider" and "provider" not in one.recorded_by:
            return False
        if outcome == "refused":
            received = name == "receipt_acknowledged" and name in self.settled
            return not received and not (gone and name not in AFTER) and self.stopped_by != name
        if name in self.settled and (self.stopped_by is None or gone):
            return False
        if outcome == "waived" and (name in NEVER or role not in one.waivable_by):
            return False
        if outcome == "not_needed" and name in NEVER:
            return False
        if name == "handed_over" and (withdrawn or not {"consent_given", "risk_assessed"} <= self.settled):
            return False
        needed = {other for other in one.depends_on if name not in CORE_STEPS or other in CORE_STEPS}
        if not needed <= self.settled:
            return False
        return name != "receipt_acknowledged" or (self.handed_by != side and SIDE_OF[side] == "receiving")

    @rule()
    def take_up_again(self) -> None:
        self.day += 1
        stopped = self.stopped_by is not None and "receipt_acknowledged" not in self.settled
        if self._decide(restart(self.day), allowed=stopped):
            self.stopped_by = None

    @rule(name=st.sampled_from(list(STEPS)), side=SIDES)
    def acknowledge(self, name: str, side: str) -> None:
        self.day += 1
        allowed = (
            name in self.last
            and name != "handed_over"
            and self.last[name] != side
            and (name, side) not in self.acknowledged
        )
        if self._decide(Acknowledge(KH_VN, name, side, side, self._now(), {}), allowed=allowed):
            self.acknowledged.add((name, side))

    @invariant()
    def they_agree(self) -> None:
        reached = DECIDER.fold(self.events).progress(KH_VN)  # type: ignore[union-attr]
        received, gone = "receipt_acknowledged" in self.settled, "handed_over" in self.settled
        status = (
            "completed" if received else "stopped" if self.stopped_by else
            "awaiting_acknowledgement" if gone else "running"
        )  # fmt: skip
        assert (reached.status, set(reached.settled)) == (status, self.settled)

    @invariant()
    def custody_is_never_empty(self) -> None:
        """In exactly one organisation's care: the sending side's until the receiving side has acknowledged."""
        custody = repatriation_resource(DECIDER.fold(self.events), OPENED_AT.date())["custody"]
        received = "receipt_acknowledged" in self.settled
        assert custody["side"] == ("receiving" if received else "sending")
        assert custody["by"]

    @invariant()
    def nobody_goes_twice_or_without_consent(self) -> None:
        homes = [number for number, event in enumerate(self.events) if isinstance(event, Repatriated)]
        assert len(homes) <= 1
        for number in homes:
            before = DECIDER.fold(self.events[:number]).progress(KH_VN).settled  # type: ignore[union-attr]
            assert {"consent_given", "risk_assessed"} <= set(before)


TestRepatriation = RepatriationMachine.TestCase
TestRepatriation.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
