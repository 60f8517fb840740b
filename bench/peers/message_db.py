"""message-db: Eventide's event store as PostgreSQL functions, installed from its npm package by its own script."""

import asyncio
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from bench.measure import per_second

PACKAGE = "@eventide/message-db@1.3.1"
DATABASE = "message_store"


async def install(url: str, cache: Path) -> str:
    """Lay it out in a database of its own by its own `install.sh`; the address of that database."""
    folder, binaries = await asyncio.to_thread(_unpacked, cache), await asyncio.to_thread(_binaries)
    parts = urlsplit(url)
    environment = {
        **os.environ,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PGHOST": parts.hostname or "127.0.0.1",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": parts.username or "postgres",
        "PGPASSWORD": parts.password or "",
        "DATABASE_NAME": DATABASE,
    }
    words = ["bash", str(folder / "database" / "install.sh")]
    await asyncio.to_thread(subprocess.run, words, env=environment, check=True, stdout=subprocess.DEVNULL)
    return parts._replace(path=f"/{DATABASE}").geturl()


def _binaries() -> Path:
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin"))


def _unpacked(cache: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is needed for the peer message-db")
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / "package").is_dir():
        words = [npm, "pack", PACKAGE, "--pack-destination", str(cache), "--silent"]
        name = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1]  # noqa: S603 - npm
        with tarfile.open(cache / name) as archive:
            archive.extractall(cache, filter="data")
    return cache / "package"


async def appends_per_second(url: str, body: str, clients: int, seconds: float) -> float:
    """One event each to a stream of its own by `write_message`, with the expected version checked."""
    settings = {"search_path": "message_store,public"}
    pool = await asyncpg.create_pool(url, min_size=clients, max_size=clients, server_settings=settings)
    sql = "SELECT message_store.write_message($1, $2, 'identified', $3::jsonb, NULL, -1)"

    async def write(_: int) -> None:
        await pool.fetchval(sql, str(uuid4()), f"case-{uuid4().hex}", body)

    try:
        return await per_second(write, clients=clients, seconds=seconds)
    finally:
        await pool.close()
