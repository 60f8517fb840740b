"""A case in court over HTTP, from the report to appeal and compensation; what justice warns of; what is counted."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

CASE = {
    "occurred_at": "2023-02-01T09:00:00+07:00",
    "channel": "raid",
    "place": {"province": "KH-12", "country": "KH"},
    "person": {"given_name": "Srey", "sex": "female", "age_estimate": {"min": 20, "max": 22}, "nationality": "KH"},
    "circumstances": {"continuum": "B", "exploitation": ["sexual_exploitation"]},
}
ACT = {"statute": "lshtse-2008", "article": "12"}
FILE = "a" * 64


async def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def victim(speak: Any, outcome: str = "victim") -> str:
    """A person of this register, determined."""
    police, authority = speak("cnp-anti-trafficking", "first_responder"), speak("nrm-authority", "competent_authority")
    case = (await made(await police.post("identification", "/v1/cases", CASE)))["case_id"]
    elements = {"act": ["recruitment"], "means": ["deception"], "purpose": ["sexual_exploitation"]}
    if outcome == "smuggled_migrant":
        elements = {"act": ["transportation"], "means": [], "purpose": []}
    body = {"occurred_at": "2023-02-03T09:00:00+07:00", "outcome": outcome, "reasons": "x", "legal_basis": [ACT]}
    await made(await authority.post("identification", f"/v1/cases/{case}/determinations", body | elements))
    return str(case)


async def court_case(speak: Any, case: str, court: str, *charges: dict[str, Any]) -> str:
    """A prosecution of one accused, before the court that asks."""
    body = {
        "occurred_at": "2023-03-01T09:00:00+07:00",
        "case_ids": [case],
        "court": court,
        "accused": [{"ref": "a1", "sex": "male"}],
        "charges": [{"accused_ref": "a1", "counts": 1, **charge} for charge in charges],
    }
    return str((await made(await speak(court, "justice").post("justice", "/v1/court-cases", body)))["court_case_id"])


async def warned(speak: Any, case: str, **query: str) -> list[dict[str, Any]]:
    """The warnings about a case, once justice's own lists have taken in the last write."""
    answer = await speak("nrm-authority", "competent_authority").get("justice", "/v1/warnings", case_id=case, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_case_goes_from_report_to_compensation(speak: Any) -> None:
    name = f"court-{uuid4().hex[:8]}"
    police, court = speak("cnp-anti-trafficking", "first_responder"), speak(name, "justice")
    case = await victim(speak)
    report = {
        "occurred_at": "2023-02-05T09:00:00+07:00",
        "case_id": case,
        "reference": "PP-1",
        "suspects": [{"ref": "a1"}],
    }
    filed = (await made(await police.post("justice", "/v1/reports", report)))["report_id"]
    stage = {"occurred_at": "2023-02-20T09:00:00+07:00", "stage": "sent_to_prosecutor"}
    await made(await police.post("justice", f"/v1/reports/{filed}/investigations", stage))

    trial = f"/v1/court-cases/{await court_case(speak, case, name, ACT)}"
    evidence = {"kind": "document", "sha256": FILE, "taken_by": "cnp-anti-trafficking"}
    entered = await made(
        await court.post("justice", f"{trial}/evidence", {"occurred_at": "2023-03-02T09:00:00+07:00", **evidence})
    )
    moved = {"occurred_at": "2023-03-05T09:00:00+07:00", "from": "somebody-else", "to": name}
    broken = await made(await court.post("justice", f"{trial}/evidence/{entered['evidence_id']}/transfers", moved))
    assert [one["code"] for one in broken["warnings"]] == ["broken-chain-of-custody"]

    verdict = {"occurred_at": "2023-06-09T09:00:00+07:00", "accused_ref": "a1", **ACT, "result": "convicted"}
    over = await court.post("justice", f"{trial}/verdicts", {**verdict, "sentence": {"prison_months": 400}})
    assert (over.status_code, over.json()["type"]) == (409, "urn:opennrm:problem:sentence-outside-range")
    assert over.json()["errors"][0]["pointer"] == "/sentence"
    sentence = {"sentence": {"prison_months": 120}, "compensation_khr": 0}
    await made(await court.post("justice", f"{trial}/verdicts", verdict | sentence))
    again = await court.post("justice", f"{trial}/verdicts", verdict | sentence)
    assert again.json()["type"] == "urn:opennrm:problem:already-decided"

    appeal = {"occurred_at": "2023-08-01T09:00:00+07:00", "accused_ref": "a1", "by": "civil_party"}
    await made(await court.post("justice", f"{trial}/appeals", {**appeal, "reason": "no compensation"}))
    ordered = {
        "result": "replaced",
        "new_result": "convicted",
        "sentence": {"prison_months": 120},
        "compensation_khr": 9_000_000,
    }
    decided = await made(
        await court.post(
            "justice", f"{trial}/appeals", {**appeal, **ordered, "occurred_at": "2023-11-06T09:00:00+07:00"}
        )
    )
    (charge,) = decided["charges"]
    assert charge["verdict"]["on_appeal"]
    assert [one["compensation_khr"] for one in charge["earlier_verdicts"]] == [0]
    payment = {"occurred_at": "2024-01-10T09:00:00+07:00", "accused_ref": "a1", "amount_khr": 4_000_000}
    paid = await made(await court.post("justice", f"{trial}/compensation-payments", payment))
    assert paid["charges"][0]["unpaid_khr"] == 5_000_000
    too_much = await court.post("justice", f"{trial}/compensation-payments", {**payment, "amount_khr": 5_000_001})
    assert too_much.json()["type"] == "urn:opennrm:problem:more-than-ordered"

    view = speak("moj", "justice")
    seen = {"court": name, "group_by": "accused", "seen": f"{paid['stream']}:{paid['version']}"}
    after = (await view.get("views", "/v1/views/court-outcomes", **seen)).json()
    (item,) = after["items"]
    assert (item["accused"], item["convicted"], item["days_to_verdict"]["median"]) == ("a1", 1, 250)
    assert item["compensation"] == {"ordered_khr": 9_000_000, "paid_khr": 4_000_000}
    before = (await view.get("views", "/v1/views/court-outcomes", **seen, at="2023-07-01T00:00:00Z")).json()["totals"]
    assert (before["convicted"], before["days_to_verdict"]["median"], before["compensation"]["ordered_khr"]) == (
        1,
        100,
        0,
    )
    unknown = (await view.get("views", "/v1/views/court-outcomes", **seen, known_at="2023-07-01T00:00:00Z")).json()
    assert unknown["items"] == []  # all of it was recorded today, whenever it happened
    reports = (await police.get("justice", "/v1/reports", case_id=case)).json()["items"]
    assert [one["occurred_at"] for one in reports] == ["2023-02-05T02:00:00.000000Z"]


async def test_every_warning_is_listed_with_its_reason(speak: Any) -> None:
    name = f"court-{uuid4().hex[:8]}"
    smuggled, trafficked = await victim(speak, "smuggled_migrant"), await victim(speak)
    unfit = await court_case(speak, smuggled, name, ACT)
    fit = await court_case(speak, trafficked, name, {"statute": "immigration-law-1994", "article": "33"}, ACT)
    court = speak(name, "justice")
    verdict = {"occurred_at": "2023-06-09T09:00:00+07:00", "accused_ref": "a1", **ACT, "result": "convicted"}
    await made(
        await court.post("justice", f"/v1/court-cases/{fit}/verdicts", verdict | {"sentence": {"prison_months": 90}})
    )
    found = await _until(speak, trafficked, "conviction-without-compensation")
    assert [(one["code"], one.get("reason"), one["court_case_id"]) for one in found] == [
        ("no-movement", "court_case_without_movement", fit),
        ("charge-fit", "smuggling-with-purpose", fit),
        ("conviction-without-compensation", None, fit),
    ]
    assert (found[0]["limit_days"], found[0]["placeholder"]) == (90, True)
    other = {one["code"]: one for one in await _until(speak, smuggled, "charge-fit")}
    assert (other["charge-fit"]["reason"], other["charge-fit"]["court_case_id"]) == (
        "trafficking-without-purpose",
        unfit,
    )
    assert other["charge-fit"]["suggest"] == [{"statute": "immigration-law-1994", "article": "33"}]
    page = (await court.get("justice", "/v1/warnings", case_id=trafficked, limit="2")).json()
    rest = (await court.get("justice", "/v1/warnings", case_id=trafficked, limit="2", cursor=page["next"])).json()
    assert [one["code"] for one in [*page["items"], *rest["items"]]] == [one["code"] for one in found]
    assert rest["next"] is None
    assert (await court.get("justice", "/v1/warnings", cursor="eA==")).status_code == 400


async def test_a_charge_against_a_victim_is_raised_assigned_resolved_and_counted(speak: Any) -> None:
    name, case = f"court-{uuid4().hex[:8]}", await victim(speak)
    authority, view = speak("nrm-authority", "competent_authority"), speak("moj", "justice")
    body = {"occurred_at": "2023-05-01T09:00:00+07:00", "statute": "lshtse-2008", "article": "24", "court": name}
    charged = await made(await authority.post("justice", f"/v1/cases/{case}/victim-charges", body))
    assert charged["alert"]["status"] == "raised"  # whether the determination had arrived already or not
    (raised,) = await _until(speak, case, "non-prosecution")
    assert (raised["status"], raised["overdue"]) == ("raised", True)
    path = f"/v1/cases/{case}/victim-charges/{charged['victim_charge_id']}"
    assigned = await made(
        await authority.post(
            "justice", f"{path}/assignments", {"occurred_at": "2023-05-02T09:00:00+07:00", "assignee": "nrm-authority"}
        )
    )
    assert await _counted(view, name, assigned) == (1, {"raised": 1, "assigned": 1, "resolved": 0})
    resolved = await made(
        await authority.post(
            "justice",
            f"{path}/resolution",
            {"occurred_at": "2023-05-09T09:00:00+07:00", "resolution": "charge_withdrawn"},
        )
    )
    assert await _counted(view, name, resolved) == (0, {"raised": 1, "assigned": 1, "resolved": 1})


async def _counted(view: Any, court: str, write: dict[str, Any]) -> tuple[int, dict[str, int]]:
    seen = f"{write['stream']}:{write['version']}"
    totals = (await view.get("views", "/v1/views/court-outcomes", court=court, seen=seen)).json()["totals"]
    return totals["victims_charged"], totals["non_prosecution_alerts"]


async def _until(speak: Any, case: str, code: str) -> list[dict[str, Any]]:
    """The warnings about a case once this one is among them: the lists are a moment behind the writes."""
    for _ in range(200):
        found = await warned(speak, case)
        if code in {one["code"] for one in found}:
            return found
        await asyncio.sleep(0.1)
    pytest.fail(f"no warning {code} about {case}: {found}")
