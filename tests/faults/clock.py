"""Clocks that jump under the real processes, by libfaketime; PostgreSQL, Kafka and the clients keep the true time."""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from libs.runtime.settings import SERVICES
from tests.faults.load import CASE, POLICE
from tests.faults.scenes import Cannot, Outcome, load

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
CLIENTS = 4
JUMPS = {"an hour ahead": "+3600", "two hours ahead": "+7200", "back by 110 minutes": "+600", "stands still": ""}
"""Never behind the true time: a token would then not be valid yet, which is right (401) and proves nothing here."""


def environment(folder: Path) -> dict[str, str]:
    """What makes the processes started with it read the time from a file. Raises Cannot without the library."""
    given = os.environ.get("FAKETIME_LIBRARY", "")
    found = [given] if given else [str(one) for pattern in LIBRARIES for one in Path("/").glob(pattern[1:])]
    if not found:
        raise Cannot("libfaketime is not here: `apt install libfaketime`, or name its file by FAKETIME_LIBRARY")
    _set(folder, "+0")
    return {
        "LD_PRELOAD": found[0],
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",
    }


async def clock(outcome: Outcome, seconds: float) -> None:
    """The processes' clock jumps forwards and back and stands still while stories are told."""
    folder = outcome.killer.system.data_dir
    async with load(outcome, outcome.killer.rng, CLIENTS):
        for name, offset in JUMPS.items():
            still = datetime.fromtimestamp(time.time() + 1800, UTC).strftime("%Y-%m-%d %H:%M:%S")
            before = len(outcome.speaker.requests)
            _set(folder, offset or still)
            await asyncio.sleep(seconds)
            outcome.note(f"clock {name} for {seconds:g} s: {len(outcome.speaker.requests) - before} requests")
        _set(folder, "+0")
    await outcome.speaker.until_answered(outcome.speaker.new("identification", "/v1/cases", CASE, POLICE))
    await _times(outcome)


def _set(folder: Path, text: str) -> None:
    fresh = folder / "clock.new"
    fresh.write_text(text + "\n")
    fresh.replace(folder / "clock")


async def _times(outcome: Outcome) -> None:
    """In each stream the time of recording never goes back; and the clocks did jump, or nothing was shown."""
    connection = await asyncpg.connect(outcome.killer.system.settings.database_url)
    ahead = back = 0
    try:
        for service in SERVICES:
            told = f"SELECT stream, version, convert_from(body, 'UTF8')::jsonb ->> 'time' AS time FROM {service}.event"
            ahead += await connection.fetchval(
                f"SELECT count(*) FROM ({told}) e WHERE time::timestamptz > now() + interval '9 minutes'"
            )
            steps = f"SELECT time, lag(time) OVER (PARTITION BY stream ORDER BY version) AS before FROM ({told}) e"
            back += await connection.fetchval(f"SELECT count(*) FROM ({steps}) step WHERE time < before")
    finally:
        await connection.close()
    outcome.note(f"{ahead} events carry a time ahead of the true one; in {back} places a stream's time goes back")
    if not ahead:
        outcome.lost.append("no clock jumped: nothing was shown")
    if back:
        outcome.lost.append(f"a stream's time goes back in {back} places")
