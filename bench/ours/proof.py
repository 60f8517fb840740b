"""`nrm export` and `nrm verify` of the whole log, against hashing the same bytes and nothing else."""

import asyncio
import json
import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from bench.measure import Figure, Scale
from libs.runtime.settings import Settings


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Events per second, run after run in turn."""
    folder = settings.data_dir / "export"
    await asyncio.to_thread(_nrm, settings, "export", "--out", str(folder))
    lines = (folder / "events.ndjson").read_bytes().splitlines()
    verified, hashed = [], []
    for _ in range(scale.runs):
        started = time.perf_counter()
        await asyncio.to_thread(_nrm, settings, "verify", str(folder))
        verified.append(len(lines) / (time.perf_counter() - started))
        started = time.perf_counter()
        for line in lines:
            sha256(line).digest()
        hashed.append(len(lines) / (time.perf_counter() - started))
    return [
        Figure("verify an export", "OpenNRM, with its start", "1/s", tuple(verified)),
        Figure("verify an export", "hashing alone", "1/s", tuple(hashed)),
    ]


def _nrm(settings: Settings, *words: str) -> None:
    given = json.loads(settings.model_dump_json())
    environment = {**os.environ, **{f"NRM_{key.upper()}": str(value) for key, value in given.items() if value != ""}}
    program = [sys.executable, "-m", "nrm.cli", *words]
    done = subprocess.run(program, env=environment, check=False, capture_output=True, cwd=Path.cwd())  # noqa: S603 - our own
    if done.returncode != 0:
        raise RuntimeError(f"nrm {words[0]} exited {done.returncode}: {done.stderr[-300:].decode()}")
