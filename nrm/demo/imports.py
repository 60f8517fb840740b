"""Hands one ministry's sample register in, twice, and compares what became of its rows with the sample's own truth."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2
from rich.console import Console
from rich.table import Table

from nrm.demo.histories import EXAMPLES
from nrm.demo.player import UNAVAILABLE, Mint, Url

FOLDER = EXAMPLES / "imports"
SYSTEM = "mosvy"
BY = ("mosvy", "social_affairs")
TAKEN_IN_S_MAX = 180.0
POLL_S = 0.3
REQUEST_S_MAX = 60.0
ACCEPTED = 201

Report = dict[str, Any]


async def import_sample(client: httpx2.AsyncClient, url: Url, mint: Mint, folder: Path = FOLDER) -> list[Report]:
    """The reports of the sample handed in, and handed in once more. Raises TimeoutError, ValueError."""
    truth = truth_of(folder)
    content = (folder / truth["file"]).read_bytes()
    return [await _taken_in(client, url, mint, content, time_) for time_ in ("first", "second")]


def truth_of(folder: Path = FOLDER) -> dict[str, Any]:
    """What was put into the sample."""
    truth: dict[str, dict[str, Any]] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return truth[SYSTEM]


def import_differences(truth: dict[str, Any], reports: list[Report]) -> list[str]:
    """Where the reports say something else than the truth; the second time, nothing may be recorded."""
    first, second = reports
    again = {**truth["counts"], "recorded": 0, "duplicate": truth["counts"]["recorded"] + truth["counts"]["duplicate"]}
    pairs = (
        ("rows", truth["rows"], first["rows"]),
        ("counts", truth["counts"], first["counts"]),
        ("reasons", truth["reasons"], first["by_rule"]["reasons"]),
        ("notes", truth["notes"], first["by_rule"]["notes"]),
        ("counts of the second time", again, second["counts"]),
    )
    return [
        f"import of {truth['file']}, {what}: the sample says {expected}, the system says {answered}"
        for what, expected, answered in pairs
        if expected != answered
    ]


def print_import(console: Console, reports: list[Report]) -> None:
    """Print what became of the rows, and why."""
    first, second = reports
    table = Table(title=f"Rows of {SYSTEM}'s register ({first['rows']})", title_justify="left")
    for column in ("became", "first time", "handed in again", "why, the first time"):
        table.add_column(column)
    reasons = ", ".join(f"{count} {rule}" for rule, count in first["by_rule"]["reasons"].items())
    for status, count in first["counts"].items():
        why = reasons if status == "needs_review" else ""
        table.add_row(status.replace("_", " "), str(count), str(second["counts"][status]), why)
    console.print(table)


async def _taken_in(client: httpx2.AsyncClient, url: Url, mint: Mint, content: bytes, which: str) -> Report:
    headers = {
        "Authorization": f"Bearer {mint(*BY)}",
        "Idempotency-Key": str(uuid5(NAMESPACE_URL, f"urn:opennrm:demo:import:{SYSTEM}:{which}")),
    }
    base, until = url("identification"), time.monotonic() + TAKEN_IN_S_MAX
    started: Report | None = None
    while time.monotonic() < until:
        try:
            if started is None:
                form = {"file": ("register.xlsx", content, "application/octet-stream")}
                started = _body(
                    await client.post(f"{base}/v1/imports/{SYSTEM}", files=form, headers=headers, timeout=REQUEST_S_MAX)
                )
            elif (report := _body(await client.get(f"{base}{_path(started)}", headers=headers)))["status"] != "running":
                return report
        except (httpx2.TransportError, _Away):  # the same key asks again, as the player's steps do
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(POLL_S)
    message = f"the import of {SYSTEM} did not end"
    raise TimeoutError(message)


class _Away(Exception):
    """The service says: not now."""


def _path(started: Report) -> str:
    return f"/v1/imports/{started['import_id']}"


def _body(answer: httpx2.Response) -> Report:
    if answer.status_code == UNAVAILABLE:
        raise _Away
    if answer.status_code not in (ACCEPTED, 200):
        message = f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}"
        raise ValueError(message)
    body: Report = answer.json()
    return body
