"""Schemathesis over every process's OpenAPI: all checks, all phases, one seed, two callers."""

import asyncio
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.runtime.auth import mint
from libs.runtime.settings import SERVICES, Settings

CONFIG = Path(__file__).with_name("schemathesis.toml")
PROCESSES = (*SERVICES, "views", "audit", "relay")
ROLES = (
    "first_responder,competent_authority,social_affairs,provider,justice,labour,embassy_desk,coordinator,auditor,"
    "administrator"
)
_CASES = re.compile(r"(\d+) generated")


@dataclass(frozen=True)
class Run:
    """What one process's run said."""

    process: str
    cases: int
    failed: bool
    text: str


async def fuzz(settings: Settings, process: str, *, seed: int, examples: int, seconds: int, folder: Path) -> Run:
    """One run of schemathesis; it is told the token by a header, and ends in time."""
    token = mint(settings, "nrm-authority", ROLES, 24 * 3600)
    program = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{settings.url(process)}/openapi.json", "--header", f"Authorization: Bearer {token}"),
        *("--seed", str(seed), "--max-examples", str(examples), "--checks", "all", "--request-timeout", "30"),
        *("--continue-on-failure", "--warnings", "off", "--no-color", "--suppress-health-check", "all"),
        *(["--max-time", str(seconds)] if seconds else []),
    ]
    done = await asyncio.create_subprocess_exec(
        *program, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await done.communicate()
    text = said.decode(errors="replace")
    found = _CASES.search(text)
    return Run(process, int(found[1]) if found else 0, done.returncode != 0, text)


def failures(run: Run) -> str:
    """The part of what was said that tells of failures."""
    start = run.text.find("FAILURES")
    return run.text[max(start, 0) :][-6000:]


def summed(runs: Mapping[str, Run]) -> str:
    """Cases by process, in one line."""
    return ", ".join(f"{name} {run.cases}" for name, run in runs.items())
