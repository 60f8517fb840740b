"""The auditor's side: runs `nrm export` and `nrm verify` as anyone would, and reads what they say."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.runtime.settings import Settings
from nrm.audit_demo.ground import Done


class Unexpected(Exception):
    """A command that must work did not. Says what it printed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `nrm verify` answered: how many events it accepted, and each finding as (event id, what)."""

    events: int
    findings: tuple[tuple[str, str], ...]

    @property
    def ids(self) -> frozenset[str]:
        """The events that were named."""
        return frozenset(event_id for event_id, _ in self.findings)

    def names(self, done: Done) -> bool:
        """Whether every event of an attack was named."""
        return bool(done.ids) and self.ids >= frozenset(done.ids)

    def about(self, done: Done) -> str:
        """The first finding about an attack's events, or what was said instead."""
        if not self.findings:
            return f"OK {self.events} events"
        event_id, what = next((one for one in self.findings if one[0] in done.ids), self.findings[0])
        more = len(self.findings) - 1
        return f"BAD {event_id}: {what}" + (f" (and {more} more)" if more else "")


@dataclass(frozen=True, slots=True)
class Auditor:
    """Keeps the log's key and a checkpoint from an earlier visit, out of the operator's reach."""

    folder: Path

    @property
    def key(self) -> Path:
        """The verifier keys as they were on the first visit."""
        return self.folder / "key.txt"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint of the first visit."""
        return self.folder / "checkpoint.txt"

    async def verify(self, export: Path, *, remembers: bool = True) -> Verdict:
        """Run `nrm verify` on an export, with what was kept or with the export's own key alone."""
        kept = ["--key", str(self.key), "--checkpoint", str(self.checkpoint)] if remembers else []
        _, out = await nrm(None, "verify", str(export), *kept, "--json", good=(0, 1))
        return read_verdict(out)


def read_verdict(out: str) -> Verdict:
    """Read the JSON of `nrm verify`."""
    answer: dict[str, Any] = json.loads(out)
    return Verdict(answer["events"], tuple((one["event_id"], one["what"]) for one in answer["findings"]))


async def export(settings: Settings, out: Path) -> None:
    """Run `nrm export` of the whole log."""
    await nrm(settings, "export", "--out", str(out))


async def nrm(settings: Settings | None, *arguments: str, good: Sequence[int] = (0,)) -> tuple[int, str]:
    """Run an `nrm` command; gives its exit code and standard output. Raises Unexpected on another exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nrm.cli", *arguments, stdout=PIPE, stderr=PIPE, env=environment(settings)
    )
    out, said = await process.communicate()
    code = process.returncode if process.returncode is not None else -1
    if code not in good:
        raise Unexpected(f"nrm {' '.join(arguments)} ended with {code}: {said.decode().strip()[-500:]}")
    return code, out.decode()


def environment(settings: Settings | None) -> dict[str, str]:
    """What a command needs to find a database and its keys; nothing of it for one that works offline."""
    if settings is None:
        return dict(os.environ)
    given = settings.model_dump(include={"database_url", "kafka_bootstrap_servers", "port_base", "data_dir"})
    return {**os.environ, **{f"NRM_{name.upper()}": str(value) for name, value in given.items()}}
