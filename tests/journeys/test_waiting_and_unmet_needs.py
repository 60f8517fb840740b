"""A house that is full: who waits, who is next, what is due, and the ledger of needs that nobody met yet."""

import time
from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.test_fisherman_given_a_bed import CASE, WHEN, _made, _shelter

PROVINCE = "KH-21"


async def _presumed(speak: Any) -> tuple[str, dict[str, Any]]:
    """A presumed victim who consents; with the answer to the consent."""
    police = speak("cnp-poipet", "first_responder")
    case = (await _made(await police.post("identification", "/v1/cases", CASE)))["case_id"]
    screening = {
        "occurred_at": WHEN, "instrument": "identification-card", "answers": {},
        "initial_determination": "presumed_victim", "reasons": "never paid",
    }  # fmt: skip
    await _made(await police.post("identification", f"/v1/cases/{case}/screenings", screening))
    consent = {"occurred_at": WHEN, "kind": "referral", "given": True, "by": "self"}
    return case, await _made(await police.post("identification", f"/v1/cases/{case}/consents", consent))


async def _answered(speak: Any, provider: dict[str, Any], ground: str) -> tuple[str, str]:
    """A referral that MOSVY approved and the provider declined."""
    police, mosvy = speak("cnp-poipet", "first_responder"), speak("mosvy", "social_affairs")
    case, consent = await _presumed(speak)
    body = {
        "case_id": case, "provider_id": provider["provider_id"], "services": ["shelter"], "occurred_at": WHEN,
        "reason": "nowhere to go", "consent_ref": consent["events"][0]["id"],
    }  # fmt: skip
    referral = (await _made(await police.post("referral", "/v1/referrals", body)))["referral_id"]
    approve = {"occurred_at": WHEN, "decision": "approve", "reason": "fits"}
    await _made(await mosvy.post("referral", f"/v1/referrals/{referral}/decisions", approve))
    decline = {"occurred_at": WHEN, "response": "decline", "reason": ground}
    house = speak(provider["organisation"], "provider")
    answer = await _made(await house.post("referral", f"/v1/referrals/{referral}/responses", decline))
    assert answer["follows"]
    return case, referral


async def _until(ask: Any, holds: Any) -> dict[str, Any]:
    """Ask again until the answer has caught up with the last write."""
    deadline = time.monotonic() + 60
    while True:
        answer = (await ask()).json()
        if holds(answer) or time.monotonic() > deadline:
            return dict(answer)


async def test_two_wait_in_order_and_the_first_is_taken_when_a_bed_is_free(speak: Any) -> None:
    provider, _ = await _shelter(speak, beds=1)
    first, second = await _answered(speak, provider, "full"), await _answered(speak, provider, "full")
    house, mosvy = speak(provider["organisation"], "provider"), speak("mosvy", "social_affairs")
    path = f"/v1/providers/{provider['provider_id']}/waiting-list"
    listed = await _until(lambda: house.get("referral", path), lambda one: len(one["items"]) == 2)
    assert [one["case_id"] for one in listed["items"]] == [first[0], second[0]]
    assert [one["can_take"] for one in listed["items"]] == [True, False]
    stranger = await speak("another-house", "provider").get("referral", path)
    assert stranger.status_code == 403
    follows = (await mosvy.get("referral", f"/v1/referrals/{second[1]}/next-in-line")).json()
    assert (follows["place_on_waiting_list"], follows["follows"]) == (2, "waiting_list_and_next_in_line")
    ledger = await _until(
        lambda: mosvy.get("referral", "/v1/unmet-needs", status="open", limit="500"),
        lambda one: {first[0], second[0]} <= {item["case_id"] for item in one["items"]},
    )
    mine = [one for one in ledger["items"] if one["case_id"] == first[0]]
    assert [(one["reason"], one["kind"], one["sex"]) for one in mine] == [("full", "long_term", "male")]
    accept = {"occurred_at": WHEN, "response": "accept", "reason": "place_available"}
    await _made(await house.post("referral", f"/v1/referrals/{first[1]}/responses", accept))
    met = await _until(
        lambda: mosvy.get("referral", "/v1/unmet-needs", status="met", limit="500"),
        lambda one: first[0] in {item["case_id"] for item in one["items"]},
    )
    assert first[0] in {one["case_id"] for one in met["items"]}
    counted = (await speak("nrc", "coordinator").get("referral", "/v1/unmet-needs/summary")).json()
    assert counted["totals"]["open"] >= 1
    assert counted["totals"]["met"] >= 1
    declines = (await mosvy.get("referral", "/v1/declines")).json()
    assert [one["count"] for one in declines["items"] if one["provider_id"] == provider["provider_id"]] == [2]


async def test_what_is_due_is_listed_and_a_directory_that_was_wrong_is_corrected(speak: Any) -> None:
    provider, _ = await _shelter(speak, beds=1)
    _, referral = await _answered(speak, provider, "not_suitable")
    house = speak(provider["organisation"], "provider")

    async def due() -> Any:
        return await house.get("referral", "/v1/due", limit="500")

    mine = lambda one: [item for item in one["items"] if item["referral_id"] == referral]  # noqa: E731 - asked twice
    declined = lambda one: [item for item in mine(one) if item["what"] == "directory_correction"]  # noqa: E731 - as above
    [item] = mine(await _until(due, declined))
    assert (item["what"], item["party"], item["overdue"]) == ("directory_correction", "provider", True)
    unseen = (await speak("nrc", "coordinator").get("referral", "/v1/due", overdue="true", limit="2")).json()
    assert {one["case_id"] for one in unseen["items"]} == {None}
    change = {
        "occurred_at": "2026-04-01T09:00:00+07:00", "services": ["shelter"], "because_of": referral,
        "offers": [{"service": "shelter", "cohorts": ["women"]}], "reason": "men are not received",
    }  # fmt: skip
    path = f"/v1/providers/{provider['provider_id']}/offers"
    changed = await _made(await house.post("referral", path, change))
    assert changed["offers"][0]["cohorts"] == ["women"]
    assert mine(await _until(due, lambda one: not mine(one))) == []


async def test_a_need_that_nobody_can_meet_enters_the_ledger(speak: Any) -> None:
    case, _ = await _presumed(speak)
    police = speak("cnp-poipet", "first_responder")
    body = {"occurred_at": WHEN, "province": PROVINCE, "reason": "there is no house for men here"}
    need = await _made(await police.post("referral", f"/v1/cases/{case}/needs", body))
    assert need["cohort"] == "men"
    assert need["missing"]
    mosvy = speak("mosvy", "social_affairs")
    wanted = {"province": PROVINCE, "reason": "no_provider"}
    ledger = await _until(lambda: mosvy.get("referral", "/v1/unmet-needs", **wanted), lambda one: one["items"])
    assert case in {one["case_id"] for one in ledger["items"]}


async def test_nobody_waits_whose_case_is_closed_and_they_wait_again_when_it_is_reopened(speak: Any) -> None:
    provider, _ = await _shelter(speak, beds=1)
    case, referral = await _answered(speak, provider, "full")
    authority, mosvy = speak("nrm-authority", "competent_authority"), speak("mosvy", "social_affairs")
    place = {"province": provider["province"], "cohort": "men", "kind": "long_term"}

    async def stands(status: str, waiting: int, seen: str) -> int:
        """Waits for the entry's status and for how many wait at the provider; how many wait in its province."""
        mine = lambda one: [item["status"] for item in one["items"] if item["case_id"] == case]  # noqa: E731 - asked twice
        needs = lambda: mosvy.get("referral", "/v1/unmet-needs", reason="full", limit="500")  # noqa: E731 - as above
        assert mine(await _until(needs, lambda one: mine(one) == [status])) == [status]
        path = f"/v1/providers/{provider['provider_id']}/waiting-list"
        listed = await _until(lambda: mosvy.get("referral", path), lambda one: len(one["items"]) == waiting)
        assert len(listed["items"]) == waiting
        rows = (await mosvy.get("views", "/v1/views/shelter-capacity", **place, seen=seen)).json()["items"]
        return max(int(one["waiting"]) for one in rows)

    before = await stands("open", 1, f"referral:{referral}:3")
    for reopen, status, waiting in ((False, "lapsed", 0), (True, "open", 1)):
        body = {"occurred_at": "2026-04-02T09:00:00+07:00", "reopen": reopen, "reason": "as he asked"}
        changed = await _made(await authority.post("identification", f"/v1/cases/{case}/closure", body))
        assert await stands(status, waiting, f"case:{case}:{changed['version']}") == before - 1 + waiting


@pytest.mark.parametrize("hint", ["consent_ref", "seen"])
async def test_a_consent_that_is_on_its_way_is_not_yet_known_and_one_that_lacks_is_refused(
    speak: Any, hint: str
) -> None:
    provider, _ = await _shelter(speak, beds=1)
    police = speak("cnp-poipet", "first_responder")
    case = (await _made(await police.post("identification", "/v1/cases", CASE)))["case_id"]
    body = {
        "case_id": case, "provider_id": provider["provider_id"], "services": ["shelter"], "occurred_at": WHEN,
        "reason": "nowhere to go",
    }  # fmt: skip
    await police.get("referral", f"/v1/cases/{case}/options")  # the case is known from here on
    refused = await police.post("referral", "/v1/referrals", body)
    assert refused.json()["type"] == "urn:opennrm:problem:referral-without-consent"
    assert "retry-after" not in refused.headers
    hinted = {**body, "consent_ref": str(uuid4())} if hint == "consent_ref" else body
    query = f"?seen=case:{case}:99" if hint == "seen" else ""
    settings, headers = police.settings, police._headers() | {"Idempotency-Key": uuid4().hex}  # noqa: SLF001
    waiting = await police.client.post(f"{settings.url('referral')}/v1/referrals{query}", json=hinted, headers=headers)
    assert waiting.status_code == 409
    assert waiting.json()["type"] == "urn:opennrm:problem:not-yet-known"
    assert waiting.headers["retry-after"]
