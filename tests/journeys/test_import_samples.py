"""The sample files over HTTP: every count is the truth's; then who knows whom, and how many nobody knows."""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from examples.generate.people import POPULATION
from nrm.system import System
from tests.journeys.contract import assert_problem
from tests.journeys.test_imports import done, finished, hand_in

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "imports"
TRUTH: dict[str, dict[str, Any]] = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
WHEN = "2026-03-02T09:00:00+07:00"
LINKS_AT_ONCE = 6
ReportOf = Callable[[str], Awaitable[dict[str, Any]]]
pytestmark = pytest.mark.timeout(600)


def cases_of(report: dict[str, Any], truth: dict[str, Any]) -> dict[int, str]:
    """The first recorded case of each person in a file."""
    found: dict[int, str] = {}
    for person, item in zip(truth["persons"], report["items"], strict=True):
        if item["status"] == "recorded" and person is not None:
            found.setdefault(person, item["case_id"])
    return found


@pytest.fixture(scope="module")
def report_of(speak: Any) -> ReportOf:
    """The report of a system's file, handed in by the ministry when it is first asked for."""
    made: dict[str, dict[str, Any]] = {}

    async def report(system: str) -> dict[str, Any]:
        if system not in made:
            mosvy = speak("mosvy", "social_affairs")
            content = (FOLDER / TRUTH[system]["file"]).read_bytes()
            made[system] = await done(mosvy, await hand_in(mosvy, content, system=system))
        return made[system]

    return report


@pytest.mark.parametrize("of", TRUTH)
async def test_every_count_is_the_truths(report_of: ReportOf, of: str) -> None:
    report, truth = await report_of(of), TRUTH[of]
    assert report["counts"] == truth["counts"]
    assert report["by_rule"] == {"reasons": truth["reasons"], "notes": truth["notes"]}
    assert (report["rows"], report["notes"], report["done"]) == (truth["rows"], truth["trailing_notes"], truth["rows"])


async def test_a_filled_card_is_a_screening(speak: Any, report_of: ReportOf) -> None:
    items = (await report_of("uniap-card"))["items"]
    case_id = next(row["case_id"] for row in items if row["status"] == "recorded")
    case = (await speak("nrm-authority", "competent_authority").get("identification", f"/v1/cases/{case_id}")).json()
    assert [one["instrument"] for one in case["screenings"]] == ["identification-card"]
    assert case["determination"] is None  # nobody is a victim because a file says so


async def test_what_other_services_record_is_reported_and_kept_with_the_row(speak: Any, report_of: ReportOf) -> None:
    items = (await report_of("moj"))["items"]
    row = next(row for row in items if row["status"] == "recorded" and "verdict" in row["beyond"])
    history = (await speak("mosvy", "social_affairs").get("audit", f"/v1/cases/{row['case_id']}/history")).json()
    source = next(event for event in history["events"] if "source_recorded" in event["type"])
    assert source["personal"]["row"]["article"]
    assert not [key for key in source["data"] if key in ("row_values", "article", "verdict")]


async def test_linked_records_show_who_knows_whom(speak: Any, report_of: ReportOf) -> None:
    authority = speak("nrm-authority", "competent_authority")
    first, second = [cases_of(await report_of(system), TRUTH[system]) for system in ("mosvy", "htcds")]
    known = await _pair(authority)
    free = asyncio.Semaphore(LINKS_AT_ONCE)

    async def link(person: int) -> Any:
        body = {"occurred_at": WHEN, "other_case_id": second[person], "same_person": True, "reason": "same person"}
        async with free:
            return await authority.post("identification", f"/v1/cases/{first[person]}/links", body)

    answers = await asyncio.gather(*(link(person) for person in first.keys() & second.keys()))
    assert {answer.status_code for answer in answers} == {201}
    for answer in answers:
        seen = f"{answer.json()['stream']}:{answer.json()['version']}"
        assert (await authority.get("views", "/v1/views/coverage", seen=seen)).status_code == 200
    linked = await _pair(authority)
    assert linked["both"] - known["both"] == len(answers) > 20
    assert linked["disagreements"]["date"] > 0
    view = (await authority.get("views", "/v1/views/coverage")).json()
    systems = {one["system"]: one for one in view["totals"]["systems"]}
    assert systems["htcds"]["filled_percent"]["person.nationality"] == 100
    assert 0 < systems["mosvy"]["beyond_percent"]["referred_to"] < 100
    estimate = (await authority.get("views", "/v1/views/coverage/estimate", systems="mosvy,htcds")).json()["totals"]
    assert (estimate["estimate"], estimate["method"]) == (True, "chapman")
    assert estimate["known"] < estimate["interval"]["low"] < estimate["total"] < estimate["interval"]["high"]
    assert estimate["interval"]["low"] < POPULATION < estimate["interval"]["high"]
    await report_of("moj")
    apart = await authority.get("views", "/v1/views/coverage/estimate", systems="mosvy,moj")
    assert_problem(apart, 409, "overlap-too-small")
    past = (await authority.get("views", "/v1/views/coverage", at="2020-01-01T00:00:00Z")).json()
    assert (past["items"], past["totals"]["persons"]) == ([], 0)


async def _pair(authority: Any) -> dict[str, Any]:
    view = (await authority.get("views", "/v1/views/coverage")).json()
    found = defaultdict(dict, {tuple(one["systems"]): one for one in view["items"]})
    return found["htcds", "mosvy"] or {"both": 0}


async def test_the_command_hands_a_file_in_and_tells_what_became_of_it(system: System, speak: Any) -> None:
    mosvy = speak("mosvy", "social_affairs")
    token = mosvy._headers()["Authorization"].removeprefix("Bearer ")  # noqa: SLF001
    truth = TRUTH["mosvy"]

    async def run(*words: str, **environment: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "nrm.cli", "import", *words, "--url", system.settings.url("identification"),
            cwd=ROOT, env=os.environ | {"NRM_TOKEN": ""} | environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    file = str(FOLDER / truth["file"])
    code, out, _ = await run("mosvy", file, "--dry-run", "--json", NRM_TOKEN=token)
    report = json.loads(out)
    assert (code, report["dry_run"], len(report["items"])) == (0, True, truth["rows"])
    assert (await finished(mosvy, report["import_id"]))["counts"] == report["counts"]
    code, out, _ = await run("mosvy", file, "--dry-run", NRM_TOKEN=token)
    assert (code, f"{truth['rows']} rows read by mosvy.v1" in out) == (0, True)
    for words, said in ((("mosvy", file), "set NRM_TOKEN"), (("mosvy", "no-such-file"), "set NRM_TOKEN")):
        code, out, err = await run(*words)
        assert (code, out, said in err) == (2, "", True)
    code, _, err = await run("no-such-system", file, NRM_TOKEN=token)
    assert (code, err.count("\n"), "there is no such system" in err) == (2, 1, True)
