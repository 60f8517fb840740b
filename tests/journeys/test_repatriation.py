"""A return along KH-VN over HTTP, both sides; and a corridor for a new country that is nothing but one more file."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from libs.rules.corridors import FOLDER
from libs.rules.procedure import CORE_STEPS
from libs.runtime.settings import Settings
from nrm.commands.corridors import app
from nrm.system import MODULES, System
from tests.journeys.conftest import As, _free_base

EMBASSY, BEGIN = "vn-embassy-phnom-penh", datetime(2025, 6, 2, 2, tzinfo=UTC)
VIEW = "/v1/views/cross-border"


async def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def found(reader: Any, path: str) -> dict[str, Any]:
    answer = await reader.get("repatriation", path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def problem(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:opennrm:problem:")


def day(number: int) -> str:
    return (BEGIN + timedelta(days=number)).isoformat()


async def begun(speak: Any, nationality: str, corridor: str, age: int = 19) -> str:
    """A repatriation that was asked for; the path of its resource."""
    case = {
        "occurred_at": day(0),
        "channel": "raid",
        "place": {"province": "KH-20", "country": "KH"},
        "person": {"sex": "female", "age_estimate": {"min": age, "max": age + 2}, "nationality": nationality},
        "circumstances": {"continuum": "B", "exploitation": ["forced_labour"]},
    }
    police, mosvy = speak("cnp-svay-rieng", "first_responder"), speak("mosvy", "social_affairs")
    case_id = (await made(await police.post("identification", "/v1/cases", case)))["case_id"]
    start = {"case_id": case_id, "corridor": corridor, "occurred_at": day(0), "requested_by": "mosvy"}
    started = await made(await mosvy.post("repatriation", "/v1/repatriations", start))
    return f"/v1/repatriations/{started['repatriation_id']}"


async def did(caller: Any, path: str, step: str, number: int, outcome: str = "done", **other: Any) -> Any:
    body = {"occurred_at": day(number), "outcome": outcome, "by": caller.organisation, **other}
    return await caller.post("repatriation", f"{path}/steps/{step}", body)


async def row(reader: Any, write: dict[str, Any], **query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The repatriation's item in the cross-border view, and the totals of its corridor."""
    seen = f"{write['stream']}:{write['version']}"
    answer = await reader.get("views", VIEW, corridor=write["corridor"], seen=seen, limit="500", **query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    items = [one for one in body["items"] if one["repatriation_id"] == write["repatriation_id"]]
    return (items or [{}])[0], body["totals"].get(write["corridor"], {})


async def test_a_woman_goes_home_by_both_sides(speak: Any) -> None:
    mosvy, desk = speak("mosvy", "social_affairs"), speak(EMBASSY, "embassy_desk")
    path = await begun(speak, "VN", "KH-VN")
    before = await made(await did(mosvy, path, "notified", 1))
    assert before["custody"] == {"side": "sending", "by": "mosvy", "acknowledged": True}
    item, totals = await row(mosvy, before)
    assert (item["waiting_for"], item["due"]) == (
        {"step": "nationality_verified", "party": "mps"},
        "2025-07-15",
    )
    assert item["overdue"]
    assert item["overdue_steps"] == ["nationality_verified", "family_traced", "travel_document_issued"]
    assert sum(totals["overdue_by_party"].values()) >= len(item["overdue_steps"])
    assert item["opened_at"].endswith("Z")
    assert item["steps"][0]["occurred_at"].endswith("Z")

    early = await did(mosvy, path, "handed_over", 2)
    assert (early.status_code, problem(early)) == (409, "handover-without-consent")
    acknowledgement = {"occurred_at": day(3)}
    theirs = f"{path}/steps/notified/acknowledgement"
    assert problem(await mosvy.post("repatriation", theirs, acknowledgement)) == "same-side"
    await made(await desk.post("repatriation", theirs, acknowledgement))
    await made(await did(desk, path, "nationality_verified", 20))
    for number, step in enumerate(("family_traced", "risk_assessed", "consent_given"), 21):
        await made(await did(mosvy, path, step, number))
    stopped = await made(await did(mosvy, path, "consent_given", 25, "refused", note="she wants to stay"))
    assert (stopped["status"], stopped["stopped_by"]) == ("stopped", "consent_given")
    assert problem(await did(mosvy, path, "handed_over", 26)) == "handover-without-consent"
    await made(
        await mosvy.post("repatriation", f"{path}/restart", {"occurred_at": day(27), "reason": "she asked again"})
    )
    await made(await did(mosvy, path, "consent_given", 28))
    await made(await did(desk, path, "travel_document_issued", 30))
    await made(await did(mosvy, path, "itinerary_agreed", 31))
    handed = await made(await did(mosvy, path, "handed_over", 33))
    assert (handed["status"], handed["events"][0]["type"]) == (
        "awaiting_acknowledgement", "org.opennrm.repatriation.repatriated.v1",
    )  # fmt: skip
    assert handed["custody"] == {"side": "sending", "by": "mosvy", "acknowledged": False}

    await row(mosvy, handed)
    open_ = (await mosvy.get("views", f"{VIEW}/differences", corridor="KH-VN", limit="500")).json()["items"]
    mine = [one for one in open_ if one["repatriation_id"] == handed["repatriation_id"]]
    assert [one["step"] for one in mine if one["alert"] == "handover-unacknowledged"] == ["handed_over"]
    assert problem(await did(mosvy, path, "receipt_acknowledged", 34)) == "same-side"
    received = await made(await did(desk, path, "receipt_acknowledged", 34))
    assert (received["status"], received["custody"]["side"], received["custody"]["by"]) == (
        "completed",
        "receiving",
        EMBASSY,
    )

    item, totals = await row(mosvy, received)
    assert (item["status"], item["overdue_steps"]) == ("completed", ["received_into_care", "followed_up"])
    assert totals["overdue_by_party"]["molisa"] >= 2
    then, _ = await row(mosvy, received, at=day(26))
    assert (then["status"], then["stopped_by"]) == ("stopped", "consent_given")
    unknown, _ = await row(mosvy, received, known_at=day(26))
    assert unknown == {}  # it was all recorded today, whenever it happened
    stranger = await did(speak("th-embassy-phnom-penh", "embassy_desk"), path, "received_into_care", 40)
    assert stranger.status_code == 403


async def test_one_register_types_in_both_signatures_for_a_girl_and_the_other_side_still_has_to_confirm(
    speak: Any,
) -> None:
    mosvy, desk = speak("mosvy", "social_affairs"), speak(EMBASSY, "embassy_desk")
    path = await begun(speak, "VN", "KH-VN", age=14)
    for number, step in enumerate(CORE_STEPS[:8], 1):
        await made(await did(mosvy, path, step, number, documents=["guardian_consent"]))
    shown = (await mosvy.get("repatriation", path)).json()["steps"]
    lacking = {one["step"]: one["documents_missing"] for one in shown}["consent_given"]
    assert "best_interest_assessment_for_a_child" in lacking
    assert "guardian_consent" not in lacking
    assert problem(await did(mosvy, path, "receipt_acknowledged", 9, by="moi")) == "same-side"
    received = await made(await did(mosvy, path, "receipt_acknowledged", 9, by=EMBASSY))
    assert (received["status"], received["custody"]["by"]) == ("completed", EMBASSY)
    assert await alerts(mosvy, received) == ["receipt-stated-by-one-side"]
    confirmed = {"occurred_at": day(10)}
    theirs = await made(
        await desk.post("repatriation", f"{path}/steps/receipt_acknowledged/acknowledgement", confirmed)
    )
    assert await alerts(mosvy, theirs) == []


async def alerts(reader: Any, write: dict[str, Any]) -> list[str]:
    await row(reader, write)
    open_ = (await reader.get("views", f"{VIEW}/differences", corridor="KH-VN", limit="500")).json()["items"]
    return [one["alert"] for one in open_ if one["repatriation_id"] == write["repatriation_id"] and one["alert"]]


def with_philippines(folder: Path) -> Path:
    """The shipped corridors and one file more: Lao PDR's, for another country."""
    shutil.copytree(FOLDER, folder)
    text = (folder / "KH-LA.v1.yaml").read_text(encoding="utf-8")
    text = text.replace("KH-LA", "KH-PH").replace("to_country: LA", "to_country: PH").replace("la-", "ph-")
    text = text.replace("calendar: LA", "calendar: KH").replace("[en, km, lo]", "[en, km]")
    lines = [line for line in text.splitlines() if not line.strip().startswith("lo:")]
    (folder / "KH-PH.v1.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.timeout(900)
async def test_a_corridor_for_a_new_country_is_one_file_and_no_code(
    parts_dir: Path, kafka_bootstrap: str, tmp_path: Path
) -> None:
    folder = with_philippines(tmp_path / "corridors")
    checked = CliRunner().invoke(app, ["check", str(folder)])
    assert (checked.exit_code, checked.stdout) == (0, "13 files, 0 faults\n")
    (parts_dir / "new-country").mkdir(mode=0o711)
    settings = Settings(
        data_dir=parts_dir / "new-country", kafka_bootstrap_servers=kafka_bootstrap, topic_prefix="ph",
        port_base=_free_base(), corridors_dir=str(folder),
    )  # fmt: skip
    needed = {name: MODULES[name] for name in ("identification", "repatriation", "relay", "views")}
    async with System(settings, modules=needed) as system, httpx2.AsyncClient(timeout=60) as client:

        def speak(organisation: str, role: str) -> As:
            return As(client, system.settings, organisation, role)

        mosvy, desk = speak("mosvy", "social_affairs"), speak("ph-embassy-phnom-penh", "embassy_desk")
        corridor = await found(mosvy, "/v1/corridors/KH-PH")
        assert (corridor["direction"], corridor["placeholder"], corridor["status"]) == ("outbound", True, "provisional")
        assert all(step["source"]["kind"] in {"practice", "placeholder"} for step in corridor["steps"])
        path = await begun(speak, "PH", "KH-PH")
        paper = await mosvy.get("repatriation", f"{path}/handover-file", format="pdf")
        assert paper.content.startswith(b"%PDF")
        for number, step in enumerate(CORE_STEPS[:9], 1):
            receives = step == "receipt_acknowledged"
            last = await made(await did(desk if receives else mosvy, path, step, number))
        assert (last["sop"], last["status"], last["custody"]["by"]) == (
            "KH-PH.v1",
            "completed",
            "ph-embassy-phnom-penh",
        )
        item, totals = await row(mosvy, last)
        assert (item["corridor"], item["status"], totals["completed"]) == ("KH-PH", "completed", 1)
        await begun(speak, "PH", "KH-PH")
        for at in ({}, {"at": day(1)}):
            everywhere = (await mosvy.get("views", VIEW, **at)).json()["totals"]
            assert everywhere["outbound"] == everywhere["KH-PH"] == everywhere["all"]
