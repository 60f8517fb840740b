"""Hands sample files in and compares what became of their rows with the samples' own truth.

A ministry's register is handed in twice; then a partner's export, and who is in both files is linked by those who know.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2
from rich.console import Console
from rich.table import Table

from nrm.demo.histories import EXAMPLES
from nrm.demo.player import UNAVAILABLE, Mint, Url

FOLDER = EXAMPLES / "imports"
SYSTEM, PARTNER = "mosvy", "htcds"
AUTHORITY = ("nrm-authority", "competent_authority")
LINKS_AT_ONCE = 6
BY = ("mosvy", "social_affairs")
TAKEN_IN_S_MAX = 180.0
POLL_S = 0.3
ROWS_MAX = 500
WHEN = "2026-09-01T09:00:00+07:00"
REQUEST_S_MAX = 60.0
ACCEPTED = 201

Report = dict[str, Any]


async def import_sample(client: httpx2.AsyncClient, url: Url, mint: Mint, folder: Path = FOLDER) -> list[Report]:
    """The reports of the register handed in, once more, and of the partner's file. Raises TimeoutError, ValueError."""
    return [
        await _taken_in(client, url, mint, system, (folder / truth_of(folder, system)["file"]).read_bytes(), time_)
        for system, time_ in ((SYSTEM, "first"), (SYSTEM, "second"), (PARTNER, "first"))
    ]


def truth_of(folder: Path = FOLDER, system: str = SYSTEM) -> dict[str, Any]:
    """What was put into the sample."""
    truth: dict[str, dict[str, Any]] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return truth[system]


def in_both(reports: list[Report]) -> list[tuple[str, str]]:
    """The two cases of each person who is in both files, as the samples' truth knows them."""
    here, there = (
        _first_cases(truth_of(system=system), report)
        for system, report in ((SYSTEM, reports[0]), (PARTNER, reports[-1]))
    )
    return [(here[person], there[person]) for person in sorted(here.keys() & there.keys())]


async def join(client: httpx2.AsyncClient, url: Url, mint: Mint, pairs: list[tuple[str, str]]) -> None:
    """The competent authority links the two cases of each person. Raises ValueError where one is refused."""
    free = asyncio.Semaphore(LINKS_AT_ONCE)

    async def one(case_id: str, other: str) -> None:
        body = {"occurred_at": WHEN, "other_case_id": other, "reason": "both desks name the same person"}
        headers = {
            "Authorization": f"Bearer {mint(*AUTHORITY)}",
            "Idempotency-Key": str(uuid5(NAMESPACE_URL, f"urn:opennrm:demo:link:{case_id}:{other}")),
        }
        address = f"{url('identification')}/v1/cases/{case_id}/links"
        async with free:
            await _insist(lambda: client.post(address, json=body, headers=headers, timeout=REQUEST_S_MAX))

    await asyncio.gather(*(one(*pair) for pair in pairs))


def _first_cases(truth: dict[str, Any], report: Report) -> dict[int, str]:
    """The first recorded case of each person in a file."""
    cases: dict[int, str] = {}
    for person, row in zip(truth["persons"], report["items"], strict=True):
        if row["status"] == "recorded" and person is not None:
            cases.setdefault(person, row["case_id"])
    return cases


def import_differences(truth: dict[str, Any], reports: list[Report]) -> list[str]:
    """Where the reports say something else than the truth; the second time, nothing may be recorded."""
    first, second, *_ = reports
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
    first, second, *_ = reports
    table = Table(title=f"Rows of {SYSTEM}'s register ({first['rows']})", title_justify="left")
    for column in ("became", "first time", "handed in again", "why, the first time"):
        table.add_column(column)
    reasons = ", ".join(f"{count} {rule}" for rule, count in first["by_rule"]["reasons"].items())
    for status, count in first["counts"].items():
        why = reasons if status == "needs_review" else ""
        table.add_row(status.replace("_", " "), str(count), str(second["counts"][status]), why)
    console.print(table)


async def _taken_in(
    client: httpx2.AsyncClient, url: Url, mint: Mint, system: str, content: bytes, which: str
) -> Report:
    headers = {
        "Authorization": f"Bearer {mint(*BY)}",
        "Idempotency-Key": str(uuid5(NAMESPACE_URL, f"urn:opennrm:demo:import:{system}:{which}")),
    }
    form = {"file": ("handed-in", content, "application/octet-stream")}
    address = f"{url('identification')}/v1/imports/{system}"
    started = await _insist(lambda: client.post(address, files=form, headers=headers, timeout=REQUEST_S_MAX))
    address = f"{url('identification')}/v1/imports/{started['import_id']}?limit={ROWS_MAX}"
    until = time.monotonic() + TAKEN_IN_S_MAX
    while time.monotonic() < until:
        report = await _insist(lambda: client.get(address, headers=headers, timeout=REQUEST_S_MAX))
        if report["status"] != "running":
            return report
        await asyncio.sleep(POLL_S)
    message = f"the import of {system} did not end"
    raise TimeoutError(message)


async def _insist(ask: Callable[[], Awaitable[httpx2.Response]]) -> Report:
    """Ask until there is an answer: the same key asks again, as the player's steps do. Raises TimeoutError."""
    until = time.monotonic() + TAKEN_IN_S_MAX
    while time.monotonic() < until:
        try:
            return _body(await ask())
        except (httpx2.TransportError, _Away):
            await asyncio.sleep(POLL_S)
    message = "the service did not answer"
    raise TimeoutError(message)


class _Away(Exception):
    """The service says: not now."""


def _body(answer: httpx2.Response) -> Report:
    if answer.status_code == UNAVAILABLE:
        raise _Away
    if answer.status_code not in (ACCEPTED, 200):
        message = f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}"
        raise ValueError(message)
    body: Report = answer.json()
    return body
