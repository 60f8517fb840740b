"""A case's history is every event that concerns it, from both sides of a link, and says so where one is missing."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from libs.transparency.bundle import CHECKPOINT
from libs.transparency.checkpoint import parse_checkpoint
from libs.transparency.note import parse_note
from libs.transparency.verify import verify_folder
from nrm.log.exporting import Wanted, export
from nrm.system import System
from tests.journeys.test_fisherman_given_a_bed import CASE, WHEN, _made


async def _two_linked_cases_in_court(speak: Any) -> tuple[str, str, dict[str, Any]]:
    """Two cases of one person; the court names both, and its event is about the first."""
    authority, court = speak("nrm-authority", "competent_authority"), speak("court-siem-reap", "justice")
    opened = [await _made(await authority.post("identification", "/v1/cases", CASE)) for _ in range(2)]
    one, two = (case["case_id"] for case in opened)
    link = {"occurred_at": WHEN, "other_case_id": two, "reason": "same person"}
    await _made(await authority.post("identification", f"/v1/cases/{one}/links", link))
    body = {
        "occurred_at": WHEN,
        "case_ids": [one, two],
        "court": "Siem Reap",
        "accused": [{"ref": "A-1"}],
        "charges": [{"accused_ref": "A-1", "statute": "lshtse-2008", "article": "12", "counts": 1}],
    }
    prosecuted = await _made(await court.post("justice", "/v1/court-cases", body))
    verdict = {
        "occurred_at": WHEN, "accused_ref": "A-1", "result": "acquitted", "statute": "lshtse-2008", "article": "12",
    }  # fmt: skip
    return one, two, await _made(
        await court.post("justice", f"/v1/court-cases/{prosecuted['court_case_id']}/verdicts", verdict)
    )  # fmt: skip


async def _history(speak: Any, case: str, seen: dict[str, Any] | None = None) -> dict[str, Any]:
    query = {"seen": f"{seen['stream']}:{seen['version']}"} if seen else {}
    answer = await speak("auditor-1", "auditor").get("audit", f"/v1/cases/{case}/history", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _complete(speak: Any, case: str, seen: dict[str, Any] | None = None) -> bool:
    for _ in range(100):
        if (await _history(speak, case, seen))["complete"]:
            return True
        await asyncio.sleep(0.1)
    return False


def kinds(history: dict[str, Any]) -> list[str]:
    return [event["type"].split(".")[3] for event in history["events"]]


async def test_both_sides_show_what_concerns_them_and_it_can_be_exported(
    speak: Any, system: System, tmp_path: Path
) -> None:  # fmt: skip
    one, two, seen = await _two_linked_cases_in_court(speak)
    assert await _complete(speak, two, seen)
    history = await _history(speak, two)
    assert history["linked_cases"] == [one]
    assert {"identified", "linked", "verdict_given"} <= set(kinds(history))
    assert (await _history(speak, one))["linked_cases"] == [two]

    await export(system.settings, Wanted(two), tmp_path / "first")
    kept = (tmp_path / "first" / CHECKPOINT).read_bytes()
    await export(system.settings, Wanted(two, kept=[parse_checkpoint(parse_note(kept).text).size]), tmp_path / "second")
    report = verify_folder(tmp_path / "second", retained=[kept])
    assert (report.findings, report.events) == ((), len(history["events"]))


@pytest.mark.parametrize("merged", [False, True], ids=["not yet in the log", "in the log"])
async def test_an_event_that_a_superuser_takes_away_is_missed(speak: Any, system: System, *, merged: bool) -> None:
    """A whole stream, with every row that speaks of it: nothing of the case itself shows the hole."""
    one, two, seen = await _two_linked_cases_in_court(speak)
    assert await _complete(speak, two, seen)
    while merged and not (await _history(speak, two))["checkpoint"]["covers"]:
        await asyncio.sleep(0.1)
    admin = await asyncpg.connect(system.settings.database_url)
    name, tables = f"kept_{uuid4().hex[:8]}", ("event", "concern", "progress")
    try:
        await admin.execute("SET session_replication_role = replica")
        schema = await admin.fetchval(
            "SELECT name || '_g' || number FROM projection.generation WHERE live AND name = 'audit_trail'"
        )
        for table in tables:
            await admin.execute(
                f"CREATE TABLE public.{name}_{table} AS SELECT * FROM {schema}.{table} "
                f"WHERE stream = '{seen['stream']}'"
            )
            await admin.execute(f"DELETE FROM {schema}.{table} WHERE stream = $1", seen["stream"])
        history = await _history(speak, two)
        assert "verdict_given" not in kinds(history)
        assert history["complete"] is False
    finally:
        for table in tables:
            await admin.execute(f"INSERT INTO {schema}.{table} SELECT * FROM public.{name}_{table}")
            await admin.execute(f"DROP TABLE public.{name}_{table}")
        await admin.close()
    assert await _complete(speak, one)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize(
    ("process", "path", "name"),
    [
        ("audit", "/v1/events", "from"),
        ("audit", "/v1/events", "to"),
        ("audit", "/v1/cases/{case}/history", "as_of"),
        ("audit", "/v1/cases/{case}/history", "known_at"),
        ("views", "/v1/statistics", "from"),
    ],
)
async def test_a_moment_beyond_every_clock_is_refused_before_anything_is_answered(
    speak: Any, process: str, path: str, name: str, moment: str
) -> None:
    case = (await _made(await speak("nrm-authority", "competent_authority").post("identification", "/v1/cases", CASE)))[
        "case_id"
    ]
    answer = await speak("auditor-1", "auditor").get(process, path.format(case=case), **{name: moment})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].endswith(name)
