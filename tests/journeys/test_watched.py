"""The audit process compares every place all the time: what a superuser changes is named, and counted for an alarm."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import asyncpg
import httpx2
import pytest

from nrm.system import System
from tests.journeys.test_fisherman_given_a_bed import CASE, _made

CHANGES = {
    "a byte in the store, its hash too": (
        "store",
        "UPDATE identification.event SET body = {evil}, hash = sha256({evil}) WHERE stream = $1",
        "UPDATE identification.event SET body = $2, hash = sha256($2) WHERE stream = $1",
    ),
    "a row of the history": (
        "audit_trail",
        "UPDATE {schema}.event SET body = convert_from({evil_of_text}, 'UTF8') WHERE stream = $1",
        "UPDATE {schema}.event SET body = convert_from($2, 'UTF8') WHERE stream = $1",
    ),
    "a position": (
        "log",
        "UPDATE identification.log SET version = 99 WHERE stream = $1",
        "UPDATE identification.log SET version = 1 WHERE stream = $1 AND $2::bytea IS NOT NULL",
    ),
}
EVIL = "convert_to(replace(convert_from(body, 'UTF8'), 'border_screening', 'self_report'), 'UTF8')"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("change", CHANGES)
async def test_what_a_superuser_changes_raises_the_alarm_by_name(speak: Any, system: System, change: str) -> None:
    made = await _made(await speak("cnp-poipet", "first_responder").post("identification", "/v1/cases", CASE))
    stream, settings = made["stream"], system.settings
    place, attack, mend = CHANGES[change]
    admin = await asyncpg.connect(settings.database_url)
    try:
        await admin.execute("SET session_replication_role = replica")
        await _eventually(lambda: _logged(admin, stream))
        body = await admin.fetchval("SELECT body FROM identification.event WHERE stream = $1", stream)
        schema = await admin.fetchval(
            "SELECT name || '_g' || number FROM projection.generation WHERE live AND name = 'audit_trail'"
        )
        words = {"evil": EVIL, "evil_of_text": EVIL.replace("convert_from(body, 'UTF8')", "body"), "schema": schema}
        try:
            assert await admin.execute(attack.format(**words), stream) == "UPDATE 1"
            await _eventually(lambda: _alarm(settings, place, at_least=1))
        finally:
            await admin.execute(mend.format(**words), stream, body)
        said = [json.loads(line) for line in _log(system) if stream in line and "reconcile.different" in line]
        assert [(one["place"], one["service"], one["version"]) for one in said][:1] == [(place, "identification", 1)]
        await _eventually(lambda: _alarm(settings, place, at_least=0))
        async with httpx2.AsyncClient(timeout=20) as client:
            assert (await client.get(f"{settings.url('audit')}/health/ready")).status_code == 200
    finally:
        await admin.close()


def _log(system: System) -> list[str]:
    return (system.data_dir / "logs" / "audit.log").read_text().splitlines()


async def _logged(admin: asyncpg.Connection, stream: str) -> bool:
    return bool(await admin.fetchval("SELECT EXISTS (SELECT FROM transparency.leaf WHERE stream = $1)", stream))


async def _alarm(settings: Any, place: str, *, at_least: int) -> bool:
    async with httpx2.AsyncClient(timeout=20) as client:
        text = (await client.get(f"{settings.url('audit')}/metrics")).text
    name = f'nrm_reconcile_different{{place="{place}",service="identification"}} '
    found = [float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name)]
    return bool(found) and (found[0] >= at_least if at_least else found[0] == 0)


async def _eventually(look: Any) -> None:
    async with asyncio.timeout(250):
        while not await look():
            await asyncio.sleep(0.3)


@pytest.mark.timeout(600)
async def test_reconcile_names_what_a_view_and_the_merkle_log_lack(speak: Any, system: System) -> None:
    made = await _made(await speak("cnp-poipet", "first_responder").post("identification", "/v1/cases", CASE))
    stream, admin = made["stream"], await asyncpg.connect(system.settings.database_url)
    try:
        await admin.execute("SET session_replication_role = replica")
        await _eventually(lambda: _logged(admin, stream))
        schema = await admin.fetchval(
            "SELECT name || '_g' || number FROM projection.generation WHERE live AND name = 'court_outcomes'"
        )
        await admin.execute(f"UPDATE {schema}.progress SET version = version - 1 WHERE stream = $1", stream)
        leaf = await admin.fetchrow("DELETE FROM transparency.leaf WHERE stream = $1 RETURNING *", stream)
        assert leaf
        try:
            code, said = await _reconciled(system)
        finally:
            await admin.execute(f"UPDATE {schema}.progress SET version = version + 1 WHERE stream = $1", stream)
            places = ", ".join(f"${number}" for number in range(1, len(leaf) + 1))
            await admin.execute(f"INSERT INTO transparency.leaf ({', '.join(leaf.keys())}) VALUES ({places})", *leaf)
        assert code == 1
        assert f"DIFFERENT identification court_outcomes: {stream} 1 is not applied" in said
        assert f"DIFFERENT identification transparency: {stream} 1 is not in the log" in said
    finally:
        await admin.close()


async def _reconciled(system: System) -> tuple[int, list[str]]:
    given = {f"NRM_{key.upper()}": str(value) for key, value in system.settings.model_dump().items() if value != ""}
    program = [sys.executable, "-m", "nrm.cli", "reconcile"]
    done = await asyncio.to_thread(
        subprocess.run,
        program,
        env={**os.environ, **given, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()
