"""One verdict for each charge against each accused, within the article's range, and another only on appeal."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.events.catalogue.justice import AppealDecided, AppealLodged, ChargesAmended, CompensationPaid, VerdictGiven
from libs.events.decider import Refused
from libs.events.testing import given
from services.justice.commands import Appeal, Judgement, PayCompensation
from services.justice.decider import COURT_CASE
from services.justice.state import CourtCase
from tests.unit.justice.kit import (
    BEGAN,
    CONVICTED,
    LATER,
    LAW,
    LODGED,
    OF_COURT,
    OPENED,
    RECRUITMENT,
    SALE,
    charge,
    of,
    verdict,
)  # fmt: skip

ACQUITTED_ON_APPEAL = VerdictGiven(**of(RECRUITMENT), result="acquitted", on_appeal=True)


def appeal(result: str | None = None, judgement: Judgement | None = None, article: str | None = None) -> Appeal:
    return Appeal("a1", None, article, "defence", result, judgement, LATER, LAW, {})


def test_decides_one_charge() -> None:
    given(COURT_CASE, *OPENED).when(verdict(prison=96, compensation=500)).then(CONVICTED)


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        (verdict(key=("zz", "lshtse-2008", "12")), "unknown-accused"),
        (verdict(key=("a2", "lshtse-2008", "12")), "not-charged"),
        (verdict(prison=83), "sentence-outside-range"),
        (verdict(prison=241), "sentence-outside-range"),
        (verdict(fine=1_000), "sentence-outside-range"),
        (verdict(prison=0), "sentence-outside-range"),
        (verdict("acquitted", prison=96), "without-conviction"),
        (verdict("dismissed", compensation=1), "without-conviction"),
        (verdict("acquitted", on=BEGAN.replace(day=1, month=2)), "verdict-before-charge"),
    ],
)
def test_refuses_a_verdict_that_the_law_does_not_allow(command: object, rule: str) -> None:
    given(COURT_CASE, *OPENED).when(command).then_refused(rule)


def test_names_the_rule_on_concurrent_counts() -> None:
    state = COURT_CASE.fold(OPENED)
    with pytest.raises(Refused, match="sentence-outside-range") as refused:
        COURT_CASE.decide(verdict(prison=480), state)
    assert refused.value.detail.startswith("penal-code-2009:137")


def test_decides_a_charge_once() -> None:
    given(COURT_CASE, *OPENED, CONVICTED).when(verdict("acquitted")).then_refused("already-decided")


def test_decides_no_withdrawn_charge() -> None:
    gone = ChargesAmended(**OF_COURT, withdrawn=(charge(SALE),))
    given(COURT_CASE, *OPENED, gone).when(verdict("acquitted", key=SALE)).then_refused("not-charged")


def test_an_appeal_opens_the_way_for_another_verdict() -> None:
    given(COURT_CASE, *OPENED, CONVICTED).when(appeal()).then(LODGED)
    given(COURT_CASE, *OPENED, CONVICTED, LODGED).when(verdict("acquitted")).then(
        AppealDecided(**of(RECRUITMENT), result="replaced"), ACQUITTED_ON_APPEAL
    )


def test_an_appeal_is_lodged_once_at_a_time() -> None:
    given(COURT_CASE, *OPENED, CONVICTED, LODGED).when(appeal()).then_refused("already-contested")
    given(COURT_CASE, *OPENED).when(appeal()).then_refused("nothing-to-appeal")


def test_an_appeal_confirms_or_replaces_in_one_request() -> None:
    confirmed = AppealDecided(**of(RECRUITMENT), result="confirmed")
    given(COURT_CASE, *OPENED, CONVICTED).when(appeal("confirmed")).then(LODGED, confirmed)
    given(COURT_CASE, *OPENED, CONVICTED).when(appeal("replaced", Judgement("acquitted"))).then(
        LODGED, AppealDecided(**of(RECRUITMENT), result="replaced"), ACQUITTED_ON_APPEAL
    )
    given(COURT_CASE, *OPENED, CONVICTED, LODGED, confirmed).when(verdict("acquitted")).then_refused("already-decided")


def test_a_replacement_says_which_of_several_verdicts() -> None:
    other = VerdictGiven(**of(SALE), result="acquitted")
    past = (*OPENED, CONVICTED, other)
    given(COURT_CASE, *past).when(appeal("replaced", Judgement("acquitted"))).then_refused("which-charge")
    given(COURT_CASE, *past).when(appeal("confirmed", article="13")).then(
        AppealLodged(**of(SALE), lodged_by="defence", personal={}), AppealDecided(**of(SALE), result="confirmed")
    )


def test_pays_no_more_than_was_ordered() -> None:
    paid = CompensationPaid(**of(RECRUITMENT), amount_khr=200)
    given(COURT_CASE, *OPENED, CONVICTED).when(PayCompensation("a1", None, None, 200)).then(paid)
    given(COURT_CASE, *OPENED, CONVICTED, paid).when(PayCompensation("a1", None, None, 301)).then_refused(
        "more-than-ordered"
    )
    given(COURT_CASE, *OPENED).when(PayCompensation("a1", None, None, 1)).then_refused("no-compensation-ordered")


MOVES = st.one_of(
    st.builds(verdict, st.sampled_from(["convicted", "acquitted", "dismissed"]), st.sampled_from([RECRUITMENT, SALE])),
    st.builds(appeal, st.sampled_from([None, "confirmed", "withdrawn"]), article=st.sampled_from([None, "12", "13"])),
    st.builds(lambda result: appeal("replaced", Judgement(result), "12"), st.sampled_from(["convicted", "acquitted"])),
    st.builds(lambda khr: PayCompensation("a1", None, "12", khr), st.integers(1, 9)),
)


@for_all(st.lists(MOVES, max_size=12))
def test_another_verdict_always_follows_an_appeal(moves: list[object]) -> None:
    state = COURT_CASE.fold(OPENED)
    for move in moves:
        try:
            events = COURT_CASE.decide(move, state)
        except Refused:
            continue
        state = COURT_CASE.fold(events, state)
    assert isinstance(state, CourtCase)
    for standing in state.charges.values():
        assert len(standing.verdicts) <= 1 + standing.appeals
        assert [one.on_appeal for one in standing.verdicts] == [place > 0 for place in range(len(standing.verdicts))]
        assert not standing.contested or standing.verdicts
