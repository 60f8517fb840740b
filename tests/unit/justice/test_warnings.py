"""What a court case warns of, with its reasons; what it says of each accused."""

from typing import Any

import pytest

from libs.events.catalogue.justice import ChargesAmended, VerdictGiven
from services.justice.decider import COURT_CASE
from services.justice.rulebook import listed, outcome_of, purposes_of, warnings
from services.justice.state import CourtCase
from services.justice.warnings.rulebook import of_report, of_victim_charge
from tests.unit.justice.kit import CONVICTED, OF_COURT, OPENED, RECRUITMENT, SALE, charge, of

PURPOSE = frozenset({"forced_labour"})


def case(*events: object) -> CourtCase:
    state = COURT_CASE.fold((*OPENED, *events))
    assert isinstance(state, CourtCase)
    return state


def codes(state: CourtCase, purposes: frozenset[str] = PURPOSE) -> list[str]:
    return [one["code"] for one in warnings(state, purposes)]


def test_trafficking_without_a_purpose_may_be_smuggling() -> None:
    found = [one for one in warnings(case(), frozenset()) if one["article"] == "12"]
    assert [(one["code"], one["reason"]) for one in found] == [("charge-fit", "trafficking-without-purpose")]
    assert found[0]["suggest"] == [{"statute": "immigration-law-1994", "article": "33"}]
    assert codes(case()) == []


def test_smuggling_with_a_purpose_may_be_trafficking() -> None:
    smuggled = charge(("a2", "immigration-law-1994", "33"), kind="smuggling")
    state = case(ChargesAmended(**OF_COURT, added=(smuggled,)))
    assert [one["reason"] for one in warnings(state, PURPOSE)] == ["smuggling-with-purpose"]


def test_says_which_article_stands() -> None:
    law, code = ("a2", "lshtse-2008", "24"), ("a2", "penal-code-2009", "298")
    both = (charge(law, on="2011-01-01"), charge(code, on="2011-01-01"))
    found = list(warnings(case(ChargesAmended(**OF_COURT, added=both)), PURPOSE))
    assert [(one["code"], one["article"], one["stands"]) for one in found] == [
        ("other-article-stands", "24", "penal-code-2009")
    ]


def test_a_conviction_without_compensation_is_named() -> None:
    assert codes(case(CONVICTED)) == []
    bare = VerdictGiven(**of(RECRUITMENT), result="convicted")
    assert codes(case(bare)) == ["conviction-without-compensation", "conviction-without-sentence"]


def row(**other: object) -> dict[str, Any]:
    charged = {
        "accused_ref": "a1", "statute": "lshtse-2008", "article": "12", "committed_on": "2009-03-01",
        "withdrawn": None, "result": None, "sentenced": None, "compensation_khr": None,
    }  # fmt: skip
    victim = {"outcome": "victim", "determined_purpose": ["forced_labour"]}
    common = {"days_without_movement": 0, "pending_charges": 1, "charges": [charged], "victims": [victim]}
    return {**common, "broken": None, **other}


def test_an_open_case_without_movement_is_named_in_lists() -> None:
    idle = row(days_without_movement=90)
    (found,) = listed(idle)["warnings"]
    assert (found["code"], found["days"], found["limit_days"], found["placeholder"]) == ("no-movement", 90, 90, True)
    assert listed(idle, 91)["warnings"] == []
    assert listed({**idle, "pending_charges": 0})["warnings"] == []


def test_a_list_warns_of_what_the_court_case_itself_warns_of() -> None:
    (charged,) = row()["charges"]
    unfit = listed(row(victims=[{"outcome": "smuggled_migrant", "determined_purpose": []}]))["warnings"]
    assert [(one["code"], one["reason"]) for one in unfit] == [("charge-fit", "trafficking-without-purpose")]
    bare = listed(row(charges=[{**charged, "result": "convicted"}]))["warnings"]
    assert [one["code"] for one in bare] == ["conviction-without-compensation", "conviction-without-sentence"]
    broken = listed(row(broken=[{"evidence_id": "e1"}], charges=[{**charged, "withdrawn": True}]))["warnings"]
    assert [(one["code"], one["evidence_id"]) for one in broken] == [("broken-chain-of-custody", "e1")]
    assert set(listed(row())) == {"days_without_movement", "pending_charges", "warnings"}


def test_a_report_that_nothing_followed_is_named() -> None:
    report = {"report_id": "r1", "case_id": "KH-3RSM-QN8H", "moved_at": "2026-01-01", "days": 60}
    assert [one["reason"] for one in of_report(report)] == ["report_without_movement"]
    assert list(of_report({**report, "days": 59})) == []


@pytest.mark.parametrize(
    ("basis", "assignee", "victim", "days", "expected"),
    [
        ("determined_victim", None, True, 6, ("raised", "determined_victim", True)),
        ("presumed_victim", None, True, 5, ("raised", "presumed_victim", False)),
        ("determined_victim", "nrm-authority", True, 60, ("assigned", "determined_victim", False)),
        (None, None, True, 0, ("not_raised", "held_for_a_victim_since", False)),
        (None, None, False, 9, None),
    ],
)
def test_a_victim_who_stands_accused_is_named_until_it_is_resolved(
    basis: str | None, assignee: str | None, victim: bool, days: int, expected: object
) -> None:
    charge = {"victim_charge_id": "v1", "case_id": "KH-3RSM-QN8H", "court": "pp", "statute": "lshtse-2008",
              "article": "24", "occurred_at": "2026-01-01"}  # fmt: skip
    found = list(of_victim_charge({**charge, "basis": basis, "assignee": assignee, "victim": victim, "days": days}))
    assert [(one["status"], one["reason"], one["overdue"]) for one in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ({}, "pending"),
        ({RECRUITMENT: "acquitted"}, "pending"),
        ({RECRUITMENT: "convicted"}, "convicted"),
        ({RECRUITMENT: "convicted", SALE: "acquitted"}, "convicted"),
        ({RECRUITMENT: "dismissed", SALE: "acquitted"}, "acquitted"),
        ({RECRUITMENT: "dismissed", SALE: "dismissed"}, "dismissed"),
    ],
)
def test_an_accused_counts_once(results: dict[tuple[str, str, str], str], outcome: str) -> None:
    given = [VerdictGiven(**of(key), result=result) for key, result in results.items()]
    assert outcome_of(case(*given), "a1") == outcome


def test_a_determination_says_the_purposes_and_intake_only_before_it() -> None:
    row = {"outcome": None, "determined_purpose": None, "screened_purpose": ["servitude"], "exploitation": ["other"]}
    assert purposes_of(row) == {"servitude", "other"}
    assert purposes_of({**row, "outcome": "smuggled_migrant", "determined_purpose": []}) == frozenset()
