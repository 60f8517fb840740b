"""kill -9 of a relay, the views, the audit process and a service while cases are posted: everything arrives once."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2

from nrm.system import System
from tests.journeys.test_fisherman_given_a_bed import CASE

KILLED = ("relay", "identification", "views", "audit")
CLIENTS = 4
ARRIVE_S_MAX = 30


async def _post(police: Any, made: list[str]) -> None:
    """One case, asked for with one key until it is answered."""
    key = uuid4().hex
    while True:
        try:
            answer = await police.post("identification", "/v1/cases", CASE, key=key)
        except httpx2.TransportError:
            await asyncio.sleep(0.1)
            continue
        if answer.status_code == 201:
            made.append(answer.json()["events"][0]["id"])
            return
        assert answer.status_code in (409, 503), answer.text
        await asyncio.sleep(0.2)


async def test_what_was_answered_arrives_once_whatever_is_killed(system: System, speak: Any) -> None:
    police = speak("cnp-poipet", "first_responder")
    made: list[str] = []
    stop = asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            await _post(police, made)

    clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
    for name in KILLED:
        await asyncio.sleep(0.5)
        before = system.processes[name].pid
        system.kill(name)
        await system.until(lambda name=name, before=before: system.processes[name].pid != before)  # type: ignore[misc]
    for name in KILLED:
        await system.wait_ready(name)
    stop.set()
    await asyncio.gather(*clients)
    connection = await asyncpg.connect(system.settings.database_url)
    try:
        await _all_have_arrived(connection, made)
    finally:
        await connection.close()
    assert len(made) == len(set(made)) > len(KILLED)


async def _all_have_arrived(connection: asyncpg.Connection, made: list[str]) -> None:
    """In the store, in the history, in the transparency log: each exactly once; the views count every event once."""
    stored = await connection.fetch("SELECT id::text FROM identification.event WHERE id::text = ANY($1)", made)
    assert Counter(row[0] for row in stored) == Counter(made)
    for _ in range(ARRIVE_S_MAX * 10):
        all_events = await connection.fetchval("SELECT count(*) FROM identification.event")
        consumed = [
            await connection.fetchval(f"SELECT events FROM {view}.consumed WHERE service = 'identification'")
            for view in ("statistics", "court_outcomes", "audit_trail", "referral_known")
        ]
        sql = "SELECT count(*) FROM transparency.leaf WHERE event_id = ANY($1)"
        if consumed == [all_events] * 4 and await connection.fetchval(sql, made) == len(made):
            break
        await asyncio.sleep(0.1)
    assert consumed == [all_events] * 4
    for sql in (
        "SELECT id FROM audit_trail.event WHERE id = ANY($1)",
        "SELECT event_id FROM transparency.leaf WHERE event_id = ANY($1)",
    ):
        assert Counter(row[0] for row in await connection.fetch(sql, made)) == Counter(made)
