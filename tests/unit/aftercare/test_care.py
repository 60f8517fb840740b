"""A person's care: children with their relatives, every placement kept, inspections and discharges as they are told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.events.catalogue.aftercare import Beds, ShelterOpened
from libs.events.testing import given
from services.aftercare.bodies import InspectionBody
from services.aftercare.care.bodies import DischargeBody
from services.aftercare.commands import Admit, At, Enter, Leave, Person, Release
from services.aftercare.decider import CARE, SHELTER
from services.aftercare.rulebook import result_of
from services.aftercare.state import Care

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOTHER = Person("KH-0000-0000", "female", None, child=False)
CHILD = Person("KH-0000-0011", "female", None, child=True)
OPENED = ShelterOpened(
    shelter_id="s1", provider_id="p1", organisation="house", province="KH-5", kind="long_term", name="House",
    beds=(Beds(cohort="families", count=3),),
)  # fmt: skip
MOTHER_IN = At(NOW, Admit(MOTHER, "m.1", 1, "families", "r1"))
CHILD_IN = Admit(CHILD, "c.1", 1, "families", "r2", companion=MOTHER)


def test_a_child_comes_into_a_families_bed_with_its_mother() -> None:
    mother = given(SHELTER, OPENED).when(MOTHER_IN).events
    admitted = given(SHELTER, OPENED, *mother).when(At(NOW, CHILD_IN)).events[0]
    assert admitted.accompanied_by == MOTHER.case_id  # type: ignore[attr-defined]
    left = given(SHELTER, OPENED, *mother).when(At(NOW, Release("m.1", None, "left", {}))).events
    assert given(SHELTER, OPENED, *mother, *left).when(At(NOW, CHILD_IN)).events, "she was here"


@pytest.mark.parametrize(
    "companion", [None, replace(MOTHER, case_id="KH-0000-0022"), CHILD, replace(MOTHER, child=True)]
)
def test_no_child_is_among_other_families_alone(companion: Person | None) -> None:
    mother = given(SHELTER, OPENED).when(MOTHER_IN).events
    alone = At(NOW, replace(CHILD_IN, companion=companion))
    given(SHELTER, OPENED, *mother).when(alone).then_refused("child-among-adults")


def test_every_placement_and_every_carer_is_kept() -> None:
    enter = Enter(MOTHER.case_id, "m.1", 1, "s1", "house")
    past = list(given(CARE).when(enter).events)
    past += given(CARE, *past).when(replace(enter, stay=2, shelter_id="s2", organisation="other")).events
    left = given(CARE, *past).when(Leave(MOTHER.case_id, "m.1", "independent")).events[0]
    assert left.organisation == "other"  # type: ignore[attr-defined]
    past += [left, *given(CARE, *past, left).when(replace(enter, placement_id="m.2")).events]
    care = CARE.fold(past)
    assert isinstance(care, Care)
    assert care.organisations == {"house", "other"}
    assert care.entered["m.1"].organisation == "other"
    assert care.ended["m.1"].outcome == "independent"
    assert set(care.entered) - set(care.ended) == {"m.2"}
    given(CARE, *past).when(Leave(MOTHER.case_id, "m.1", "left")).then_refused("placement-ended")


@pytest.mark.parametrize(
    ("sent", "how"),
    [
        ({"outcome": "independent", "reason": "has work"}, "independent"),
        ({"reason": "repatriated"}, "repatriated"),
        ({"reason": "went in the night"}, "left"),
        ({}, "left"),
    ],
)
def test_a_discharge_says_how_the_placement_ended(sent: dict[str, Any], how: str) -> None:
    assert DischargeBody(occurred_at=NOW, **sent).how == how


@pytest.mark.parametrize(
    ("sent", "result", "words"),
    [
        ({"result": "conditions", "remark": "a", "findings": ["b", "c"]}, "conditions", "a\nb\nc"),
        ({"outcome": "passed"}, "passed", ""),
        ({"findings": "locked doors", "failed_standards": ["free_to_leave"]}, "failed", "locked doors"),
        ({"failed_standards": ["schooling"]}, "conditions", ""),
        ({"findings": "a dark corridor"}, "conditions", "a dark corridor"),
    ],
)
def test_an_inspection_is_told_in_several_ways(sent: dict[str, Any], result: str, words: str) -> None:
    body = InspectionBody(occurred_at=NOW, **sent)
    assert result_of(body.result or body.outcome, body.failed_standards) == result
    assert body.words == words


@pytest.mark.parametrize(("sent", "fault"), [({"result": "passed", "outcome": "failed"}, "different"), ({}, "say a")])
def test_an_inspection_says_one_thing(sent: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        InspectionBody(occurred_at=NOW, **sent)
