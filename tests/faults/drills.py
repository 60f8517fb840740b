"""The drills of docs/operating.md: each loses something on purpose, gets it back, and proves what is there again."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx2

from libs.events.projector import Source
from libs.events.rebuild import rebuild
from libs.events.refill import refill
from libs.runtime.keys import role_dsn
from libs.runtime.service import source
from libs.runtime.settings import SERVICES, Settings
from nrm.migrate import migrate_database
from nrm.system import System, run_migrations
from tests.faults.backup import Backup, tool
from tests.faults.killing import Killer
from tests.faults.load import CASE, POLICE, Request
from tests.faults.proof import everything, known, quiet, stored_events
from tests.faults.scenes import Outcome, load, system

CLIENTS = 4
AFTER = 20
KEPT_ANSWERS = "every 2xx answer's events are in the store once; others nowhere"


@dataclass
class Drill:
    """What the drills have in common: the folder, what was asked, what was found."""

    outcome: Outcome
    folder: Path
    seconds: float


async def drills(outcome: Outcome, folder: Path, seconds: float) -> None:
    """All of them, one after the other, on one data folder."""
    drill = Drill(outcome, folder, seconds)
    before, later = await _with_backup(drill)
    await _restored(drill, before, later)
    await _kafka_from_postgresql(drill)
    await _schemas_from_kafka(drill)


@asynccontextmanager
async def _running(
    drill: Drill, migrate: Callable[[Settings], Awaitable[None]] = run_migrations
) -> AsyncIterator[System]:
    """The system on the drills' folder, started anew."""
    async with system(drill.folder, migrate) as running, httpx2.AsyncClient() as client:
        drill.outcome.killer = Killer(running, drill.outcome.killer.rng)
        drill.outcome.speaker.moved(running.settings, client)
        yield running


async def _with_backup(drill: Drill) -> tuple[list[Request], list[Request]]:
    """Stories while a base backup is made and WAL is kept; a moment; more stories. What was asked before, and after."""
    outcome = drill.outcome
    async with _running(drill) as running:
        backup = Backup(running)
        async with load(outcome, outcome.killer.rng, CLIENTS):
            await backup.begin()
            await asyncio.sleep(drill.seconds)
        _, behind = await quiet(running.settings)
        outcome.lost += behind
        before = list(outcome.speaker.requests)
        moment = await backup.moment()
        made = [outcome.speaker.new("identification", "/v1/cases", CASE, POLICE) for _ in range(AFTER)]
        await asyncio.gather(*map(outcome.speaker.until_answered, made))
        await quiet(running.settings)
        await backup.end()
    backup.restore(moment)
    outcome.note(
        f"base backup and WAL: {len(before)} requests until the moment, {AFTER} after it; then the database was lost"
    )
    return before, made


async def _restored(drill: Drill, before: list[Request], later: list[Request]) -> None:
    """To the moment and not beyond; what came after it is asked again by its clients, and then there once."""
    _empty_kafka(drill.folder)
    _admit_the_loss(drill.folder)
    started = time.monotonic()
    async with _running(drill, _published_anew) as running:
        outcome = drill.outcome
        _, behind = await quiet(running.settings)
        took = time.monotonic() - started
        found = [name for name in await _keys(running) if name in {one.key for one in later}]
        outcome.lost += [f"{len(found)} requests from after the moment are there"] if found else []
        outcome.speaker.requests = before
        await _proved(drill, running, "restore from a base backup and WAL to a moment", behind, took)
        for one in later:
            one.status, one.answers, one.content = 0, [], b""
        outcome.speaker.requests = before + later
        await asyncio.gather(*map(outcome.speaker.until_answered, later))
        outcome.note(f"the {len(later)} requests from after the moment were asked again under their keys")
        await _proved(drill, running, "their clients' retries", (await quiet(running.settings))[1], 0)


def _admit_the_loss(folder: Path) -> None:
    """As docs/operating.md says: the log's own memory of more leaves than came back is laid aside, never deleted."""
    for kept in (folder / "log").glob("*.checkpoint"):
        kept.replace(kept.with_suffix(".lost"))


async def _kafka_from_postgresql(drill: Drill) -> None:
    _empty_kafka(drill.folder)
    started = time.monotonic()
    async with _running(drill, _published_anew) as running:
        _, behind = await quiet(running.settings)
        await _proved(drill, running, "Kafka lost, filled from PostgreSQL", behind, time.monotonic() - started)


async def _schemas_from_kafka(drill: Drill) -> None:
    """Every view is rebuilt; then each service's schema is lost, one after the other, and filled again."""
    outcome = drill.outcome
    async with _running(drill) as running:
        started = time.monotonic()
        events = source(running.settings)
        for name, (projection, role) in known().items():
            done = await rebuild(projection, role_dsn(running.settings, role), events)
            outcome.lost += [f"{name}.{table} differs from its rebuild" for table in done.differences]
        outcome.note(f"{len(known())} projections rebuilt in {time.monotonic() - started:.1f} s, each equal")
        await running.hold("relay")
        for service in SERVICES:
            await _lose_and_refill(drill, running, service)
        await running.release("relay")
        outcome.speaker.requests = []  # the answers kept under keys are what cannot come back
        await _proved(drill, running, "every schema refilled", (await quiet(running.settings))[1], 0, KEPT_ANSWERS)


async def _lose_and_refill(drill: Drill, running: System, service: str) -> None:
    await running.hold(service)
    connection = await asyncpg.connect(running.settings.database_url)
    started = time.monotonic()
    try:
        had = {one: event["body"] for one, event in (await stored_events(connection, (service,))).items()}
        keys = await connection.fetchval(f"SELECT count(*) FROM {service}.idempotency")
        await connection.execute(f"DROP SCHEMA {service} CASCADE")
        await _empty_schema(running, service)
        events = Source(running.settings.kafka_bootstrap_servers, [running.settings.topic(service)])
        done = await refill(connection, service, events)
        has = {one: event["body"] for one, event in (await stored_events(connection, (service,))).items()}
    finally:
        await connection.close()
    await running.release(service)
    drill.outcome.lost += [
        f"{service}: event {one} did not come back as it was" for one in had if has.get(one) != had[one]
    ]
    drill.outcome.note(
        f"{service}: schema dropped, {done.events} of {len(had)} events back from Kafka by their bytes in "
        f"{time.monotonic() - started:.1f} s; {keys} answers kept under keys cannot come back"
    )


async def _empty_schema(running: System, service: str) -> None:
    """As docs/operating.md says: the schema of a fresh database, with its grants and triggers."""
    admin = await asyncpg.connect(running.settings.database_url)
    await admin.execute("CREATE DATABASE scratch")
    try:
        url = urlunsplit(urlsplit(running.settings.database_url)._replace(path="/scratch"))
        await migrate_database(running.settings.model_copy(update={"database_url": url}))
        dump = running.data_dir / "schema.dump"
        await tool("pg_dump", "-Fc", "--schema-only", "-n", service, "-f", str(dump), url)
        await tool("pg_restore", "--exit-on-error", "-d", running.settings.database_url, str(dump))
    finally:
        await admin.execute("DROP DATABASE scratch WITH (FORCE)")
        await admin.close()


async def _published_anew(settings: Settings) -> None:
    """As docs/operating.md says: with an empty Kafka everything is published again."""
    await run_migrations(settings)
    connection = await asyncpg.connect(settings.database_url)
    try:
        for service in SERVICES:
            await connection.execute(f"UPDATE {service}.published SET position = 0")
    finally:
        await connection.close()


def _empty_kafka(folder: Path) -> None:
    shutil.rmtree(folder / "kafka")
    (folder / "kafka.json").unlink()


async def _keys(running: System) -> list[Any]:
    connection = await asyncpg.connect(running.settings.database_url)
    try:
        return [row["key"] for row in await connection.fetch("SELECT key FROM identification.idempotency")]
    finally:
        await connection.close()


async def _proved(
    drill: Drill, running: System, what: str, behind: list[str], seconds: float, without: str = ""
) -> None:
    """Every check of a run, but one that the drill cannot hold."""
    found = await everything(running.settings, drill.outcome.speaker.requests)
    found.pop(without, None)
    wrong = behind + [one for all_of in found.values() for one in all_of]
    took = f", up and caught up in {seconds:.1f} s" if seconds else ""
    drill.outcome.note(f"{'ok  ' if not wrong else 'LOST'} {what}: {len(found)} checks{took}")
    drill.outcome.lost += [f"{what}: {one}" for one in wrong]
