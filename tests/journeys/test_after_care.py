"""After the bed: a plan and its goals, leaving, visits, an alert, an inspection that bars a shelter, two clocks."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys.test_fisherman_given_a_bed import CASE, WHEN, _accepted, _made, _shelter

LEFT = "2026-04-02T09:00:00+07:00"
AGAIN = "2026-09-02T09:00:00+07:00"


async def _until(ask: Any, holds: Any) -> dict[str, Any]:
    """Ask again until the answer has caught up with the last write."""
    deadline = time.monotonic() + 60
    while True:
        answer = (await ask()).json()
        if holds(answer) or time.monotonic() > deadline:
            return dict(answer)


async def _in_care(speak: Any) -> tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]:
    provider, shelter = await _shelter(speak, beds=1)
    case, referral = await _accepted(speak, provider)
    body = {
        "case_id": case, "shelter_id": shelter["shelter_id"], "cohort": "men", "referral_id": referral,
        "occurred_at": WHEN,
    }  # fmt: skip
    house = speak(provider["organisation"], "provider")
    return provider, shelter, case, await _made(await house.post("aftercare", "/v1/placements", body))


async def test_a_plan_is_made_reviewed_and_ends_and_the_visits_are_due(speak: Any) -> None:
    provider, _, case, placement = await _in_care(speak)
    house = speak(provider["organisation"], "provider")
    goal = {"goal_id": "boat", "kind": "livelihood", "due": "2026-08-01", "words": "own nets, with his brother"}
    path = f"/v1/cases/{case}/care-plan"
    made = await _made(await house.post("aftercare", path, {"occurred_at": WHEN, "goals": [goal]}))
    assert made["review_on"] == "2026-04-01"
    assert "words" not in str(made["goals"])
    stranger = await speak("another-house", "provider").post("aftercare", path, {"occurred_at": WHEN, "goals": [goal]})
    assert stranger.status_code == 403
    end = {"occurred_at": LEFT, "finished": True, "note": "ready to go"}
    refused = await house.post("aftercare", path + "/reviews", end)
    assert refused.json()["type"] == "urn:opennrm:problem:goals-open"
    settled = {"occurred_at": LEFT, "outcome": "achieved"}
    await _made(await house.post("aftercare", path + "/goals/boat/settlement", settled))
    ended = await _made(await house.post("aftercare", path + "/reviews", end))
    assert (ended["status"], ended["goals"][0]["outcome"]) == ("finished", "achieved")
    leave = {"occurred_at": LEFT, "outcome": "independent"}
    leaving = f"/v1/placements/{placement['placement_id']}/discharge"
    await _made(await house.post("aftercare", leaving, leave))
    visit = {"occurred_at": "2026-05-02T09:00:00+07:00", "month": 1, "outcome": "safe"}
    await _made(await house.post("aftercare", f"/v1/cases/{case}/follow-ups", visit))

    async def due() -> Any:
        return await house.get("aftercare", "/v1/due", what="follow_up_visit", limit="100")

    listed = await _until(due, lambda one: len(one["items"]) == 3)
    assert [one["due"] for one in listed["items"]] == ["2026-07-02", "2026-10-02", "2027-04-02"]
    blind = (await speak("nrc", "coordinator").get("aftercare", "/v1/due", what="follow_up_visit")).json()
    assert {one["case_id"] for one in blind["items"]} == {None}


async def test_who_is_identified_again_after_care_raises_an_alert(speak: Any) -> None:
    _, _, case, _ = await _in_care(speak)
    authority, police = speak("nrm-authority", "competent_authority"), speak("cnp-poipet", "first_responder")
    again = (await _made(await police.post("identification", "/v1/cases", {**CASE, "occurred_at": AGAIN})))["case_id"]
    link = {"occurred_at": AGAIN, "other_case_id": case, "same_person": True, "reason": "same name and scar"}
    await _made(await authority.post("identification", f"/v1/cases/{again}/links", link))

    async def alerts() -> Any:
        return await authority.get("aftercare", "/v1/alerts", unresolved="true", limit="500")

    mine = lambda one: [item for item in one["items"] if item["case_id"] == again]  # noqa: E731 - asked twice
    [alert] = mine(await _until(alerts, mine))
    assert (alert["basis"], alert["earlier_case_id"]) == ("identified_again", case)
    finding = {"occurred_at": AGAIN, "finding": "re_trafficked", "reason": "the same broker"}
    path = f"/v1/alerts/{alert['alert_id']}/resolution"
    assert (await _made(await authority.post("aftercare", path, finding)))["finding"] == "re_trafficked"
    assert mine(await _until(alerts, lambda one: not mine(one))) == []


async def test_a_failed_inspection_bars_the_shelter_and_says_so_in_the_options(speak: Any) -> None:
    provider, shelter = await _shelter(speak, beds=1)
    case, referral = await _accepted(speak, provider)
    mosvy, house = speak("mosvy", "social_affairs"), speak(provider["organisation"], "provider")
    standards = (await mosvy.get("aftercare", "/v1/standards")).json()["items"]
    critical = next(one["id"] for one in standards if one["critical"])
    path = f"/v1/shelters/{shelter['shelter_id']}/inspections"
    found = {"occurred_at": WHEN, "failed_standards": [critical], "findings": "the gate is locked at night"}
    failed = await _made(await mosvy.post("aftercare", path, found))
    assert failed["inspection"]["result"] == "failed"
    body = {
        "case_id": case, "shelter_id": shelter["shelter_id"], "cohort": "men", "referral_id": referral,
        "occurred_at": WHEN,
    }  # fmt: skip
    refused = await house.post("aftercare", "/v1/placements", body)
    assert refused.json()["type"] == "urn:opennrm:problem:inspection-failed"

    async def options() -> Any:
        return await mosvy.get("referral", f"/v1/cases/{case}/options")

    left_out = lambda one: [  # noqa: E731 - asked twice
        item["reasons"] for item in one["left_out"] if item["provider_id"] == provider["provider_id"]
    ]
    assert left_out(await _until(options, left_out)) == [["this shelter failed its last inspection"]]
    await _made(await mosvy.post("aftercare", path, {"occurred_at": WHEN, "result": "passed"}))
    await _made(await house.post("aftercare", "/v1/placements", body))
    history = (await mosvy.get("aftercare", path)).json()["items"]
    assert [one["result"] for one in history] == ["failed", "passed"]


async def test_the_view_answers_for_any_moment_and_for_what_was_known_then(speak: Any) -> None:
    _, shelter, _, placement = await _in_care(speak)
    mosvy = speak("mosvy", "social_affairs")
    seen = f"{placement['stream']}:{placement['version']}"

    async def row(**clocks: str) -> dict[str, Any]:
        answer = await mosvy.get("views", "/v1/views/shelter-capacity", seen=seen, limit="500", **clocks)
        rows = [one for one in answer.json()["items"] if one["shelter_id"] == shelter["shelter_id"]]
        return dict(rows[0]) if rows else {}

    now = await row()
    assert (now["occupied"], now["free"]) == (1, 0)
    assert now["reported_at"].startswith("2026-03-02")
    at = datetime.fromisoformat(WHEN)
    later = await row(at=(at + timedelta(days=20)).isoformat())
    assert later["occupied"] == 1
    assert 0 < later["confidence_percent"] < 100
    assert (await row(at=at.isoformat()))["confidence_percent"] == 100
    assert await row(at=(at - timedelta(days=1)).isoformat()) == {}
    before = datetime.now(UTC) - timedelta(days=1)
    assert await row(known_at=before.isoformat()) == {}, "all of it was recorded today"
