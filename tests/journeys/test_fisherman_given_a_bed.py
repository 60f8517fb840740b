"""A man back from a trawler: identified, determined, referred, given the last bed; and what must not happen."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

WHEN = "2026-03-02T09:00:00+07:00"
CASE: dict[str, Any] = {
    "occurred_at": WHEN,
    "channel": "border_screening",
    "place": {"province": "KH-1", "country": "KH", "detail": "ច្រកទ្វារអន្តរជាតិប៉ោយប៉ែត"},
    "person": {
        "given_name": "តារា",
        "family_name": "សុខ",
        "sex": "male",
        "age_estimate": {"min": 31, "max": 34},
        "nationality": "KH",
        "language": "km",
    },
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"], "industry": "A03"},
}


async def _made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _shelter(speak: Any, beds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    mosvy = speak("mosvy", "social_affairs")
    provider = await _made(
        await mosvy.post(
            "referral",
            "/v1/providers",
            {"occurred_at": WHEN, "name": f"House {uuid4().hex[:6]}", "province": "KH-12", "services": ["shelter"]},
        )
    )
    decision = {"occurred_at": WHEN, "decision": "approve", "reason": "meets the standards"}
    await _made(await mosvy.post("referral", f"/v1/providers/{provider['provider_id']}/registrations", decision))
    body = {
        "occurred_at": WHEN,
        "provider_id": provider["provider_id"],
        "name": "House",
        "province": "KH-12",
        "kind": "long_term",
        "beds": [{"cohort": "men", "count": beds}],
    }
    return provider, await _made(await mosvy.post("aftercare", "/v1/shelters", body))


async def _accepted(speak: Any, provider: dict[str, Any]) -> tuple[str, str]:
    """A presumed victim who consented, with a referral that the provider accepted."""
    police, mosvy = speak("cnp-poipet", "first_responder"), speak("mosvy", "social_affairs")
    case = (await _made(await police.post("identification", "/v1/cases", CASE)))["case_id"]
    screening = {
        "occurred_at": WHEN,
        "instrument": "identification-card",
        "answers": {},
        "initial_determination": "presumed_victim",
        "reasons": "never paid",
    }
    await _made(await police.post("identification", f"/v1/cases/{case}/screenings", screening))
    consent = {"occurred_at": WHEN, "kind": "referral", "given": True, "by": "self"}
    await _made(await police.post("identification", f"/v1/cases/{case}/consents", consent))
    body = {
        "case_id": case,
        "provider_id": provider["provider_id"],
        "services": ["shelter"],
        "occurred_at": WHEN,
        "reason": "nowhere to go",
    }
    referral = (await _made(await police.post("referral", "/v1/referrals", body)))["referral_id"]
    approve = {"occurred_at": WHEN, "decision": "approve", "reason": "fits"}
    await _made(await mosvy.post("referral", f"/v1/referrals/{referral}/decisions", approve))
    accept = {"occurred_at": WHEN, "response": "accept", "reason": "place_available"}
    house = speak(provider["organisation"], "provider")
    await _made(await house.post("referral", f"/v1/referrals/{referral}/responses", accept))
    return case, referral


async def test_a_fisherman_is_given_a_bed_and_the_view_shows_it(speak: Any) -> None:
    provider, shelter = await _shelter(speak, beds=1)
    case, referral = await _accepted(speak, provider)
    house, authority = speak(provider["organisation"], "provider"), speak("nrm-authority", "competent_authority")
    body = {
        "case_id": case,
        "shelter_id": shelter["shelter_id"],
        "cohort": "men",
        "referral_id": referral,
        "occurred_at": WHEN,
    }
    admitted = await _made(await house.post("aftercare", "/v1/placements", body))
    seen = f"{admitted['stream']}:{admitted['version']}"
    rows = (await authority.get("views", "/v1/views/shelter-capacity", seen=seen, limit="500")).json()["items"]
    row = next(one for one in rows if one["shelter_id"] == shelter["shelter_id"])
    assert (row["capacity"], row["occupied"], row["held"], row["free"]) == (1, 1, 0, 0)
    history = (await authority.get("audit", f"/v1/cases/{case}/history", seen=f"care:{case}:1")).json()
    kinds = [event["type"].split(".")[3] for event in history["events"]]
    assert kinds[:4] == ["identified", "screened", "consent_recorded", "referred"]
    assert kinds.count("admitted") == 1
    assert history["complete"]


async def test_the_last_bed_goes_to_exactly_one_of_many(speak: Any) -> None:
    provider, shelter = await _shelter(speak, beds=1)
    waiting = [await _accepted(speak, provider) for _ in range(6)]
    house = speak(provider["organisation"], "provider")

    async def ask(case: str, referral: str) -> int:
        body = {
            "case_id": case,
            "shelter_id": shelter["shelter_id"],
            "cohort": "men",
            "referral_id": referral,
            "occurred_at": WHEN,
        }
        return int((await house.post("aftercare", "/v1/placements", body)).status_code)

    answers = await asyncio.gather(*(ask(case, referral) for case, referral in waiting))
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]


async def test_a_retry_gets_the_first_answer(speak: Any) -> None:
    police, key = speak("cnp-poipet", "first_responder"), uuid4().hex
    first = await police.post("identification", "/v1/cases", CASE, key=key)
    again = await police.post("identification", "/v1/cases", CASE, key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content
    other = await police.post("identification", "/v1/cases", {**CASE, "channel": "raid"}, key=key)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:opennrm:problem:idempotency-key-reused"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"channel": "rumour"}, "/channel"),
        ({"colour": "red"}, "/colour"),
        ({"person": {"sex": "male", "nationality": "KHM"}}, "/person/nationality"),
        ({"occurred_at": "2567-01-01T00:00:00+07:00"}, "/occurred_at"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "/occurred_at"),
        ({"person": {"sex": "male", "nationality": "KH", "given_name": "a\0b"}}, "/person/given_name"),
    ],
)
async def test_bad_input_is_named_by_pointer(speak: Any, change: dict[str, Any], pointer: str) -> None:
    answer = await speak("cnp-poipet", "first_responder").post("identification", "/v1/cases", {**CASE, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_who_may_not_is_refused(speak: Any) -> None:
    labour = await speak("molvt", "labour").post("identification", "/v1/cases", CASE)
    assert labour.status_code == 403
    police = speak("cnp-poipet", "first_responder")
    case = (await _made(await police.post("identification", "/v1/cases", CASE)))["case_id"]
    stranger = await speak("cnp-svay-rieng", "first_responder").get("identification", f"/v1/cases/{case}")
    assert stranger.status_code == 403
    assert (await police.get("identification", f"/v1/cases/{case}")).json()["personal"]["given_name"] == "តារា"
    assert (await police.get("identification", "/v1/cases/KH-0000-0001")).status_code == 400
    auditor = (await speak("auditor", "auditor").get("identification", f"/v1/cases/{case}")).json()
    assert "personal" not in auditor
