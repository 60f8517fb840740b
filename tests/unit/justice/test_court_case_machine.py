"""The court-case machine against a model of its own: whatever is asked in whatever order, the two agree.

The model knows the rules of the domain ("Justice") and nothing of the decider: one dictionary per charge, plain tests.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.events.catalogue import justice as fact
from libs.events.decider import Refused
from services.justice import commands as ask
from services.justice.decider import COURT_CASE
from services.justice.state import CourtCase
from tests.unit.justice.kit import LAW

BEGIN = date(2012, 1, 2)
REFS = ("a1", "a2")
RANGES = {"12": (84, 240), "13": (24, 60), "24": (0, 1)}
"""Months of prison that the statute table allows, aggravated ones included."""
KEYS = st.sampled_from([(ref, "lshtse-2008", article) for ref in REFS for article in RANGES])
RESULTS = st.sampled_from(["convicted", "acquitted", "dismissed"])
MONTHS = st.none() | st.integers(0, 300)


@dataclass
class Charge:
    """A charge as the model has it."""

    results: list[str] = field(default_factory=list)
    ordered: int = 0
    paid: int = 0
    contested: bool = False
    withdrawn: bool = False


class CourtCaseMachine(RuleBasedStateMachine):
    """Every move is made on both; the decider refuses exactly what the model forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[fact.CourtCaseEvent] = []
        self.model: dict[ask.ChargeKey, Charge] = {}
        self.on = BEGIN

    @property
    def state(self) -> Any:
        return COURT_CASE.fold(self.events)

    def _ask(self, command: ask.CourtCaseCommand, *, allowed: bool) -> tuple[fact.CourtCaseEvent, ...]:
        self.on += timedelta(days=1)
        try:
            made = tuple(COURT_CASE.decide(command, self.state))
        except Refused as no:
            made, refused = (), no.rule
        else:
            refused = ""
        assert not (allowed and refused), f"refused by {refused}: {command}"
        assert allowed or refused, f"not refused: {command}"
        self.events.extend(made)
        return made

    @precondition(lambda self: not self.events)
    @rule(charged=st.sets(KEYS, min_size=1, max_size=4), victims=st.integers(1, 3))
    def prosecute(self, charged: set[ask.ChargeKey], victims: int) -> None:
        cases = tuple(f"KH-0000-00{number}F" for number in range(victims))
        accused = tuple(fact.Accused(ref=ref) for ref in REFS)
        charges = tuple(ask.NewCharge(*key, committed_on=BEGIN) for key in sorted(charged))
        made = self._ask(ask.Prosecute("c1", cases, "pp", None, accused, charges, BEGIN, LAW), allowed=True)
        assert [one.case_id for one in made] == list(cases)  # type: ignore[union-attr]
        self.model = {key: Charge() for key in charged}

    @precondition(lambda self: self.events)
    @rule(key=KEYS)
    def bring(self, key: ask.ChargeKey) -> None:
        allowed = key not in self.model or self.model[key].withdrawn
        if self._ask(ask.AmendCharges((), (ask.NewCharge(*key),), (), self.on, LAW, {}), allowed=allowed):
            self.model[key] = Charge()

    @precondition(lambda self: self.events)
    @rule(key=KEYS)
    def withdraw(self, key: ask.ChargeKey) -> None:
        charge = self.model.get(key)
        allowed = charge is not None and not charge.withdrawn and not charge.results
        if self._ask(ask.AmendCharges((), (), (key,), self.on, LAW, {}), allowed=allowed):
            self.model[key].withdrawn = True

    @precondition(lambda self: self.events)
    @rule(key=KEYS, result=RESULTS, months=MONTHS, khr=st.sampled_from([0, 0, 500]))
    def give_verdict(self, key: ask.ChargeKey, result: Any, months: int | None, khr: int) -> None:
        charge = self.model.get(key)
        open_ = charge is not None and not charge.withdrawn and (not charge.results or charge.contested)
        allowed = open_ and _lawful(key, result, months, khr)
        if self._ask(ask.GiveVerdict(key, ask.Judgement(result, months, None, khr), self.on, LAW), allowed=allowed):
            self._decided(key, result, khr)

    @precondition(lambda self: self.events)
    @rule(key=KEYS)
    def lodge_appeal(self, key: ask.ChargeKey) -> None:
        charge = self.model.get(key)
        allowed = charge is not None and bool(charge.results) and not charge.contested
        if self._ask(ask.Appeal(*key, "defence", None, None, self.on, LAW, {}), allowed=allowed):
            self.model[key].contested = True

    @precondition(lambda self: self.events)
    @rule(key=KEYS, result=st.sampled_from(["confirmed", "withdrawn"]))
    def let_stand_on_appeal(self, key: ask.ChargeKey, result: Any) -> None:
        charge = self.model.get(key)
        before = list(charge.results) if charge else []
        if self._ask(ask.Appeal(*key, "defence", result, None, self.on, LAW, {}), allowed=bool(before)):
            self.model[key].contested = False
            assert self.state.charges[key].verdict.result == before[-1], "what is confirmed stands"

    @precondition(lambda self: self.events)
    @rule(key=KEYS, result=RESULTS, months=MONTHS, khr=st.sampled_from([0, 0, 900]))
    def replace_on_appeal(self, key: ask.ChargeKey, result: Any, months: int | None, khr: int) -> None:
        charge = self.model.get(key)
        allowed = charge is not None and bool(charge.results) and _lawful(key, result, months, khr)
        judgement = ask.Judgement(result, months, None, khr)
        if self._ask(ask.Appeal(*key, "defence", "replaced", judgement, self.on, LAW, {}), allowed=allowed):
            self._decided(key, result, khr)

    @precondition(lambda self: self.events)
    @rule(key=KEYS, khr=st.integers(1, 600))
    def pay(self, key: ask.ChargeKey, khr: int) -> None:
        charge = self.model.get(key)
        allowed = charge is not None and khr <= charge.ordered - charge.paid
        if self._ask(ask.PayCompensation(*key, khr), allowed=allowed):
            self.model[key].paid += khr

    def _decided(self, key: ask.ChargeKey, result: str, khr: int) -> None:
        charge = self.model[key]
        charge.results.append(result)
        charge.ordered, charge.contested = khr, False

    @invariant()
    def they_agree(self) -> None:
        if not isinstance(self.state, CourtCase):
            return
        found = {
            key: Charge(
                [one.result for one in standing.verdicts], standing.ordered_khr, standing.paid_khr, standing.contested,
                standing.withdrawn,
            )
            for key, standing in self.state.charges.items()
        }  # fmt: skip
        assert found == self.model

    @invariant()
    def a_further_verdict_follows_a_decided_appeal(self) -> None:
        for place, event in enumerate(self.events):
            if isinstance(event, fact.VerdictGiven):
                before = self.events[place - 1]
                replaced = isinstance(before, fact.AppealDecided) and before.result == "replaced"
                assert event.on_appeal == replaced

    @invariant()
    def nothing_is_paid_that_was_not_ordered(self) -> None:
        ordered: dict[Any, int] = {}
        for event in self.events:
            if isinstance(event, fact.VerdictGiven):
                ordered[event.accused_ref, event.article] = max(
                    event.compensation_khr, ordered.get((event.accused_ref, event.article), 0)
                )
        for key, charge in self.model.items():
            assert charge.paid <= ordered.get((key[0], key[2]), 0)


def _lawful(key: ask.ChargeKey, result: str, months: int | None, khr: int) -> bool:
    """A sentence within its article's range; neither sentence nor compensation without a conviction."""
    if result != "convicted":
        return months is None and not khr
    least, most = RANGES[key[2]]
    return months is None or (months > 0 and least <= months <= most)


TestCourtCase = CourtCaseMachine.TestCase
TestCourtCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
