"""What rows become, by the shipped mappings: recorded, with notes, refused, or a question; never a victim by theirs."""

from datetime import date
from typing import Any

import pytest

from libs.events.decider import Refused
from services.identification.imports.draft import Draft, changed_sections
from services.identification.imports.reading import MAPPINGS, read_file

TODAY = date(2026, 11, 25)
HEAD = ("Reg. No.,Full name,Sex,Date of birth,Age,Nationality,Date registered,Province,Category,"
        "Type of exploitation,Status,Referred to")  # fmt: skip
GOOD = {
    "Reg. No.": "7", "Full name": "Sok Dara", "Sex": "F", "Date of birth": "", "Age": "20", "Nationality": "Khmer",
    "Date registered": "25/05/2011", "Province": "Kep", "Category": "", "Type of exploitation": "Sex", "Status": "",
    "Referred to": "",
}  # fmt: skip


def drafts(*changes: dict[str, str]) -> list[Draft]:
    rows = [",".join((GOOD | change)[name] for name in HEAD.split(",")) for change in changes]
    return read_file("\n".join((HEAD, *rows)).encode(), MAPPINGS.of("mosvy"), TODAY).drafts


def rules(findings: Any) -> set[str]:
    return {one.rule for one in findings}


def test_a_good_row_is_a_case_like_any_other() -> None:
    draft = drafts({"Referred to": "House 3"})[0]
    assert (draft.verdict, draft.beyond) == ("accepted", ("referred_to",))
    assert draft.case is not None
    assert (draft.case.channel, draft.case.place.province, draft.case.person.family_name) == ("import", "KH-23", "Sok")
    assert draft.case.occurred_at.isoformat() == "2011-05-25T00:00:00+07:00"


@pytest.mark.parametrize(
    ("change", "verdict", "rule"),
    [
        ({"Reg. No.": ""}, "refused", "missing-critical-fact"),
        ({"Date registered": ""}, "refused", "missing-critical-fact"),
        ({"Province": ""}, "refused", "missing-critical-fact"),
        ({"Category": "Rape"}, "refused", "not-our-definition"),
        ({"Category": "deportee"}, "needs_review", "deported-not-screened"),
        ({"Date registered": "spring"}, "needs_review", "unreadable-date"),
        ({"Date registered": "2011"}, "needs_review", "date-too-coarse"),
        ({"Date registered": "01/01/2027"}, "needs_review", "in-the-future"),
        ({"Province": "Atlantis"}, "needs_review", "unknown-code"),
        ({"Date of birth": "26/05/2011"}, "needs_review", "birth-impossible"),
    ],
)
def test_why_a_row_is_not_recorded(change: dict[str, str], verdict: str, rule: str) -> None:
    draft = drafts(change)[0]
    assert draft.verdict == verdict
    assert rule in rules(draft.findings)
    assert draft.case is None


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"Sex": ""}, "missing"),
        ({"Sex": "boyish"}, "unknown-code"),
        ({"Nationality": ""}, "missing"),
        ({"Date registered": "25/05/2554"}, "buddhist-era"),
        ({"Date registered": "05/25/2011"}, "date-order"),
        ({"Date registered": "05/2011"}, "date-partial"),
        ({"Date of birth": "01/01/1980"}, "age-disagrees"),
        ({"Age": "young"}, "unreadable-age"),
        ({"Type of exploitation": "Sex; sadness"}, "unknown-code"),
    ],
)
def test_what_is_recorded_with_a_note(change: dict[str, str], rule: str) -> None:
    draft = drafts(change)[0]
    assert (draft.verdict, draft.case is not None) == ("accepted", True)
    assert rule in rules(draft.notes)


def test_a_column_of_both_orders_leaves_its_ambiguous_days_to_a_person() -> None:
    found = drafts(
        {"Reg. No.": "1", "Date registered": "25/05/2011"},
        {"Reg. No.": "2", "Date registered": "05/25/2011"},
        {"Reg. No.": "3", "Date registered": "03/04/2011"},
    )
    assert [one.verdict for one in found] == ["accepted", "accepted", "needs_review"]
    assert rules(found[2].findings) == {"ambiguous-date"}


def test_a_row_that_stands_twice_is_one_and_two_rows_of_one_number_are_a_question() -> None:
    found = drafts({}, {}, {"Age": "44"})
    assert [one.verdict for one in found] == ["accepted", "duplicate", "needs_review"]


def test_a_year_of_birth_is_an_age() -> None:
    case = drafts({"Age": "", "Date of birth": "2533"})[0].case
    assert case is not None
    assert case.person.age_estimate is not None
    assert (case.person.age_estimate.min, case.person.age_estimate.max) == (20, 21)


def test_what_changed_is_what_differs_and_what_is_gone_stands() -> None:
    before, after = drafts({"Sex": "F", "Age": "20"})[0], drafts({"Sex": "M", "Age": "", "Province": "Takeo"})[0]
    assert changed_sections(before, after) == {"place": {"province": "KH-21"}, "person": {"sex": "male"}}


def test_no_reason_repeats_a_value() -> None:
    found = drafts({"Sex": "Zzyzx", "Age": "Zzyzx", "Province": "Zzyzx", "Date registered": "Zzyzx"})[0]
    assert "Zzyzx" not in str((found.findings, found.notes))


def test_a_file_without_its_headings_is_refused_with_their_names() -> None:
    with pytest.raises(Refused) as refused:
        read_file(b"Reg. No.,Sex\n1,F\n", MAPPINGS.of("mosvy"), TODAY)
    assert (refused.value.rule, "province" in refused.value.detail) == ("headings-missing", True)
