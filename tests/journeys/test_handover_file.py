"""Over HTTP: the file that goes with a person over the border, on paper and as signed JSON; and when it is void."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from libs.rules.procedure import CORE_STEPS

WHEN = "2026-03-02T09:00:00+07:00"
EMBASSY = "vn-embassy-phnom-penh"
NARRATIVE = "told in confidence " + uuid4().hex
CASE = {
    "occurred_at": WHEN,
    "channel": "embassy",
    "place": {"province": "KH-12", "country": "KH"},
    "person": {
        "given_name": "Thị Hằng", "family_name": "Nguyễn", "sex": "female", "date_of_birth": "1999-04-02",
        "nationality": "VN", "language": "vi",
    },
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"], "narrative": NARRATIVE},
}  # fmt: skip


async def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def on_its_way(speak: Any, upto: str = "handed_over") -> tuple[str, str]:
    """A return along KH-VN that waits for a step."""
    authority, mosvy = speak("nrm-authority", "competent_authority"), speak("mosvy", "social_affairs")
    case = (await made(await authority.post("identification", "/v1/cases", CASE)))["case_id"]
    start = {"case_id": case, "corridor": "KH-VN", "occurred_at": WHEN, "requested_by": "mosvy"}
    repatriation = (await made(await mosvy.post("repatriation", "/v1/repatriations", start)))["repatriation_id"]
    for step in CORE_STEPS[: CORE_STEPS.index(upto)]:
        await record(mosvy, repatriation, step, by="mosvy")
    return case, repatriation


async def record(caller: Any, repatriation: str, step: str, outcome: str = "done", by: str = "mosvy") -> dict[str, Any]:
    body = {"occurred_at": WHEN, "outcome": outcome, "by": by}
    return await made(await caller.post("repatriation", f"/v1/repatriations/{repatriation}/steps/{step}", body))


async def printed(caller: Any, repatriation: str, **query: str) -> dict[str, Any]:
    answer = await caller.get("repatriation", f"/v1/repatriations/{repatriation}/handover-file", **query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def status(caller: Any, code: str) -> str:
    answer = await caller.get("repatriation", f"/v1/handover-files/{code}")
    assert answer.status_code == 200, answer.text
    assert "Hằng" not in answer.text
    return str(answer.json()["status"])


async def test_the_receiving_desk_prints_a_file_that_anybody_can_check(speak: Any) -> None:
    case, repatriation = await on_its_way(speak)
    desk, path = speak(EMBASSY, "embassy_desk"), f"/v1/repatriations/{repatriation}/handover-file"
    whole = await printed(desk, repatriation)
    file = whole["file"]
    assert file["person"] == {
        "given_name": "Thị Hằng", "family_name": "Nguyễn", "sex": "female", "date_of_birth": "1999-04-02",
        "language": "vi",
    }  # fmt: skip
    assert (file["step"], list(file["text"])) == ("handed_over", ["en", "vi"])
    assert NARRATIVE not in orjson.dumps(whole).decode()
    keys = await desk.client.get(desk.settings.url("repatriation") + "/.well-known/jwks.json")
    head, _, signature = whole["signature"].split(".")
    payload = base64.urlsafe_b64encode(orjson.dumps(file, option=orjson.OPT_SORT_KEYS)).decode().rstrip("=")
    jws.deserialize_compact(f"{head}.{payload}.{signature}", KeySet.import_key_set(keys.json()), algorithms=["Ed25519"])
    paper = await desk.get("repatriation", path, format="pdf")
    assert paper.headers["content-type"] == "application/pdf", paper.text
    assert paper.content.startswith(b"%PDF-")
    assert file["code"] in paper.headers["content-disposition"]
    assert (
        await status(
            speak("cnp-bavet", "first_responder"), file["code"].lower().replace("-", " ")[:2] + file["code"][2:]
        )
        == "valid"
    )
    log = await speak("audit", "auditor").get("audit", f"/v1/access-log?case={case}")
    assert any(
        entry["action"] == "handover_file.read" and entry["organisation"] == EMBASSY for entry in log.json()["items"]
    )


async def test_the_same_again_is_the_same_file_and_a_newer_one_supersedes_it(speak: Any) -> None:
    case, repatriation = await on_its_way(speak)
    desk, mosvy = speak(EMBASSY, "embassy_desk"), speak("mosvy", "social_affairs")
    first, again = await printed(desk, repatriation), await printed(mosvy, repatriation)
    other = await printed(desk, repatriation, language="km")
    assert first == again
    assert other["file"]["code"] != first["file"]["code"]
    authority = speak("nrm-authority", "competent_authority")
    correction = {"occurred_at": WHEN, "person": {"family_name": "Trần"}, "reason": "the family book says so"}
    await made(await authority.post("identification", f"/v1/cases/{case}/corrections", correction))
    for _ in range(100):
        newer = await printed(desk, repatriation)
        if newer["file"]["code"] != first["file"]["code"]:
            break
        await asyncio.sleep(0.1)
    assert newer["file"]["person"]["family_name"] == "Trần"
    assert [await status(desk, one["file"]["code"]) for one in (first, other, newer)] == [
        "superseded",
        "superseded",
        "valid",
    ]


async def test_a_refusal_and_a_withdrawal_make_it_void(speak: Any) -> None:
    _, repatriation = await on_its_way(speak)
    mosvy = speak("mosvy", "social_affairs")
    code = (await printed(mosvy, repatriation))["file"]["code"]
    body = {"occurred_at": WHEN, "reason": "left in a bus"}
    answer = await made(await mosvy.post("repatriation", f"/v1/handover-files/{code}/withdrawal", body))
    assert answer["status"] == "withdrawn"
    again = await mosvy.post("repatriation", f"/v1/handover-files/{code}/withdrawal", body)
    assert again.json()["type"].endswith("already-so")
    second = (await printed(mosvy, repatriation))["file"]["code"]
    assert second != code
    await record(mosvy, repatriation, "consent_given", "refused")
    assert await status(mosvy, second) == "withdrawn"
    refused = await mosvy.get("repatriation", f"/v1/repatriations/{repatriation}/handover-file")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:opennrm:problem:repatriation-stopped")


async def test_an_earlier_step_discloses_less(speak: Any) -> None:
    _, repatriation = await on_its_way(speak, upto="notified")
    file = (await printed(speak("mosvy", "social_affairs"), repatriation))["file"]
    assert (file["step"], set(file["person"])) == ("notified", {"sex", "nationality", "language"})


@pytest.mark.parametrize(
    ("organisation", "role", "query", "expected"),
    [
        ("th-embassy-phnom-penh", "embassy_desk", {}, 403),
        ("a-stranger", "embassy_desk", {}, 403),
        ("cnp-bavet", "first_responder", {}, 403),
        ("some-court", "justice", {}, 403),
        ("auditor", "auditor", {}, 403),
        ("mosvy", "social_affairs", {"language": "fr"}, 422),
        ("mosvy", "social_affairs", {"format": "docx"}, 422),
    ],
)
async def test_who_and_what_is_refused(
    speak: Any, organisation: str, role: str, query: dict[str, str], expected: int
) -> None:
    _, repatriation = await on_its_way(speak, upto="notified")
    path = f"/v1/repatriations/{repatriation}/handover-file"
    answer = await speak(organisation, role).get("repatriation", path, **query)
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize(("code", "expected"), [("HF-0000-0000-0001", 400), ("x", 400), ("HF-0000-0000-000D", 404)])
async def test_a_mistyped_and_an_unknown_code(speak: Any, code: str, expected: int) -> None:
    answer = await speak("mosvy", "social_affairs").get("repatriation", f"/v1/handover-files/{code}")
    assert answer.status_code == expected, answer.text
