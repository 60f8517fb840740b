"""The rows of the court-outcome view, and its exact figures."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.catalogue.identification import Determined, Identified, Unlinked
from libs.events.catalogue.justice import (
    Accused,
    Charge,
    ChargesAmended,
    CompensationPaid,
    HearingHeld,
    NonProsecutionAlertAssigned,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    Prosecuted,
    ReportFiled,
    VerdictGiven,
    VictimCharged,
)
from libs.events.consume import Fact, Put
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from projections.court_outcomes.queries import outcomes_sql, percent, percentile
from projections.court_outcomes.view import WANTS, apply

AT, KNOWN = "2009-03-01T02:00:00.000000Z", "2011-07-01T02:00:00.000000Z"
CASE, OTHER = "KH-3RSM-QN8H", "KH-DB6G-V033"
CHARGE = Charge(
    accused_ref="a1", statute="lshtse-2008", article="12", counts=2, kind="trafficking",
    committed_on="2009-03-01", charged_on="2009-03-01",
)  # fmt: skip
OF_COURT = {"court_case_id": "c1", "case_ids": (CASE, OTHER), "court": "pp", "province": "KH-12"}
OF_CHARGE = {**OF_COURT, "accused_ref": "a1", "statute": "lshtse-2008", "article": "12"}
OF_VICTIM = {"victim_charge_id": "v1", "case_id": CASE, "court": "pp", "statute": "lshtse-2008", "article": "24"}
CHARGE_KEY = {"court_case_id": "c1", "version": 1, "ref": "a1", "statute": "lshtse-2008", "article": "12"}
CLOCKS = {"occurred_at": AT, "recorded_at": KNOWN}


def rows(event: Event, version: int = 1) -> list[Put]:
    envelope = Envelope(
        id="i", type=event.wire, source="/services/x", subject=CASE, time=KNOWN, occurredat=AT, stream="s:1",
        streamversion=version, organisation="o", actor="a", role="justice", correlationid="i", causationid=None,
        traceparent=None, prevhash=GENESIS, data=event.data(),
    )  # fmt: skip
    return [change for change in apply(Fact(event, envelope)) if isinstance(change, Put)]


def test_a_prosecution_is_opened_once_and_names_each_of_its_victims() -> None:
    opened, further = (
        rows(
            Prosecuted(court_case_id="c1", case_id=case, court="pp", accused=(Accused(ref="a1"),), charges=(CHARGE,)), n
        )
        for n, case in enumerate((CASE, OTHER), 1)
    )
    assert opened[0] == Put("prosecuted_case", {"court_case_id": "c1", "case_id": CASE}, CLOCKS)
    assert opened[2] == Put("charge", CHARGE_KEY, {"counts": 2, "brought": True, **CLOCKS})
    assert {put.table for put in opened} == {"prosecuted_case", "accused", "charge"}
    assert [put.key["case_id"] for put in further] == [OTHER]


def test_a_withdrawal_is_a_row_of_its_own_so_that_the_time_before_it_stays() -> None:
    gone = rows(ChargesAmended(**OF_COURT, withdrawn=(CHARGE,)), 4)
    assert gone == [Put("charge", {**CHARGE_KEY, "version": 4}, {"brought": False, **CLOCKS})]
    again = rows(ChargesAmended(**OF_COURT, withdrawn=(CHARGE,), added=(CHARGE,)), 5)
    assert [put.values["brought"] for put in again] == [False, True]


def test_every_verdict_is_kept_so_that_any_moment_can_be_asked_for() -> None:
    verdict = VerdictGiven(**OF_CHARGE, result="convicted", prison_months=96, compensation_khr=500)
    (put,) = rows(verdict, version=7)
    assert put.key == {"court_case_id": "c1", "version": 7}
    assert put.values["result"] == "convicted"
    assert put.values["compensation_khr"] == 500
    assert rows(CompensationPaid(**OF_CHARGE, amount_khr=9), version=8)[0].values["amount_khr"] == 9


def test_a_charge_against_a_victim_keeps_every_move_of_its_alert() -> None:
    (charged,) = rows(VictimCharged(**OF_VICTIM, kind="soliciting", committed_on="2009-03-01"))
    assert (charged.table, charged.values["article"]) == ("victim_charge", "24")
    moves = (
        NonProsecutionAlertRaised(**OF_VICTIM, basis="presumed_victim"),
        NonProsecutionAlertAssigned(**OF_VICTIM, assignee="nrm-authority"),
        NonProsecutionAlertResolved(**OF_VICTIM, resolution="acquitted"),
    )
    puts = [put for version, event in enumerate(moves, 2) for put in rows(event, version)]
    assert [put.values["stage"] for put in puts] == ["raised", "assigned", "resolved"]
    assert {put.table for put in puts} == {"alert"}


def test_the_stages_before_the_court_are_kept_by_case() -> None:
    report = rows(ReportFiled(report_id="r1", case_id=CASE, filed_by="cnp-poipet"))
    assert report == [Put("report", {"report_id": "r1"}, {"case_id": CASE, **CLOCKS})]
    determined = Determined(case_id=CASE, act=(), means=(), purpose=(), outcome="victim", legal_basis=(), child=False)
    assert rows(determined, 3)[0].key == {"case_id": CASE, "version": 3}
    assert rows(Unlinked(case_id=CASE, other_case_id=OTHER))[0].values["linked"] is False


def test_other_facts_change_nothing() -> None:
    assert rows(HearingHeld(**OF_COURT, kind="hearing")) == []
    assert HearingHeld.wire not in WANTS
    assert Identified.wire in WANTS


@pytest.mark.parametrize(("part", "whole", "shown"), [(12, 71, 16.9), (20, 72, 27.8), (1, 8, 12.5), (3, 3, 100)])
def test_a_rate_has_one_decimal(part: int, whole: int, shown: float) -> None:
    assert percent(part, whole) == shown
    assert percent(0, 0) is None


@given(st.lists(st.integers(0, 10_000), min_size=1).map(sorted), st.sampled_from([5, 9]))
def test_percentiles_are_exact(days: list[int], tenth: int) -> None:
    place = Fraction((len(days) - 1) * tenth, 10)
    low = int(place)
    high = min(low + 1, len(days) - 1)
    exact = days[low] + (place - low) * (days[high] - days[low])
    assert percentile(days, tenth) == float(exact)
    assert percentile([], tenth) is None


def test_every_group_is_in_the_statement() -> None:
    sql = outcomes_sql(["reporting_year", "article", "accused"])
    assert "GROUP BY GROUPING SETS ((reporting_year, statute, article, accused), ())" in sql
