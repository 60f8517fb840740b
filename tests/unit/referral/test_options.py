"""Which providers could take a person: best first, who is left out, and what is missing."""

from dataclasses import replace
from typing import Any

from services.referral.commands import Person
from services.referral.options.rulebook import Asked, Standing, ranked

PERSON = Person("KH-0000-0000", "male", None, "30-38", child=False, screening="presumed_victim", outcome=None)
READY = Standing(consent=True, presumed=True)
ROW: dict[str, Any] = {
    "provider_id": "p", "organisation": "o", "services": ["shelter"], "offers": [], "shelter_id": "s",
    "province": "KH-1", "kind": "transit", "cohort": "men", "free": 2,
}  # fmt: skip


def options(*rows: dict[str, Any], earlier: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return ranked(PERSON, rows, earlier or [], more.get("asked", Asked()), more.get("standing", READY))


def declined(ground: str) -> list[dict[str, Any]]:
    return [{"referral_id": "r", "provider_id": "p", "status": "declined", "ground": ground}]


def test_the_own_cohort_comes_before_families() -> None:
    found = options({**ROW, "free": 1}, {**ROW, "cohort": "families", "free": 9})
    assert [one["cohort"] for one in found["items"]] == ["men", "families"]
    assert found["missing"] == []


def test_it_says_which_place_is_missing() -> None:
    assert options()["missing"] == ["place: no approved provider has beds for men"]
    assert "occupied or held" in options({**ROW, "free": 0})["missing"][0]
    elsewhere = options(ROW, asked=Asked(province="KH-2"))
    assert elsewhere["items"] == []
    assert "in KH-2" in elsewhere["missing"][0]


def test_providers_are_shown_before_the_person_consents() -> None:
    found = options(ROW, standing=replace(READY, consent=False))
    assert [(one["possible_now"], one["needs"]) for one in found["items"]] == [(False, ["consent"])]
    assert found["missing"][0].startswith("consent")


def test_nobody_is_shown_for_somebody_who_is_not_presumed_a_victim() -> None:
    found = options(ROW, standing=replace(READY, presumed=False))
    assert found["items"] == []
    assert found["missing"][0].startswith("status")


def test_offers_say_for_whom_and_how_long() -> None:
    women = {**ROW, "offers": [{"service": "shelter", "cohorts": ["women"], "terms": []}]}
    long = {**ROW, "offers": [{"service": "shelter", "cohorts": [], "terms": ["long"]}]}
    assert options(women, long)["items"] == []
    assert options(ROW, asked=Asked(term="long"))["items"] == []
    assert options({**long, "kind": "long_term"}, asked=Asked(term="long"))["items"]


def test_who_said_no_for_good_is_left_out_and_who_was_full_comes_last() -> None:
    other = {**ROW, "provider_id": "q", "free": 1}
    found = options(ROW, other, earlier=declined("not_suitable"))
    assert [one["provider_id"] for one in found["items"]] == ["q"]
    assert [one["provider_id"] for one in found["left_out"]] == ["p"]
    assert [one["provider_id"] for one in options(ROW, other, earlier=declined("full"))["items"]] == ["q", "p"]
    assert "declined it" in options(ROW, earlier=declined("person_declined"))["missing"][0]


def test_another_service_needs_no_bed() -> None:
    row = {**ROW, "services": ["medical"], "shelter_id": None, "kind": None, "cohort": None, "free": None}
    found = options(row, asked=Asked(service="medical"))
    assert found["items"][0]["reasons"] == ["in KH-1"]
    assert options(asked=Asked(service="medical"))["missing"]


def test_a_shelter_that_failed_its_inspection_is_left_out_and_conditions_are_said() -> None:
    failed = options({**ROW, "inspection": "failed"})
    assert failed["items"] == []
    assert failed["left_out"][0]["reasons"] == ["this shelter failed its last inspection"]
    two = options({**ROW, "inspection": "conditions"}, {**ROW, "provider_id": "q"})
    assert [one["provider_id"] for one in two["items"]] == ["q", "p"]
    assert "passed its last inspection under conditions" in two["items"][1]["reasons"]


def test_figures_that_nobody_confirmed_lately_come_last_and_say_so() -> None:
    two = options({**ROW, "confidence": 0}, {**ROW, "provider_id": "q", "confidence": 100})
    assert [one["confidence_percent"] for one in two["items"]] == [100, 0]
    assert any("0 % certain" in reason for reason in two["items"][1]["reasons"])


def test_an_offer_for_others_is_no_option() -> None:
    only = [{"service": "shelter", "nationalities": ["VN"]}, {"service": "shelter", "age_groups": ["9-17"]}]
    assert options({**ROW, "offers": only[1:]})["items"] == []
    assert options({**ROW, "offers": only}, asked=Asked())["possible_when_complete"] == 1
