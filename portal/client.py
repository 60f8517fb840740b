"""The services' public HTTP API, as the portal asks it: always as the signed-in caller, never beside the API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

Json = Any
"""A JSON value, or what a template is given."""

TIMEOUT_S = 12.0
"""Longer than a service waits for a fact on its way; a page that waits longer says that the service is away."""

PAGE_MAX = 500
PAGES_MAX = 20
"""At most ten thousand rows of a list are read for one page."""


class Answer(BaseModel):
    """What the portal reads of an answer; keys that it does not know are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


A = TypeVar("A", bound=Answer)


class Away(Exception):
    """A service does not answer, or says that it cannot now."""

    def __init__(self, process: str) -> None:
        super().__init__(process)
        self.process = process


class SignInNeeded(Exception):
    """Nobody is signed in, or the token has expired."""


class Refused(Exception):
    """A service said no; its problem (RFC 9457) says why and what to do."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("type", status))
        self.status = status
        self.name = str(problem.get("type", "")).rpartition(":")[2]
        self.detail = str(problem.get("detail", ""))
        self.errors = [error for error in problem.get("errors", []) if isinstance(error, dict)]


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to something recorded."""

    body: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Client:
    """The services as one caller sees them."""

    http: httpx2.AsyncClient
    url: Callable[[str], str]
    token: str
    reason: str = ""

    async def read(self, shape: type[A], process: str, path: str, **query: object) -> A:
        """An answer in its shape. Raises Away, SignInNeeded, Refused."""
        try:
            return shape.model_validate(await self.get(process, path, **query))
        except ValidationError as fault:
            raise Away(process) from fault

    async def get(self, process: str, path: str, **query: object) -> dict[str, Any]:
        """An answer as it came. Raises as `read`."""
        found = (await self.ask("GET", process, path, params=_given(query))).json()
        if not isinstance(found, dict):
            raise Away(process)
        return found

    async def text(self, process: str, path: str, **query: object) -> str:
        """An answer that is no JSON. Raises as `read`."""
        return (await self.ask("GET", process, path, params=_given(query))).text

    async def every(self, process: str, path: str, **query: object) -> list[dict[str, Any]]:
        """The items of all pages of a list. Raises as `read`."""
        items: list[dict[str, Any]] = []
        cursor: object = None
        for _ in range(PAGES_MAX):
            page = await self.get(process, path, **query, limit=PAGE_MAX, cursor=cursor)
            items += page.get("items", [])
            cursor = page.get("next")
            if not cursor:
                break
        return items

    async def optional(self, process: str, path: str, **query: object) -> dict[str, Any] | None:
        """An answer of a route that a service may not have; None where it has none, or not for this caller."""
        try:
            return await self.get(process, path, **query)
        except Refused as no:
            if no.status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}:
                return None
            raise

    async def post(self, process: str, path: str, body: object, key: str) -> Written:
        """Record something under an idempotency key. Raises as `read`."""
        answer = await self.ask("POST", process, path, json=body, headers={"Idempotency-Key": key})
        return Written(answer.json(), answer.headers.get("idempotent-replayed") == "true")

    async def ask(self, method: str, process: str, path: str, **given: Json) -> httpx2.Response:
        """One request. Raises as `read`."""
        headers = {"Authorization": f"Bearer {self.token}", **given.pop("headers", {})}
        if self.reason and method == "GET":
            given["params"] = {**given.get("params", {}), "reason": self.reason}
        try:
            answer = await self.http.request(
                method, self.url(process) + path, headers=headers, timeout=TIMEOUT_S, **given
            )
        except (httpx2.HTTPError, OSError) as fault:
            raise Away(process) from fault
        if answer.is_success:
            return answer
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise SignInNeeded
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Away(process)
        raise Refused(answer.status_code, _problem(answer))


def _given(query: Mapping[str, object]) -> dict[str, str]:
    """The parameters that have a value; `from_` is `from`."""
    return {name.rstrip("_"): str(value) for name, value in query.items() if value not in (None, "")}


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
