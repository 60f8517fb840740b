"""A prosecution begins, and its charges are amended: the law in force when the act happened, one charge once."""

from dataclasses import replace
from datetime import date

import pytest

from libs.events.catalogue.justice import Accused, ChargesAmended
from libs.events.testing import given
from services.justice.commands import AmendCharges, NewCharge
from services.justice.decider import COURT_CASE, kind_of_offence
from tests.unit.justice.kit import (
    BEGAN,
    CONVICTED,
    LATER,
    LAW,
    OF_COURT,
    OPENED,
    RECRUITMENT,
    SALE,
    charge,
    prosecute,
)  # fmt: skip

BROUGHT = (NewCharge(*RECRUITMENT, counts=2), NewCharge(*SALE))


def amend(*added: NewCharge, withdrawn: tuple[tuple[str, str, str], ...] = (), new: tuple[Accused, ...] = ()) -> object:
    return AmendCharges(new, added, withdrawn, LATER, LAW, {})


def test_is_recorded_once_for_every_victim() -> None:
    given(COURT_CASE).when(prosecute(*BROUGHT)).then(*OPENED)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (NewCharge("nobody", "lshtse-2008", "12"), "unknown-accused"),
        (NewCharge("a1", "lshtse-2008", "999"), "unknown-article"),
        (NewCharge("a1", "law-of-the-sea", "1"), "unknown-article"),
        (NewCharge("a1", "penal-code-2009", "298"), "unknown-article"),
        (NewCharge("a1", "kidnapping-law-1996", "3"), "unknown-article"),
        (NewCharge("a1", "lshtse-2008", "10", committed_on=date(2009, 3, 2)), "charged-before-act"),
        (NewCharge(*RECRUITMENT), "charged-twice"),
    ],
)
def test_refuses_a_charge_that_cannot_be(wrong: NewCharge, rule: str) -> None:
    given(COURT_CASE).when(prosecute(*BROUGHT, wrong)).then_refused(rule)


def test_uses_the_law_in_force_when_the_act_happened() -> None:
    old = NewCharge("a1", "kidnapping-law-1996", "3", committed_on=date(2007, 1, 1))
    recorded = replace_charge(charge(("a1", "kidnapping-law-1996", "3")), "2007-01-01")
    found = COURT_CASE.decide(prosecute(old, on=BEGAN), COURT_CASE.initial)
    assert [one.charges for one in found] == [(recorded,), (recorded,)]  # type: ignore[union-attr]


def replace_charge(one: object, committed_on: str) -> object:
    return one.model_copy(update={"committed_on": committed_on})  # type: ignore[attr-defined]


def test_refuses_an_accused_named_twice() -> None:
    command = prosecute(*BROUGHT)
    given(COURT_CASE).when(replace(command, accused=(Accused(ref="a1"),) * 2)).then_refused("accused-twice")


def test_adds_a_charge_against_a_person_newly_accused() -> None:
    key = ("a3", "lshtse-2008", "10")
    added = charge(key, on="2009-09-01")
    given(COURT_CASE, *OPENED).when(amend(NewCharge(*key), new=(Accused(ref="a3"),))).then(
        ChargesAmended(**OF_COURT, accused=(Accused(ref="a3"),), added=(added,), personal={})
    )


def test_replaces_a_charge_by_withdrawing_and_adding() -> None:
    added = charge(("a1", "lshtse-2008", "17"), on="2009-09-01")
    given(COURT_CASE, *OPENED).when(amend(NewCharge("a1", "lshtse-2008", "17"), withdrawn=(SALE,))).then(
        ChargesAmended(**OF_COURT, added=(added,), withdrawn=(charge(SALE),), personal={})
    )


def test_brings_a_withdrawn_charge_again() -> None:
    gone = ChargesAmended(**OF_COURT, withdrawn=(charge(SALE),))
    given(COURT_CASE, *OPENED, gone).when(amend(NewCharge(*SALE))).then(
        ChargesAmended(**OF_COURT, added=(charge(SALE, on="2009-09-01"),), personal={})
    )


def test_withdraws_no_charge_that_was_decided() -> None:
    given(COURT_CASE, *OPENED, CONVICTED).when(amend(withdrawn=(RECRUITMENT,))).then_refused("already-decided")


def test_withdraws_no_charge_that_was_not_brought() -> None:
    given(COURT_CASE, *OPENED).when(amend(withdrawn=(("a2", "lshtse-2008", "12"),))).then_refused("not-charged")


def test_changes_no_court_case_that_is_not_there() -> None:
    given(COURT_CASE).when(amend(NewCharge(*SALE))).then_refused("not-found")


@pytest.mark.parametrize(
    ("statute", "article", "kind"),
    [("lshtse-2008", "24", "soliciting"), ("lshtse-2008", "999", "unlisted"), ("law-of-the-sea", "1", "unlisted")],
)
def test_a_charge_against_a_victim_does_not_wait_for_the_statute_table(statute: str, article: str, kind: str) -> None:
    assert kind_of_offence(LAW, statute, article, date(2026, 1, 1)) == kind
