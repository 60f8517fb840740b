"""Another system's register is handed in: tried, taken in, handed in again, changed, and cut off by a kill."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from nrm.system import System
from tests.journeys.conftest import As
from tests.journeys.contract import assert_problem

pytestmark = pytest.mark.timeout(600)
HEAD = (
    "Reg. No.,Full name,Sex,Date of birth,Age,Nationality,Date registered,Province,Category,Type of exploitation,Status"
)
ROWS = (
    "{0}-1,Sok Dara,ប្រុស,12/03/2533,,Cambodian,02/05/2011,Phnom Penh,Trafficking,Fishing; Begging,Victim",
    "{0}-2,Chan Thy,F,,about 17,,25/05/2554,Kep,Trafficking,Sex,Suspected",
    "{0}-3,Keo Mom,F,,30,,25/05/2554,Kep,Domestic violence,,Suspected",
    "{0}-4,Keo Vanna,F,,30,,25/05/2554,Kep,Deported,,Suspected",
    "{0}-1,Sok Dara,ប្រុស,12/03/2533,,Cambodian,02/05/2011,Phnom Penh,Trafficking,Fishing; Begging,Victim",
    "{0}-5,Keo Srey,F,,30,,,Kep,Trafficking,,Suspected",
    "Total: 6,,,,,,,,,,",
)
COUNTS = {"recorded": 2, "duplicate": 1, "refused": 2, "needs_review": 1}
UNTIL_DONE_S = 240


def register(rows: tuple[str, ...] = ROWS) -> tuple[str, str]:
    """A register that no other test has, and the prefix of its numbers."""
    prefix = uuid4().hex[:8]
    return "\n".join(("MOSVY,,,,,,,,,,", HEAD, *(row.format(prefix) for row in rows))), prefix


async def hand_in(caller: As, text: str | bytes, *, system: str = "mosvy", dry_run: bool = False, key: str = "") -> Any:
    content = text.encode() if isinstance(text, str) else text
    headers = {"Idempotency-Key": key or uuid4().hex, **caller._headers()}  # noqa: SLF001
    url = caller.settings.url("identification") + f"/v1/imports/{system}"
    form = {"file": ("register", content, "application/octet-stream")}
    return await caller.client.post(url, params={"dry_run": str(dry_run).lower()}, files=form, headers=headers)


async def done(caller: As, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return await finished(caller, answer.json()["import_id"])


async def finished(caller: As, import_id: str) -> dict[str, Any]:
    for _ in range(UNTIL_DONE_S * 2):
        report = await _report(caller, import_id, limit="1")
        if report["status"] != "running":
            return await _report(caller, import_id, limit="500")
        await asyncio.sleep(0.5)
    raise AssertionError(f"not finished: {report['done']} of {report['rows']}")


async def _report(caller: As, import_id: str, **query: str) -> dict[str, Any]:
    got = await caller.get("identification", f"/v1/imports/{import_id}", **query)
    assert got.status_code == 200, got.text
    report: dict[str, Any] = got.json()
    return report


async def test_a_register_is_tried_taken_in_and_handed_in_again(speak: Any) -> None:
    mosvy, authority = speak("mosvy", "social_affairs"), speak("nrm-authority", "competent_authority")
    text, _ = register()
    tried = await done(mosvy, await hand_in(mosvy, text, dry_run=True))
    assert (tried["counts"], tried["notes"]) == (COUNTS, 1)
    assert not [row for row in tried["items"] if row["case_id"]]
    first = await done(mosvy, await hand_in(mosvy, text))
    assert first["counts"] == COUNTS
    assert [row["status"] for row in first["items"]] == [row["status"] for row in tried["items"]]
    cases = [row["case_id"] for row in first["items"] if row["status"] == "recorded"]
    again = await done(mosvy, await hand_in(mosvy, text))
    assert again["counts"] == {"recorded": 0, "duplicate": 3, "refused": 2, "needs_review": 1}
    assert [row["case_id"] for row in again["items"][:2]] == cases
    case = (await authority.get("identification", f"/v1/cases/{cases[0]}")).json()
    assert (case["channel"], case["exploitation"]) == ("import", ["forced_labour", "forced_begging"])
    assert case["personal"]["date_of_birth"] == "1990-03-12"
    history = (await authority.get("audit", f"/v1/cases/{cases[0]}/history")).json()["events"]
    source = next(event for event in history if "source_recorded" in event["type"])
    assert (source["data"]["row"], source["data"]["file_hash"]) == (3, first["file_hash"])


async def test_a_report_names_columns_and_no_person(speak: Any) -> None:
    mosvy = speak("mosvy", "social_affairs")
    text, prefix = register()
    report = await done(mosvy, await hand_in(mosvy, text))
    refused = report["items"][2]
    assert refused["reasons"][0]["pointer"] == "/1/5/category"
    assert refused["reasons"][0]["rule"] == "not-our-definition"
    assert report["by_rule"]["reasons"] == {
        "deported-not-screened": 1, "missing-critical-fact": 1, "not-our-definition": 1, "row-twice": 1,
    }  # fmt: skip
    assert report["by_rule"]["notes"]["buddhist-era"] == 2
    assert not [word for word in ("Dara", "Chan", "Keo", prefix, "2533") if word in str(report)]


async def test_a_changed_row_is_corrected_by_who_may_and_a_question_for_others(speak: Any) -> None:
    mosvy, authority = speak("mosvy", "social_affairs"), speak("nrm-authority", "competent_authority")
    text, _ = register()
    first = await done(mosvy, await hand_in(mosvy, text))
    newer = text.replace("Chan Thy,F,,about 17", "Chan Thy,F,,19")
    asked = await done(mosvy, await hand_in(mosvy, newer))
    assert (asked["items"][1]["status"], asked["items"][1]["reasons"][0]["rule"]) == ("needs_review", "row-changed")
    made = await done(authority, await hand_in(authority, newer))
    assert (made["items"][1]["status"], made["items"][1]["corrected"]) == ("recorded", True)
    case_id = first["items"][1]["case_id"]
    case = (await authority.get("identification", f"/v1/cases/{case_id}")).json()
    assert (case["age_group"], case["child"]) == ("18-20", False)
    assert (await done(authority, await hand_in(authority, newer)))["counts"]["recorded"] == 0


async def test_the_same_key_is_the_same_import(speak: Any) -> None:
    mosvy = speak("mosvy", "social_affairs")
    (text, _), key = register(), uuid4().hex
    one, two = await hand_in(mosvy, text, key=key), await hand_in(mosvy, text, key=key)
    assert one.json()["import_id"] == two.json()["import_id"]
    assert two.headers["idempotent-replayed"] == "true"
    assert_problem(await hand_in(mosvy, text + "\n", key=key), 422, "idempotency-key-reused")
    await done(mosvy, one)


@pytest.mark.parametrize(
    ("content", "of", "status", "name"),
    [
        (b"a,b\n1,2\n", "mosvy", 422, "headings-missing"),
        (b"PK\x03\x04 no zip", "mosvy", 422, "not-a-table"),
        (b"\xd0\xcf\x11\xe0old", "mosvy", 422, "not-a-table"),
        (b"", "mosvy", 422, "invalid-request"),
        (b"a,b\n1,2\n", "no-such-system", 404, "not-found"),
    ],
)
async def test_what_is_no_such_file_is_refused_at_once(
    speak: Any, content: bytes, of: str, status: int, name: str
) -> None:
    assert_problem(await hand_in(speak("mosvy", "social_affairs"), content, system=of), status, name)


async def test_who_may_not_import_may_not_read_one_either(speak: Any) -> None:
    mosvy, text = speak("mosvy", "social_affairs"), register()[0]
    report = await done(mosvy, await hand_in(mosvy, text))
    assert_problem(await hand_in(speak("cnp-poipet", "first_responder"), text), 403, "forbidden")
    other = await speak("another", "social_affairs").get("identification", f"/v1/imports/{report['import_id']}")
    assert_problem(other, 403, "forbidden")
    assert_problem(await mosvy.get("identification", "/v1/imports/none"), 404, "not-found")


async def test_a_killed_service_goes_on_at_the_same_row(system: System, speak: Any) -> None:
    mosvy = speak("mosvy", "social_affairs")
    rows = tuple(ROWS[1].replace("{0}-2", f"{{0}}-{number}") for number in range(400))
    text, _ = register(rows)
    answer = await hand_in(mosvy, text)
    before = system.processes["identification"].pid
    await asyncio.sleep(0.4)
    system.kill("identification")
    await system.until(lambda: system.processes["identification"].pid != before)
    await system.wait_ready("identification")
    report = await done(mosvy, answer)
    assert report["counts"] == {"recorded": 400, "duplicate": 0, "refused": 0, "needs_review": 0}
    assert len({row["case_id"] for row in report["items"]}) == 400
