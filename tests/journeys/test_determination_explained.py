"""Advice that says why and follows corrections; wrong reasons; what is due; 18th birthdays; who gives no consent."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

WHEN = "2026-03-02T09:00:00+07:00"
WORDS = {"occurred_at": WHEN, "reason": "made up"}


def _case(**person: Any) -> dict[str, Any]:
    return {
        "occurred_at": WHEN,
        "channel": "border_screening",
        "place": {"province": "KH-1", "country": "KH"},
        "person": {"sex": "female", "nationality": "KH", **person},
        "circumstances": {
            "continuum": "C", "exploitation": ["forced_labour"], "recruitment_method": ["through_a_broker"],
            "route": [{"country": "TH"}],
        },
    }  # fmt: skip


async def _made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _opened(speak: Any, **person: Any) -> str:
    police = speak("cnp-poipet", "first_responder")
    return str((await _made(await police.post("identification", "/v1/cases", _case(**person))))["case_id"])


@pytest.fixture
def authority(speak: Any) -> Any:
    return speak("nrm-authority", "competent_authority")


async def _due(caller: Any, case: str, *kinds: str) -> dict[str, dict[str, Any]]:
    """What is due in a case, once exactly these kinds are (the rows come by Kafka)."""
    for _ in range(150):
        found: dict[str, dict[str, Any]] = {}
        query, more = {"limit": "500"}, True
        while more:
            listed = (await caller.get("identification", "/v1/due", **query)).json()
            found |= {one["kind"]: one for one in listed["items"] if one["case_id"] == case}
            more = listed["next"] is not None
            query["cursor"] = listed["next"] or ""
        if set(found) == set(kinds):
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(found)


async def test_a_corrected_age_changes_the_advice(speak: Any, authority: Any) -> None:
    case = await _opened(speak, age_estimate={"min": 15, "max": 20})
    path = f"/v1/cases/{case}"
    first = (await authority.get("identification", f"{path}/advice")).json()
    assert first["child"]["presumed"]
    assert first["supports"] == "victim"  # act and purpose: a child needs no means
    assert first["elements"]["act"][0] == {
        "value": "recruitment", "because": [{"intake": "recruitment_method", "value": "through_a_broker"}]
    }  # fmt: skip
    assert "knowing-or-agreeing-counts-for-nothing" in first["notes"]
    await _due(authority, case, "first_decision", "age_determination")
    found = {"age_determination": {"child": False, "basis": "medical"}, "age_estimate": {"min": 18, "max": 20}}
    await _made(await authority.post("identification", f"{path}/corrections", {**WORDS, "person": found}))
    then = (await authority.get("identification", f"{path}/advice")).json()
    assert then["child"] | {"turns_18_on": None} == then["child"]
    assert then["child"]["because"] == "age_determination_by_medical"
    assert then["missing"] == ["means"]
    assert then["supports"] == "not_enough_known"
    await _due(authority, case, "first_decision")
    again = {**WORDS, "person": {"age_estimate": {"min": 14, "max": 16}}}
    refused = await authority.post("identification", f"{path}/corrections", again)
    assert refused.json()["type"].endswith("age-determined")


async def test_answers_lead_to_elements_and_are_scored_anew(speak: Any, authority: Any) -> None:
    case = await _opened(speak, age_estimate={"min": 20, "max": 25})
    card = (await authority.get("identification", "/v1/instruments/identification-card")).json()
    answers = {question["id"]: True for question in card["questions"] if question["answer"] == "boolean"}
    screening = {
        "occurred_at": WHEN, "instrument": "identification-card", "answers": answers,
        "initial_determination": "presumed_victim", "reasons": "as told",
    }  # fmt: skip
    made = await _made(await authority.post("identification", f"/v1/cases/{case}/screenings", screening))
    advice = (await authority.get("identification", f"/v1/cases/{case}/advice")).json()
    scored = advice["screenings"][0]
    assert scored["result_then"] == scored["result_now"] == made["score"]["result"]
    because = [reason for one in advice["elements"]["means"] for reason in one["because"]]
    asked = {question for reason in because for question in reason.get("questions", [])}
    assert asked
    assert asked <= set(answers)
    due = await _due(authority, case, "final_decision")
    assert due["final_decision"]["party"] == "competent_authority"
    assert due["final_decision"]["placeholder"]


async def test_a_wrong_reason_is_reviewed_before_the_case_closes(speak: Any, authority: Any) -> None:
    case = await _opened(speak, age_estimate={"min": 20, "max": 25})
    path = f"/v1/cases/{case}"
    decision = {
        "occurred_at": WHEN, "act": [], "means": [], "purpose": [], "outcome": "not_victim", "legal_basis": [],
        "reasons": "she knew what work it was", "grounds": ["knew_the_work"],
    }  # fmt: skip
    made = await _made(await authority.post("identification", f"{path}/determinations", decision))
    assert made["wrong_reasons"] == ["knew_the_work"]
    assert [event["type"].split(".")[3] for event in made["events"]] == ["determined", "wrong_reason_alerted"]
    due = await _due(authority, case, "wrong_reason_review")
    assert due["wrong_reason_review"]["overdue"]
    late = (await authority.get("identification", "/v1/due", overdue="true", kind="wrong_reason_review")).json()
    assert case in [one["case_id"] for one in late["items"]]
    closing = await authority.post("identification", f"{path}/closure", WORDS)
    assert closing.json()["type"].endswith("alert-open")
    await _made(await authority.post("identification", f"{path}/reviews", WORDS))
    await _due(authority, case, "review", "wrong_reason_review")
    right = decision | {
        "act": ["recruitment"], "means": ["deception"], "purpose": ["forced_labour"], "outcome": "victim",
        "grounds": [],
    }  # fmt: skip
    made = await _made(await authority.post("identification", f"{path}/determinations", right))
    assert made["wrong_reasons"] == []
    await _due(authority, case)
    await _made(await authority.post("identification", f"{path}/closure", WORDS))
    await _made(await authority.post("identification", f"{path}/closure", WORDS | {"reopen": True}))
    await _due(authority, case, "reopened")


async def test_an_inconclusive_case_is_taken_up_again_on_its_day(speak: Any, authority: Any) -> None:
    case = await _opened(speak)
    decision = {
        "occurred_at": WHEN, "act": ["recruitment"], "means": [], "purpose": [], "outcome": "inconclusive",
        "legal_basis": [], "reasons": "wait for the sister", "follow_up_on": "2099-01-05",
    }  # fmt: skip
    await _made(await authority.post("identification", f"/v1/cases/{case}/determinations", decision))
    due = (await _due(authority, case, "follow_up"))["follow_up"]
    assert (due["due"], due["overdue"]) == ("2099-01-05", False)


async def test_who_turns_18_is_asked_anew(speak: Any, authority: Any) -> None:
    today = datetime.now(UTC).date()
    police = speak("cnp-poipet", "first_responder")
    passed, coming = today - timedelta(days=20), today + timedelta(days=20)
    cases = []
    for turns in (passed, coming):
        day = turns.replace(year=turns.year - 18, day=min(turns.day, 28))
        met = (datetime.now(UTC) - timedelta(days=60)).isoformat()
        case = await _made(
            await police.post(
                "identification", "/v1/cases", _case(date_of_birth=day.isoformat()) | {"occurred_at": met}
            )
        )
        cases.append(case["case_id"])
    grown, child = cases
    await _due(authority, grown, "first_decision", "consent_anew")
    assert (await authority.get("identification", f"/v1/cases/{grown}")).json()["of_age"]
    soon = (await authority.get("identification", "/v1/due/coming-of-age", limit="500")).json()["items"]
    listed = {one["case_id"]: one for one in soon}
    assert listed[child]["cohort_from_then"] == "women"
    assert grown not in listed
    own = {"occurred_at": WHEN, "kind": "referral", "given": True, "by": "self"}
    assert (await police.post("identification", f"/v1/cases/{child}/consents", own)).status_code == 409
    await _made(await police.post("identification", f"/v1/cases/{grown}/consents", own))
    await _due(authority, grown, "first_decision")


async def test_who_gives_no_consent_is_counted_without_a_name(speak: Any) -> None:
    police = speak("cnp-poipet", "first_responder")
    body = {
        "occurred_at": WHEN, "channel": "raid", "place": {"province": "KH-1", "country": "KH"}, "sex": "female",
        "nationality": "VN", "age_group": "18-20", "exploitation": ["sexual_exploitation"],
    }  # fmt: skip
    made = await _made(await police.post("identification", "/v1/notifications", body))
    assert made["events"][0]["type"] == "org.opennrm.identification.notified.v1"
    path = f"/v1/notifications/{made['notification_id']}"
    assert (await police.get("identification", path)).json()["nationality"] == "VN"
    assert (await speak("an-ngo", "first_responder").get("identification", path)).status_code == 403
    named = await police.post("identification", "/v1/notifications", body | {"given_name": "Srey"})
    assert named.status_code == 422


async def test_the_committee_sees_how_much_is_late_and_no_case(speak: Any, authority: Any) -> None:
    case = await _opened(speak)
    await _due(authority, case, "first_decision")
    committee = speak("ncct", "coordinator")
    counted = await committee.get("identification", "/v1/due/counts")
    first = next(one for one in counted.json()["items"] if one["kind"] == "first_decision")
    assert first["due"] >= first["overdue"] >= 1
    assert case not in counted.text
    assert (await committee.get("identification", "/v1/due")).status_code == 403
    own = (await speak("an-ngo", "first_responder").get("identification", "/v1/due", limit="500")).json()
    assert case not in [one["case_id"] for one in own["items"]]
