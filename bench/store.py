"""Appending to the store against bare one-row durable inserts by pgbench, on the same PostgreSQL."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import asyncpg

from bench.measure import Figure, per_second
from libs.events.envelope import GENESIS, Envelope
from libs.events.handle import rfc3339
from libs.events.store import Append, Entry
from libs.events.store_postgres import PostgresStore
from libs.runtime.database import open_pool
from libs.runtime.ids import new_id, now
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings

CLIENTS = (1, 16, 64)
DATA = {
    "case_id": "KH-0000-0000",
    "channel": "raid",
    "province": "KH-12",
    "country": "KH",
    "sex": "male",
    "child": False,
}


def entry() -> Entry:
    """An event of a new stream, chained and hashed as the services do it."""
    moment = rfc3339(now())
    envelope, body = Envelope(
        id=new_id(), type="org.opennrm.identification.identified.v1", source="/services/identification",
        subject="KH-0000-0000", time=moment, occurredat=moment, stream=f"case:{uuid4().hex}", streamversion=1,
        organisation="bench", actor="bench", role="first_responder", correlationid=new_id(), prevhash=GENESIS,
        data=DATA,
    ).sealed()  # fmt: skip
    return Entry(envelope, body)


async def store_figures(settings: Settings, runs: int, seconds: float) -> list[Figure]:
    """Appends and bare inserts per second, by number of clients, run after run in turn."""
    pool = await open_pool(role_dsn(settings, "nrm_identification"), "bench")
    store = PostgresStore(pool, "identification")
    await store.start()
    ours: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    bare: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    try:
        for _ in range(runs):
            for clients in CLIENTS:
                bare[clients].append(await asyncio.to_thread(pgbench, settings.database_url, clients, seconds))
                append = lambda _client: store.append(Append([entry()]))  # noqa: E731 - one line
                ours[clients].append(await per_second(append, clients=clients, seconds=seconds))
    finally:
        await store.stop()
        await pool.close()
    return [
        Figure(f"durable append, {clients} clients", subject, "per second", tuple(found[clients]))
        for clients in CLIENTS
        for subject, found in (("store", ours), ("pgbench insert", bare))
    ]


async def prepare(settings: Settings) -> None:
    """The table that pgbench inserts into."""
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS public.bench (id bigserial PRIMARY KEY, body text NOT NULL)")
    await connection.close()


def pgbench(url: str, clients: int, seconds: float) -> float:
    """Bare one-row inserts per second."""
    found = shutil.which("pgbench") or max(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), default=None)
    if found is None:
        raise FileNotFoundError("pgbench is needed: apt install postgresql")
    script = Path("/tmp") / f"nrm-bench-{os.getpid()}.sql"  # noqa: S108 - one line of SQL, removed below
    script.write_text("INSERT INTO public.bench (body) VALUES (repeat('x', 600));\n")
    try:
        words = [
            str(found),
            "-n",
            "-f",
            str(script),
            "-c",
            str(clients),
            "-j",
            "2",
            "-T",
            str(max(1, round(seconds))),
            url,
        ]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout  # noqa: S603 - pgbench, found by us
    finally:
        script.unlink()
    tps = re.search(r"tps = ([\d.]+)", said)
    if tps is None:
        raise ValueError("pgbench did not say how fast it was")
    return float(tps[1])
