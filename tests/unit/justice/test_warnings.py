"""What a court case warns of, with its reasons; what it says of each accused."""

import pytest

from libs.events.catalogue.justice import ChargesAmended, VerdictGiven
from services.justice.decider import COURT_CASE
from services.justice.rulebook import listed, outcome_of, purposes_of, warnings
from services.justice.state import CourtCase
from tests.unit.justice.kit import CONVICTED, OF_COURT, OPENED, RECRUITMENT, SALE, charge, of

PURPOSE = frozenset({"forced_labour"})


def case(*events: object) -> CourtCase:
    state = COURT_CASE.fold((*OPENED, *events))  # type: ignore[arg-type]
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


def test_an_open_case_without_movement_is_named_in_lists() -> None:
    item = {"days_without_movement": 90, "pending_charges": 1, "convictions_without_compensation": 0}
    assert [one["code"] for one in listed(item, None)["warnings"]] == ["no-movement"]
    assert listed(item, 91)["warnings"] == []
    assert listed({**item, "pending_charges": 0}, None)["warnings"] == []


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
    given = [VerdictGiven(**of(key), result=result) for key, result in results.items()]  # type: ignore[arg-type]
    assert outcome_of(case(*given), "a1") == outcome


def test_a_determination_says_the_purposes_and_intake_only_before_it() -> None:
    row = {"outcome": None, "determined_purpose": None, "screened_purpose": ["servitude"], "exploitation": ["other"]}
    assert purposes_of(row) == {"servitude", "other"}
    assert purposes_of({**row, "outcome": "smuggled_migrant", "determined_purpose": []}) == frozenset()
