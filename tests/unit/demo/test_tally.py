"""The tally, on tiny histories whose numbers were counted by hand."""

from datetime import date
from typing import Any

from nrm.demo.histories import SHARED, History, Name, Names, age_at, cohort_of, parse
from nrm.demo.tally import Beds, Outcomes, Place, tally

Raw = dict[str, Any]
PLACE = Place("KH-1", "transit", "men")
BY_FRIEND = {"org": "o", "role": "r"}


def _step(path: str, body: Raw, save: str = "", expect: int = 201, day: str = "2025-03-01") -> Raw:
    moment = {"occurred_at": f"{day}T09:00:00+07:00"}
    return {"as": BY_FRIEND, "post": path, "service": "s", "body": moment | body, "save": save, "expect": expect}


def _history(name: str, *steps: Raw) -> History:
    return parse(name, {"title": name, "story": ["."], "steps": list(steps)})


def _case(save: str, sex: str = "male") -> Raw:
    return _step("/v1/cases", {"person": {"sex": sex, "date_of_birth": "1990-01-01"}}, save)


def _referral(case: str, referral: str, response: str, reason: str) -> tuple[Raw, Raw]:
    body = {"case_id": f"${{{case}}}", "provider_id": "${house}", "services": ["shelter"], "term": "transit"}
    return (
        _step("/v1/referrals", body, referral),
        _step(f"/v1/referrals/${{{referral}}}/responses", {"response": response, "reason": reason}),
    )


def _placement(case: str, save: str, expect: int = 201) -> Raw:
    body = {"case_id": f"${{{case}}}", "shelter_id": "${beds}", "cohort": "men", "referral_id": "${r}"}
    return _step("/v1/placements", body, save, expect)


def _verdict(ref: str, result: str, article: str, year: int, compensation: int = 0) -> Raw:
    body = {"accused_ref": ref, "result": result, "statute": "s", "article": article, "compensation_khr": compensation}
    return _step("/v1/court-cases/${trial}/verdicts", body, day=f"{year}-06-01")


def _trial(*charges: tuple[str, str], cases: tuple[str, ...] = ("case",)) -> Raw:
    body = {
        "case_ids": [f"${{{case}}}" for case in cases],
        "court": "first",
        "accused": [{"ref": ref} for ref in dict.fromkeys(ref for ref, _ in charges)],
        "charges": [{"accused_ref": ref, "statute": "s", "article": article, "counts": 1} for ref, article in charges],
    }
    return _step("/v1/court-cases", body, "trial", day="2024-05-01")


HOUSE = _history(
    SHARED,
    _step("/v1/providers", {"name": "H", "province": "KH-1"}, "house"),
    _step("/v1/shelters", {"province": "KH-1", "kind": "transit", "beds": [{"cohort": "men", "count": 1}]}, "beds"),
)


def test_a_person_accepted_and_not_placed_waits_where_the_house_is() -> None:
    waiting = _history("w", _case("case"), *_referral("case", "r", "accept", "place_available"))
    assert tally([HOUSE, waiting]).beds == {(Name(SHARED, "beds"), "men"): Beds(PLACE, capacity=1, waiting=1)}


def test_a_placed_person_occupies_and_does_not_wait() -> None:
    placed = _history("p", _case("case"), *_referral("case", "r", "accept", "x"), _placement("case", "stay"))
    refused = _history("q", _case("case"), *_referral("case", "r", "accept", "x"), _placement("case", "", 409))
    full = _history("f", _case("case"), *_referral("case", "r", "decline", "full"))
    no = _history("n", _case("case"), *_referral("case", "r", "decline", "person_declined"))
    counted = tally([HOUSE, placed, refused, full, no])
    row = counted.beds[Name(SHARED, "beds"), "men"]
    assert (row.capacity, row.occupied, row.free, row.waiting) == (1, 1, 0, 2)
    assert counted.gaps == {PLACE: (2, 1)}


def test_capacity_discharge_and_transfer_move_the_figures() -> None:
    more = {"beds": [{"cohort": "men", "count": 3}]}
    other = _step(
        "/v1/shelters", {"province": "KH-2", "kind": "transit", "beds": [{"cohort": "men", "count": 2}]}, "far"
    )
    moved = _history(
        "m",
        _step("/v1/shelters/${beds}/capacity", more),
        other,
        _case("a"),
        _case("b"),
        *_referral("a", "r", "accept", "x"),
        _placement("a", "stay-a"),
        _placement("b", "stay-b"),
        _step("/v1/placements/${stay-a}/transfer", {"shelter_id": "${far}", "cohort": "men", "reason": "x"}),
        _step("/v1/placements/${stay-b}/discharge", {"outcome": "left"}),
    )
    beds = tally([HOUSE, moved]).beds
    here, there = beds[Name(SHARED, "beds"), "men"], beds[Name("m", "far"), "men"]
    assert [(row.capacity, row.occupied, row.free) for row in (here, there)] == [(3, 0, 3), (2, 1, 1)]


def test_a_later_verdict_stands_and_counts_in_its_own_year() -> None:
    history = _history(
        "c",
        _case("case"),
        _trial(("a", "12"), ("b", "12"), ("b", "13")),
        _verdict("a", "convicted", "12", 2025, 500),
        _step("/v1/court-cases/${trial}/appeals", {"accused_ref": "a", "by": "defence", "reason": "x"}),
        _verdict("a", "acquitted", "12", 2026),
        _verdict("b", "convicted", "12", 2025, 700),
    )
    counted = tally([history])
    assert counted.outcomes_by_year == {
        "2024": Outcomes(prosecutions=2, pending=1),
        "2026": Outcomes(acquitted=1),
        "2025": Outcomes(compensation_khr=700),
    }
    assert counted.outcomes_by_court == {
        "first": Outcomes(prosecutions=2, acquitted=1, pending=1, compensation_khr=700)
    }
    assert counted.funnel == {"determined": 0, "reported": 0, "prosecuted": 1, "convicted": 0}


def test_the_funnel_counts_cases_by_the_determination_that_stands() -> None:
    history = _history(
        "f",
        _case("a"),
        _case("b"),
        _step("/v1/cases/${a}/determinations", {"outcome": "not_victim"}),
        _step("/v1/cases/${a}/reviews", {"reason": "x"}),
        _step("/v1/cases/${a}/determinations", {"outcome": "victim"}),
        _step("/v1/cases/${b}/determinations", {"outcome": "victim"}, expect=409),
        _step("/v1/reports", {"case_id": "${a}", "reference": "1"}),
        _step("/v1/reports", {"case_id": "${a}", "reference": "2"}),
        _trial(("x", "12"), cases=("a", "b")),
        _verdict("x", "convicted", "12", 2025),
        _step("/v1/cases/${b}/victim-charges", {"court": "first"}),
    )
    counted = tally([history])
    assert counted.funnel == {"determined": 1, "reported": 1, "prosecuted": 2, "convicted": 2}
    assert counted.outcomes_by_court["first"] == Outcomes(prosecutions=1, convicted=1, victims_charged=1)
    kinds = {case.word: dict(record.kinds) for case, record in counted.records.items()}
    assert kinds == {
        "a": {"identified": 1, "determined": 2, "prosecuted": 1},
        "b": {"identified": 1, "prosecuted": 1},
    }
    assert {case.word: record.events_min for case, record in counted.records.items()} == {"a": 7, "b": 3}


def _return(*steps: tuple[str, str]) -> History:
    taken = [
        _step(f"/v1/repatriations/${{j}}/steps/{name}", {"outcome": outcome, "by": "x"}) for name, outcome in steps
    ]
    return _history(
        "j", _case("case"), _step("/v1/repatriations", {"case_id": "${case}", "corridor": "TH-KH"}, "j"), *taken
    )


def test_a_return_is_completed_only_when_the_other_side_acknowledges() -> None:
    handed_over = ("handed_over", "done")
    received = ("receipt_acknowledged", "done")
    expected = {
        "running": _return(("notified", "done"), ("family_traced", "waived")),
        "stopped": _return(("consent_given", "done"), ("consent_given", "refused")),
        "awaiting_acknowledgement": _return(handed_over),
        "completed": _return(handed_over, received, ("received_into_care", "done")),
    }
    for status, history in expected.items():
        assert tally([history]).cross_border == {("TH-KH", status): 1}
    restarted = _return(("consent_given", "refused"), ("risk_assessed", "done"))
    assert tally([restarted]).cross_border == {("TH-KH", "running"): 1}
    assert tally([_return(handed_over)]).records[Name("j", "case")].kinds["repatriated"] == 1


def test_names_of_a_file_stand_before_the_shared_ones() -> None:
    names = Names([HOUSE, _history("own", _case("house"))])
    assert names.find("own", "house") == Name("own", "house")
    assert names.find("else", "house") == Name(SHARED, "house")


def test_a_cohort_is_by_age_first_then_gender_then_sex() -> None:

    day = date(2025, 6, 1)
    assert age_at({"date_of_birth": "2007-06-02"}, day) == 17
    assert age_at({"date_of_birth": "2007-06-01"}, day) == 18
    assert cohort_of({"sex": "female", "age_estimate": {"min": 17, "max": 22}}, day) == "girls"
    young = {"sex": "male", "age_estimate": {"min": 12, "max": 14}, "gender": "transgender_feminine"}
    assert cohort_of(young, day) == "boys"
    assert cohort_of(young | {"age_estimate": {"min": 20, "max": 24}}, day) == "transgender_adults"
    assert cohort_of({"sex": "male", "date_of_birth": "1990-01-01"}, day) == "men"
    assert cohort_of({"sex": "female", "date_of_birth": "1990-01-01"}, day) == "women"
