"""What an error says: RFC 9457 problem details. Never an input's value, a stack trace, or another person's data."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from fastapi import Request, Response
from pydantic import ValidationError

from libs.events.event import JSON

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer other than success, by name. Routes and their helpers raise it."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after_s: int | None = None,
        allow: str = "",
    ) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.allow = allow


def problem_response(request: Request, problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    body: dict[str, JSON] = {
        "type": f"urn:opennrm:problem:{problem.name}",
        "title": problem.name.replace("-", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
    }
    if problem.errors or problem.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        body["errors"] = [dict(error) for error in problem.errors]
    headers = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    if problem.allow:
        headers["Allow"] = problem.allow
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="opennrm"'
    return Response(orjson.dumps(body), problem.status, headers, MEDIA_TYPE)


def invalid(error: ValidationError, prefix: str = "", document: JSON = None) -> Problem:
    """What does not fit the schema, each by JSON pointer (RFC 6901) and without repeating the value.

    With the `document` that was read, a pointer names a place in it, never a branch of the schema.
    """
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    if any(fault["type"] == "json_invalid" for fault in faults):
        return Problem(400, "malformed-json", "the body is not JSON in UTF-8")
    errors = []
    for fault in faults:
        place = (
            fault["loc"] if document is None else _inside(document, fault["loc"], missing=fault["type"] == "missing")
        )
        errors.append({"pointer": prefix + pointer(place), "detail": fault["msg"]})
    return Problem(422, "invalid-request", "the request does not fit the schema; see errors", errors=errors)


def _inside(document: JSON, location: Sequence[int | str], *, missing: bool) -> Sequence[int | str]:
    """The part of pydantic's location that stands in the document, and a key that is missing there."""
    for depth, part in enumerate(location):
        if isinstance(document, dict) and missing and part not in document:
            return location[: depth + 1]
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return location[:depth]
    return location


def pointer(location: Sequence[int | str]) -> str:
    """A JSON pointer from pydantic's location."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
