"""Births known in part, the explained score, the keyed tokens, and the weights' file."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from libs.matching.births import birth_of, nearness
from libs.matching.blocking import indexed, searched
from libs.matching.person import Person, kept, person_of, read_back
from libs.matching.scoring import FEATURES, match
from libs.matching.weights import PATH, load_weights
from libs.rules.load import BadRules

MET = date(2026, 3, 2)
WEIGHTS = load_weights()
KEY, OTHER_KEY = b"a" * 32, b"b" * 32


def person(**personal: object) -> Person:
    return person_of({"sex": "female", "nationality": "KH", "province": "KH-1"}, personal, MET)


TEP = person(family_name="ទេព", given_name="បូផា", date_of_birth="1994-11-05", contact="០១២ ៣៤៥ ៦៧៨")
SAME = person(family_name="Bopha", given_name="Tep", date_of_birth="1994-05-11", contact="+855 12 345 678")
SISTERS = (("Bopha", "1994-11-05"), ("Maly", "1997-02-20"))
OTHER = person(family_name="Sok", given_name="Dara", date_of_birth="1981-02-03")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1994-11-05", "1994-11-05", "same_day"),
        ("2537-11-05", "1994-11-05", "same_day"),  # Buddhist era
        ("1994-11-05", "1994-05-11", "day_and_month_swapped"),
        ("1994-11-05", "1995-11-05", "year_differs"),
        ("1994-11-05", "1994-12-05", "month_differs"),
        ("1994-11-05", "1994-11-25", "day_differs"),
        ("1994-12-30", "1995-01-04", "days_apart"),
        ("1994-11-05", "1994-01-01", "same_year"),  # the first of January is the year alone
        ("1994", "1994-11-05", "same_year"),
        ("1994-11", "1995", "near_year"),
        ("1994-11-05", "1981-02-03", "different"),
        ("1994-11-05", (30, 33), "within_estimate"),
        ("1994-11-05", (33, 34), "near_estimate"),
        ("1994-11-05", (50, 60), "different"),
        ("1994-11-05", None, "unknown"),
    ],
)
def test_births_known_in_part(one: str, other: str | tuple[int, int] | None, expected: str) -> None:
    there = birth_of(None, other, MET) if isinstance(other, tuple) else birth_of(other, None, MET)
    assert nearness(birth_of(one, None, MET), there) == expected
    assert nearness(there, birth_of(one, None, MET)) == expected


def test_a_score_is_the_sum_of_what_it_says() -> None:
    found = match(TEP, SAME, WEIGHTS)
    assert found.verdict == "likely"
    assert found.points == sum(part.points for part in found.because)
    said = {part.feature: part.agreement for part in found.because}
    assert said["contact"] == "same"
    assert said["birth"] == "day_and_month_swapped"
    assert "document" not in said  # what nobody knows says nothing
    assert match(TEP, OTHER, WEIGHTS).verdict == "unlikely"


def test_a_common_name_says_less() -> None:
    assert match(TEP, SAME, WEIGHTS, sharing=1000).points < match(TEP, SAME, WEIGHTS, sharing=1).points


def test_sisters_share_their_parents_and_are_two() -> None:
    home = {"family_name": "Tep", "mother_name": "Sok Mony", "contact": "012 345 678"}
    one, other = (person(**home, given_name=name, date_of_birth=born) for name, born in SISTERS)
    found = match(one, other, WEIGHTS)
    assert found.verdict == "unlikely"
    assert ("kin", "two_shared") in {(part.feature, part.agreement) for part in found.because}


def test_who_is_one_person_shares_a_token_and_only_under_one_key() -> None:
    assert set(indexed(TEP, KEY)) & set(searched(SAME, KEY))
    assert not set(indexed(TEP, KEY)) & set(searched(OTHER, KEY))
    assert not set(indexed(TEP, KEY)) & set(searched(SAME, OTHER_KEY))


def test_one_consonant_too_many_is_still_found() -> None:
    mistyped = replace(person(family_name="Tep", given_name="Bophar", age_estimate={"min": 20, "max": 40}))
    assert set(indexed(person(family_name="Tep", given_name="Bopha"), KEY)) & set(searched(mistyped, KEY))


@pytest.mark.parametrize("one", [TEP, OTHER, person(), person(age_estimate={"min": 9, "max": 12})])
def test_a_person_is_read_back_as_kept(one: Person) -> None:
    assert read_back(kept(one)) == one


def test_every_feature_has_its_weights() -> None:
    assert set(WEIGHTS.points) == set(FEATURES)
    assert WEIGHTS.name_frequency[-1].sharing == 0


def test_weights_that_do_not_fit_are_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "matching.schema.json").write_text(PATH.with_name("matching.schema.json").read_text())
    text = PATH.read_text(encoding="utf-8")
    for wrong in (text.replace("likely: ", "likely: -1", 1), text.replace("same_day", "any_day")):
        path = tmp_path / f"matching.{len(wrong)}.yaml"
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(BadRules, match=r"matching\.\d+\.yaml:\d+"):
            load_weights(path)
