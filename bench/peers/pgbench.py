"""The limit of the machine: bare one-row durable inserts, by PostgreSQL's own pgbench."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import asyncpg

BODY_BYTES = 600
"""As long as a typical event."""


async def prepare(url: str) -> None:
    """The table that pgbench inserts into."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS public.bench (id bigserial PRIMARY KEY, body text)")
    finally:
        await connection.close()


def inserts_per_second(url: str, clients: int, seconds: float) -> float:
    """Bare one-row inserts per second, each its own durable transaction."""
    found = shutil.which("pgbench") or max(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), default=None)
    if found is None:
        raise FileNotFoundError("pgbench is needed: apt install postgresql")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"INSERT INTO public.bench (body) VALUES (repeat('x', {BODY_BYTES}));\n")
        script.flush()
        options = ("-n", "-f", script.name, "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds))), url)
        said = subprocess.run([str(found), *options], capture_output=True, text=True, check=True).stdout  # noqa: S603 - pgbench
    tps = re.search(r"tps = ([\d.]+)", said)
    if tps is None:
        raise ValueError("pgbench did not say how fast it was")
    return float(tps[1])
