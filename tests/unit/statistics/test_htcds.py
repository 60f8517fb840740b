"""The HTCDS profile: the standard's names, ours under nrm_, and every value of our lists within our schema."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from libs.events.catalogue.vocabulary import DIVISIONS, ControlMethod, Exploitation, Gender, RecruitmentMethod
from libs.rules.mappings import load_mappings
from libs.tables.words import key
from projections.statistics.api import funnel_rows
from projections.statistics.htcds.profile import SCHEMA, profile

VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
ROW: dict[str, Any] = {
    "case_id": "KH-0000-0000", "cases": ["KH-0000-0000", "KH-0000-0011"], "sex": "male", "gender": None,
    "nationality": "KH", "language": "km", "age_group": "30-38", "province": "KH-1", "channel": "raid",
    "reported_by": "cnp", "screening": "presumed_victim", "outcome": None, "victim": False, "closed": None,
    "exploitation": list(get_args(Exploitation)), "recruitment_method": list(get_args(RecruitmentMethod)),
    "control_methods": list(get_args(ControlMethod)), "industry": "A03", "cared_for": True, "returned": False,
    "occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip


def test_every_value_of_ours_has_a_place() -> None:
    record = profile(ROW)
    VALIDATOR.validate(record)
    assert "ForcedMilitaryByNonStateActors" in record["vic_TypeOfExploitation"]
    assert "forced_criminality" in record["nrm_exploitation"]
    assert record["nrm_linked_cases"] == ["KH-0000-0011"]
    assert "nrm_outcome" not in record
    assert (record["vic_ForcedLabourIndustry"], record["nrm_industry"]) == ("A_AgricultureForestryAndFishing", "A03")


@pytest.mark.parametrize("section", DIVISIONS)
def test_every_section_of_isic_leaves_and_comes_back(section: str) -> None:
    record = profile({**ROW, "industry": section})
    VALIDATOR.validate(record)
    [column] = [one for one in load_mappings().newest["htcds"].columns if one.to == "circumstances.industry"]
    assert column.codes[key(record["vic_ForcedLabourIndustry"])] == section


@pytest.mark.parametrize("gender", get_args(Gender))
def test_every_gender_has_a_place(gender: str) -> None:
    VALIDATOR.validate(profile({**ROW, "gender": gender}))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "PossibleVictimOfTrafficking"),
        ({"outcome": "victim", "victim": True}, "ActualVictimOfTrafficking"),
        ({"outcome": "not_victim", "victim": True}, "ActualVictimOfTrafficking"),
        ({"outcome": "smuggled_migrant"}, "NotAVictimOfTrafficking"),
        ({"outcome": "inconclusive"}, "PossibleVictimOfTrafficking"),
    ],
)
def test_the_status_is_the_standing_one(change: dict[str, Any], status: str) -> None:
    record = profile({**ROW, **change})
    VALIDATOR.validate(record)
    assert record["vic_TraffickingStatus"] == status


def test_a_stage_of_the_funnel_does_not_give_few_away() -> None:
    everybody = frozenset(f"p{number}" for number in range(40))
    victims = frozenset(sorted(everybody)[:38])
    stages = {"identified": {("f",): everybody}, "determined": {("f",): victims}}
    rows, suppressed = funnel_rows(["sex"], stages, 11)
    assert suppressed == 1
    assert rows == [{"sex": "f", "identified": 40, "determined": None}]
    assert funnel_rows(["sex"], stages, 0)[0] == [{"sex": "f", "identified": 40, "determined": 38}]
