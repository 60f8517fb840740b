"""Asks the system the questions in `examples/questions.yaml`, and compares the answers with what the file expects.

A question names the history whose words it uses; `${word}` is what that history saved. Where the answer is not yet as
expected it is asked again: views and services learn of one another's facts a moment later.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import httpx2
import yaml
from rich.console import Console
from rich.table import Table

from nrm.demo.histories import EXAMPLES
from nrm.demo.player import Mint, Performance, Url, filled, worth_repeating

FILE: Final = "questions.yaml"
ANSWERED_S_MAX: Final = 90.0
PAUSE_S: Final = 0.3
REQUEST_S_MAX: Final = 30.0
ROWS_SHOWN_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Question:
    """One request, the list of its answer that is printed, and what must be in the answer."""

    what: str
    history: str
    organisation: str
    role: str
    service: str
    path: str
    body: Mapping[str, Any] | None
    rows: str
    show: tuple[str, ...]
    expect: Mapping[str, Any] = field(default_factory=dict)
    some: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer, and where that is not as expected."""

    question: Question
    answer: Any
    differences: tuple[str, ...]


def read_questions(folder: Path = EXAMPLES) -> list[Question]:
    """The questions of a folder of examples; none where it has no such file."""
    file = folder / FILE
    if not file.exists():
        return []
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["questions"]
    return [
        Question(
            entry["what"], entry.get("history", ""), entry["as"]["org"], entry["as"]["role"], entry["service"],
            entry.get("get") or entry["post"], entry.get("body"), entry.get("rows", ""), tuple(entry["show"]),
            entry.get("expect", {}), entry.get("some", {}),
        )
        for entry in entries
    ]  # fmt: skip


class Asker:
    """Asks questions of a running system in which the histories were played."""

    def __init__(self, client: httpx2.AsyncClient, url: Url, mint: Mint, performance: Performance) -> None:
        """Ask through `client`; the URLs and tokens come from the callables."""
        self._client, self._url, self._mint, self._performance = client, url, mint, performance

    async def ask_all(self, questions: list[Question]) -> list[Answered]:
        """Every question in the order of the file: a release is weighed against those before it."""
        return [await self._ask(question) for question in questions]

    async def _ask(self, question: Question) -> Answered:
        known = {
            name.word: write.made_id
            for name, write in self._performance.saved.items()
            if name.history in (question.history, "providers")
        }
        expected, some = (filled(part, known) for part in (question.expect, question.some))
        until = time.monotonic() + ANSWERED_S_MAX
        while True:
            answer = await self._request(question, known)
            found = tuple(differences(answer, expected, rows_of(answer, question.rows), some))
            if not found or time.monotonic() > until:
                return Answered(question, answer, found)
            await asyncio.sleep(PAUSE_S)

    async def _request(self, question: Question, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - a JSON value
        headers = {"Authorization": f"Bearer {self._mint(question.organisation, question.role)}"}
        address = self._url(question.service) + filled(question.path, known)
        until = time.monotonic() + ANSWERED_S_MAX
        while True:
            try:
                answer = await self._send(address, headers, question, known)
                if not worth_repeating(answer) or time.monotonic() > until:
                    return answer.json()
            except httpx2.TransportError:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(PAUSE_S)

    async def _send(
        self, address: str, headers: dict[str, str], question: Question, known: Mapping[str, str]
    ) -> httpx2.Response:
        if question.body is None:
            return await self._client.get(address, headers=headers, timeout=REQUEST_S_MAX)
        headers["Idempotency-Key"] = str(uuid5(NAMESPACE_URL, f"urn:opennrm:demo:question:{question.what}"))
        body = filled(question.body, known)
        return await self._client.post(address, json=body, headers=headers, timeout=REQUEST_S_MAX)


def rows_of(answer: Any, path: str) -> list[Any]:  # noqa: ANN401 - a JSON value
    """The list in an answer that a question shows; the answer itself where it names none."""
    found = at(answer, path) if path else answer
    return found if isinstance(found, list) else [] if found is None else [found]


def at(value: Any, path: str) -> Any:  # noqa: ANN401 - a JSON value
    """What stands at `a.0.b` in an answer; None where nothing does."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if part.isdecimal() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def differences(answer: Any, expected: Mapping[str, Any], rows: list[Any], some: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - a JSON value
    """Where an answer is not as expected; `some` must be in one of the rows."""
    found = [
        f"{path}: expected {value}, the system says {at(answer, path)}"
        for path, value in expected.items()
        if at(answer, path) != value
    ]
    if some and not any(all(at(row, path) == value for path, value in some.items()) for row in rows):
        found.append(f"no row has {dict(some)}")
    return found


def print_answered(console: Console, answered: list[Answered]) -> None:
    """Print each question with the rows of its answer."""
    for one in answered:
        console.print(f"{one.question.what}  {one.question.path}", markup=False, highlight=False, style="italic")
        table = Table()
        for path in one.question.show:
            table.add_column(path.rpartition(".")[2].replace("_", " "))
        rows = rows_of(one.answer, one.question.rows)
        for row in rows[:ROWS_SHOWN_MAX]:
            table.add_row(*(_shown(at(row, path)) for path in one.question.show))
        if len(rows) > ROWS_SHOWN_MAX:
            table.add_row(f"… {len(rows) - ROWS_SHOWN_MAX} more")
        console.print(table)


def _shown(value: Any) -> str:  # noqa: ANN401 - a JSON value
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "" if value is None else str(value)
