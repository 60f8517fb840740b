"""The API's description, completed: the token, the headers, and every problem that an operation may answer."""

from collections.abc import Iterable, Iterator, Mapping

from fastapi import Request
from fastapi.dependencies.models import Dependant
from starlette.routing import BaseRoute

from libs.events.event import JSON
from libs.runtime.problems import Problem, pointer

_READS = ("400", "401", "403", "404", "422", "429", "503")
_WRITES = ("400", "401", "403", "404", "408", "409", "410", "412", "413", "415", "422", "429", "503")
_KEY: dict[str, JSON] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "new for each new request; the same for each repetition of it",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*[!-~][ -~]*$"},
}
_PROBLEM: dict[str, JSON] = {
    "title": "Problem",
    "description": "RFC 9457 problem details; the type is stable, the detail says what to do",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:opennrm:problem:"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["pointer", "detail"],
            },
        },
    },
}
_ANSWER: dict[str, JSON] = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _query_names(dependant: Dependant) -> frozenset[str]:
    """The query parameters that a route knows, its dependencies' too."""
    own = {parameter.alias for parameter in dependant.query_params}
    return frozenset(own.union(*map(_query_names, dependant.dependencies)))


def check_query(request: Request) -> None:
    """Raises 422 for a query key that the route does not know: a misspelt filter would otherwise show everything."""
    if unknown := sorted(set(request.query_params) - _query_names(request.scope["route"].dependant)):
        errors = [{"pointer": pointer([key]), "detail": "is no parameter of this address"} for key in unknown]
        raise Problem(422, "unknown-parameter", "the query has a key that this address does not know", errors=errors)


def complete(document: dict[str, JSON], routes: Iterable[BaseRoute]) -> None:
    """Add what the routes' dependencies ask for and answer."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for route in _flat(routes):
        dependant, path = getattr(route, "dependant", None), getattr(route, "path_format", "")
        if not isinstance(dependant, Dependant):
            continue
        gates = _gates(dependant)
        for method in getattr(route, "methods", ()):
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation and gates:
                _secure(operation, _READS if method == "GET" else _WRITES, writes="_recording" in gates)


def _flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route, those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        yield from [route] if inner is None else _flat(inner.routes)


def _secure(operation: dict[str, JSON], statuses: Iterable[str], *, writes: bool) -> None:
    operation["security"] = [{"token": []}]
    parameters: list[Mapping[str, JSON]] = operation.setdefault("parameters", [])
    if writes and not any(one["name"].lower() == "idempotency-key" for one in parameters):
        parameters.append(_KEY)
    for status in statuses:
        operation["responses"][status] = _ANSWER


def _gates(dependant: Dependant) -> set[str]:
    """Which of the edge's gates a route passes: `reading` or `_recording`."""
    found = {str(getattr(dependant.call, "__qualname__", "")).partition(".<locals>")[0]}
    found = found.union(*map(_gates, dependant.dependencies))
    return found & {"reading", "_recording"}
