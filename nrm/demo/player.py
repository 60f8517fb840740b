"""Plays the histories over HTTP: each file's steps in order, several files at once, every request safe to repeat.

A request keeps one idempotency key, made of its file and its number, through every retry and every later run. So a
service that dies in the middle of a step costs time and never a second event.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2

from nrm.demo.histories import REFERENCE, SHARED, History, Name, Names, Step

HISTORIES_AT_ONCE = 6  # enough to let the services' writers meet, few enough for two cores
STEP_S_MAX = 90.0  # how long one step may be retried: a restarted process is back well within it
PAUSE_S_FIRST = 0.1
PAUSE_S_MAX = 2.0
REQUEST_S_MAX = 30.0
CONFLICT = 409
UNAVAILABLE = 503

Mint = Callable[[str, str], str]  # organisation and role to a bearer token
Url = Callable[[str], str]  # process to base URL
Played = Callable[[], None]  # called after each step


@dataclass
class Write:
    """What the system answered to a step that it recorded."""

    step: Step
    answer: dict[str, Any]

    @property
    def made_id(self) -> str:
        """The id of what the step made; where it made no resource (a consent), the id of its first event."""
        return str(self.answer[self.step.id_key] if self.step.id_key else self.event_ids[0])

    @property
    def event_ids(self) -> list[str]:
        """The ids of the events that it recorded."""
        return [event["id"] for event in self.answer.get("events", [])]


@dataclass
class Performance:
    """What came of playing the files: what was saved, what was recorded, and what did not go as the files expect."""

    saved: dict[Name, Write] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    retries: int = 0


class Player:
    """Plays histories into a running system."""

    def __init__(self, client: httpx2.AsyncClient, url: Url, mint: Mint, names: Names) -> None:
        """Play through `client`; the URLs and tokens come from the callables."""
        self.performance = Performance()
        self._client = client
        self._url = url
        self._mint = mint
        self._names = names
        self._played_before: set[str] = set()

    async def play_all(self, histories: list[History], after_step: Played) -> Performance:
        """Play the shared providers, then every case history, several at once."""
        room = asyncio.Semaphore(HISTORIES_AT_ONCE)

        async def play_one(history: History) -> None:
            async with room:
                await self.play(history, after_step)

        shared = [h for h in histories if h.name == SHARED]
        for history in shared:
            await self.play(history, after_step)
        if self.performance.failures:  # without the providers nothing else could succeed
            return self.performance
        async with asyncio.TaskGroup() as group:
            for history in histories:
                if history not in shared:
                    group.create_task(play_one(history))
        return self.performance

    async def play(self, history: History, after_step: Played) -> None:
        """Play one history; it stops at the first answer that the file does not expect, as the rest builds on it."""
        for step in history.steps:
            try:
                wrong = await self._play_step(step)
            except (KeyError, IndexError, httpx2.HTTPError) as error:
                wrong = f"{type(error).__name__}: {error}"
            after_step()
            if wrong:
                self.performance.failures.append(f"{history.name} step {step.number} ({step.path}): {wrong}")
                return

    async def _play_step(self, step: Step) -> str:
        answer = await self._post_until_answered(step)
        body = _json(answer)
        if answer.status_code != step.expect:
            said = f"{problem_of(body)} {body.get('detail', '')} {body.get('errors', '')}"
            return f"answered {answer.status_code} instead of {step.expect}: {said}"
        if answer.headers.get("Idempotent-Replayed"):
            self._played_before.add(step.history)
        again = step.history in self._played_before  # then what was refused may meet another rule first
        if step.problem and problem_of(body) != step.problem and not again:
            return f"refused as {problem_of(body)} instead of {step.problem}"
        if step.accepted:
            write = Write(step, body)
            self.performance.writes.append(write)
            if step.save:
                self.performance.saved[Name(step.history, step.save)] = write
        return ""

    async def _post_until_answered(self, step: Step) -> httpx2.Response:
        url = self._url(step.service) + self._filled(step, step.path)
        body = _mapped(step.body, lambda text: self._filled(step, text))
        organisation = self._filled(step, step.organisation)
        key = str(uuid5(NAMESPACE_URL, f"urn:opennrm:demo:{step.history}#{step.number}"))
        deadline_s = time.monotonic() + STEP_S_MAX
        pause_s = PAUSE_S_FIRST
        while True:
            headers = {"Authorization": f"Bearer {self._mint(organisation, step.role)}", "Idempotency-Key": key}
            out_of_time = time.monotonic() > deadline_s
            try:
                answer = await self._client.post(url, json=body, headers=headers, timeout=REQUEST_S_MAX)
            except httpx2.TransportError:  # nobody knows whether it was recorded: the same key asks again
                if out_of_time:
                    raise
                asked_s = 0.0
            else:
                if out_of_time or not worth_repeating(answer):
                    return answer
                asked_s = _retry_after_s(answer)
            self.performance.retries += 1
            await asyncio.sleep(min(max(pause_s, asked_s), PAUSE_S_MAX))
            pause_s *= 2

    def _filled(self, step: Step, text: str) -> str:
        return REFERENCE.sub(lambda found: str(self._value(step.history, found[1], found[2])), text)

    def _value(self, history: str, word: str, path: str | None) -> Any:  # noqa: ANN401 - a value of an answer
        write = self.performance.saved[self._names.find(history, word)]
        if not path:
            return write.made_id
        value: Any = write.answer
        for part in path.split("."):
            value = value[int(part)] if part.isdigit() else value[part]
        return value


def filled(value: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - a JSON value of any shape
    """A value with what is known in the place of each `${word}`. Raises KeyError where a word is not known."""
    return _mapped(value, lambda text: REFERENCE.sub(lambda found: known[found[1]], text))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - a JSON value of any shape
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _mapped(inner, change) for key, inner in value.items()}
        case list():
            return [_mapped(inner, change) for inner in value]
        case _:
            return value


def worth_repeating(answer: httpx2.Response) -> bool:
    """Tell whether the answer only says "not now": 503, or a 409 about a fact or an equal request still on its way."""
    if answer.status_code == UNAVAILABLE:
        return True
    not_yet = problem_of(_json(answer)) == "not-yet-known" or "Retry-After" in answer.headers
    return answer.status_code == CONFLICT and not_yet


def problem_of(body: dict[str, Any]) -> str:
    """Return the last part of the problem's URN, or nothing where the answer is no problem."""
    return str(body.get("type", "")).removeprefix("urn:opennrm:problem:")


def _retry_after_s(answer: httpx2.Response) -> float:
    try:
        return float(answer.headers.get("Retry-After", "0"))
    except ValueError:  # the header may also be a date; our services send seconds
        return 0.0


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
