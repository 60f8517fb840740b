"""Emergency access: a stated emergency opens another's case, is recorded and reviewed; words about it stay sealed."""

import asyncio
from typing import Any

import asyncpg

from libs.runtime.auth import mint
from nrm.system import System
from tests.journeys.test_fisherman_given_a_bed import CASE, _made

WORDS = "Tara is on the bridge at Poipet, I must know who he fears"


async def _get(speak: Any, who: tuple[str, str], path: str, **headers: str) -> Any:
    speaker = speak(*who)
    token = mint(speaker.settings, *who, 600)
    process = "audit" if "history" in path or "access-log" in path else "identification"
    return await speaker.client.get(
        speaker.settings.url(process) + path, headers={"Authorization": f"Bearer {token}", **headers}
    )


async def test_an_emergency_opens_anothers_case_and_waits_for_its_review(speak: Any, system: System) -> None:
    made = await _made(await speak("cnp-poipet", "first_responder").post("identification", "/v1/cases", CASE))
    case, stranger = f"/v1/cases/{made['case_id']}", ("ngo-far", "first_responder")
    assert (await _get(speak, stranger, case)).status_code == 403
    assert (await _get(speak, stranger, case, **{"X-Emergency-Access": "curiosity"})).status_code == 400
    court = ("court-1", "justice")
    assert (await _get(speak, court, case, **{"X-Emergency-Access": "medical"})).status_code == 403

    stated = {"X-Emergency-Access": "threat_to_life", "X-Access-Reason": WORDS}
    opened = await _get(speak, stranger, case, **stated)
    assert opened.status_code == 200
    assert opened.json()["personal"]["given_name"] == CASE["person"]["given_name"]

    auditor = ("auditor-1", "auditor")
    waiting = f"/v1/access-log?case={made['case_id']}&emergency=true&reviewed=false"
    for _ in range(200):  # the history's rows are a moment behind
        listed = await _get(speak, auditor, waiting)
        if listed.status_code == 200:
            break
        await asyncio.sleep(0.1)
    assert listed.status_code == 200, listed.text
    [entry] = listed.json()["items"]
    assert (entry["organisation"], entry["emergency"], entry["reason"]) == ("ngo-far", "threat_to_life", WORDS)
    assert entry["reviews"] == []

    review = f"/v1/access-log/{entry['id']}/review"
    own = await speak("ngo-far", "competent_authority").post("audit", review, {"verdict": "justified"})
    assert (own.status_code, own.json()["type"]) == (409, "urn:opennrm:problem:own-emergency")
    assert (await speak(*stranger).post("audit", review, {"verdict": "justified"})).status_code == 403
    assert (await speak(*auditor).post("audit", review, {"verdict": "justified"})).status_code == 403
    authority = speak("nrm-authority", "competent_authority")
    assert (await authority.post("audit", review, {"verdict": "unjustified"})).status_code == 201
    assert (await _get(speak, auditor, waiting)).json()["items"] == []
    [entry] = (await _get(speak, auditor, waiting.replace("false", "true"))).json()["items"]
    assert [(one["verdict"], one["organisation"]) for one in entry["reviews"]] == [("unjustified", "nrm-authority")]

    lists = (("competent_authority", "identification", "/v1/cases"), ("auditor", "views", "/v1/statistics/cases"))
    for role, process, path in lists:
        speaker = speak("nrm-authority", role)
        headers = {"Authorization": f"Bearer {mint(speaker.settings, 'nrm-authority', role, 600)}"}
        url = speaker.settings.url(process) + path
        listed = await speaker.client.get(url, headers={**headers, "X-Access-Reason": f"{WORDS}: {path}"})
        assert listed.status_code == 200, listed.text
        entries = (await _get(speak, auditor, "/v1/access-log?limit=50")).json()["items"]
        assert (path, role) in {(one["reason"].rpartition(": ")[2], one["role"]) for one in entries if one["reason"]}

    admin = await asyncpg.connect(system.settings.database_url)
    try:
        stored = await admin.fetch("SELECT reason FROM access.entry WHERE reason IS NOT NULL")
    finally:
        await admin.close()
    assert stored
    assert not any("Poipet" in row["reason"] for row in stored)
