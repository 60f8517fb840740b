"""An event that a view cannot apply is listed by `nrm dead-letters`, with what waits behind it, and replayed."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord

from libs.events import generations
from libs.events.consume import Change, Fact
from libs.events.store import Entry
from libs.events.writer import Writer
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings
from nrm.migrate import migrate_database
from projections.statistics.api import PROJECTION
from tests.contracts.kit import chain, new_stream, wire


def _trip(_: Fact) -> Sequence[Change]:
    raise ZeroDivisionError


def _record(one: Entry, offset: int) -> Any:
    value = wire(one, offset + 1)
    topic = "nrm.referral.events.v1"
    return ConsumerRecord(topic, 0, offset, 0, 0, b"", value, None, 0, len(value), ())


async def _command(settings: Settings, *words: str) -> tuple[int, Any]:
    given = {f"NRM_{key.upper()}": str(value) for key, value in settings.model_dump().items() if value != ""}
    program = [sys.executable, "-m", "nrm.cli", "dead-letters", *words, "--json"]
    done = await asyncio.to_thread(
        subprocess.run, program, env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


async def test_dead_letters_are_listed_and_replayed_after_a_fix(settings: Settings) -> None:
    await migrate_database(settings)
    events = chain(new_stream(), 3)
    connection = await asyncpg.connect(role_dsn(settings, "nrm_views"))
    try:
        broken = replace(PROJECTION, apply=_trip, wants=None)
        writer = await Writer.open(connection, broken, await generations.ensure(connection, broken))
        await writer.apply([_record(one, offset) for offset, one in enumerate(events)])
    finally:
        await connection.close()
    code, [listed] = await _command(settings, "statistics")
    assert code == 1
    assert [(one["stream"], one["version"]) for one in listed["dead"]] == [(events[0].envelope.stream, 1)]
    assert listed["dead"][0]["reason"] == "cannot be applied: ZeroDivisionError"
    assert listed["parked"] == [{"stream": events[0].envelope.stream, "version": 2, "waiting": 2}]
    code, [replayed] = await _command(settings, "statistics", "--replay")
    assert code == 0
    assert (replayed["replayed"], replayed["dead"], replayed["parked"]) == (1, [], [])
    code, everything = await _command(settings)
    assert (code, [one["view"] for one in everything]) == (0, ["statistics"])
