"""A bad network between the processes and PostgreSQL and Kafka; PostgreSQL's sessions ended under them."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2

from nrm.parts.processes import Tethered
from nrm.system import MODULES, System
from tests.faults.load import CASE, POLICE, Speaker
from tests.faults.scenes import Outcome, free_base
from tests.faults.wire import Wire

PROXIED = ("identification", "relay")
ASKERS = 4


@dataclass
class Far:
    """An identification and a relay that reach PostgreSQL and Kafka over bad wires."""

    speaker: Speaker
    database: Wire
    kafka: Wire


async def network(outcome: Outcome, seconds: float) -> None:
    """Slow, chopped, half-open and reset connections, one after the other, while intakes go on."""
    async with far(outcome) as there:
        for name, begin, end in (
            ("slow (0 to 40 ms each way)", lambda: _slow(there, 0.02), lambda: _slow(there, 0)),
            ("chopped into pieces", lambda: _chop(there, chop=True), lambda: _chop(there, chop=False)),
            ("reset again and again", lambda: None, lambda: None),
            ("half-open", lambda: (there.database.swallow(), there.kafka.swallow()), lambda: None),
        ):
            begin()
            cutting = asyncio.create_task(_cut_often(there)) if "reset" in name else None
            count, slowest, first = await _intakes(there.speaker, seconds)
            if cutting:
                cutting.cancel()
            end()
            outcome.note(
                f"network {name} for {seconds:g} s: {count} intakes recorded, {first} at the first attempt, "
                f"the slowest after {slowest:.1f} s"
            )
        there.database.cut()
        there.kafka.cut()
        outcome.note(f"{there.database.cuts} connections to PostgreSQL and {there.kafka.cuts} to Kafka were reset")
        outcome.speaker.requests += there.speaker.requests


async def sessions_ended(outcome: Outcome, rounds: int) -> None:
    """PostgreSQL ends every session of our roles, again and again, while intakes go on."""
    system = outcome.killer.system
    speaker = Speaker(system.settings, outcome.speaker.client, outcome.killer.rng)
    asking = asyncio.create_task(_intakes(speaker, rounds * 0.5))
    ended = 0
    connection = await asyncpg.connect(system.settings.database_url)
    try:
        for _ in range(rounds):
            await asyncio.sleep(0.4)
            ended += await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'nrm\\_%'"
            )
    finally:
        await connection.close()
    count, slowest, first = await asking
    outcome.speaker.requests += speaker.requests
    outcome.note(
        f"{ended} sessions ended by PostgreSQL in {rounds} rounds: {count} intakes recorded, {first} at the first "
        f"attempt, the slowest after {slowest:.1f} s"
    )


@asynccontextmanager
async def far(outcome: Outcome) -> AsyncIterator[Far]:
    """Processes beside the system's own, over wires of their own; the system's relay is held, so theirs leads."""
    system, rng = outcome.killer.system, outcome.killer.rng
    broker, _, port = system.settings.kafka_bootstrap_servers.rpartition(":")
    database, url = await Wire.before(system.settings.database_url, rng)
    kafka = Wire(broker, int(port), rng)
    config = system.settings.model_copy(
        update={
            "database_url": url,
            "kafka_bootstrap_servers": f"127.0.0.1:{await kafka.start()}",
            "port_base": free_base(system.settings.port_base),
        }
    )
    started = [_process(system, name, config.model_dump()) for name in PROXIED]
    await system.hold("relay")
    try:
        for one in started:
            one.start()
        async with httpx2.AsyncClient() as client:
            speaker = Speaker(config, client, rng)
            await _until_live(client, config.url("identification"))
            yield Far(speaker, database, kafka)
    finally:
        for one in started:
            await asyncio.to_thread(one.stop)
        await database.stop()
        await kafka.stop()
        await system.release("relay")


def _process(system: System, name: str, config: dict[str, object]) -> Tethered:
    given = {f"NRM_{key.upper()}": str(value) for key, value in config.items() if value != ""}
    log = system.data_dir / "logs" / f"{name}-far.log"
    program = [sys.executable, "-m", MODULES[name]]
    return Tethered(f"{name}-far", program, log=log, environment={**os.environ, **given}, folder=Path.cwd())


async def _until_live(client: httpx2.AsyncClient, url: str) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                await client.get(f"{url}/health/live")
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
                continue
            return


def _slow(there: Far, delay_s: float) -> None:
    there.database.delay_s = there.kafka.delay_s = delay_s


def _chop(there: Far, *, chop: bool) -> None:
    there.database.chop = there.kafka.chop = chop


async def _cut_often(there: Far) -> None:
    while True:
        await asyncio.sleep(there.database.rng.random() * 0.6)
        there.database.cut()
        if there.database.rng.random() < 0.3:
            there.kafka.cut()


async def _intakes(speaker: Speaker, seconds: float) -> tuple[int, float, int]:
    """How many were recorded, after how long the slowest, and how many at the first attempt."""
    until = time.monotonic() + seconds
    done = []

    async def ask() -> None:
        while time.monotonic() < until:
            done.append(await speaker.until_answered(speaker.new("identification", "/v1/cases", CASE, POLICE)))

    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    first = sum(one.answers == ["201"] for one in done)
    return len(done), max(one.done_at - one.asked_at for one in done), first
