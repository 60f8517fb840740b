"""One FastAPI application per process: health, metrics, docs without outside hosts, and every error as a problem."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from swagger_ui_bundle import swagger_ui_path

from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.store import Conflict, Unavailable
from libs.runtime.access import Recorded
from libs.runtime.answers import Replay
from libs.runtime.documents import complete
from libs.runtime.limits import Bounded
from libs.runtime.problems import Problem, pointer, problem_response
from libs.runtime.settings import Settings, settings
from libs.runtime.vault import Shredded

READY_TIMEOUT_S = 2.0
Check = Callable[[], Awaitable[None]]
"""Raises, or does not return in time, where the dependency is away."""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.UndefinedTableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says where a session ends between two of its steps
    asyncpg.InsufficientResourcesError,  # no free session, no space
    ConnectionError,
    TimeoutError,  # of a statement
)
"""A read finds the database away, or a view that its projector, just started, has not laid out yet."""

_BODIES: dict[str, type[BaseModel]] = {}
log = structlog.get_logger()
REQUESTS = Counter("nrm_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("nrm_http_request_seconds", "Time to answer", ["method", "route"])


def make_app(
    title: str,
    routers: Sequence[APIRouter],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    checks: Callable[[FastAPI], Mapping[str, Check]],
    config: Settings | None = None,
) -> FastAPI:
    """The application of a process. `checks` name the dependencies without which it is not ready."""
    app = FastAPI(
        title=f"OpenNRM {title}",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"operation_spans": False, "logs": False},
    )
    for router in routers:
        app.include_router(router)
    app.include_router(_operations(checks))
    app.mount("/docs/assets", StaticFiles(directory=swagger_ui_path), name="docs-assets")
    app.add_middleware(Recorded)
    config = config or settings()
    app.add_middleware(Bounded, at_once=config.requests_at_once, seconds=config.request_seconds)
    app.add_middleware(_Measured)
    _add_error_answers(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def body_schema(model: type[BaseModel], media_type: str = "application/json") -> dict[str, JSON]:
    """`openapi_extra` of a route that reads its own body."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    _BODIES[reference["$ref"]] = model
    return {"requestBody": {"required": True, "content": {media_type: {"schema": reference}}}}


def _operations(checks: Callable[[FastAPI], Mapping[str, Check]]) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The process runs."""
        return {"status": "live"}

    @router.get("/health/ready", responses={503: {"description": "A dependency is missing"}})
    async def ready(request: Request) -> Response:
        """The process can do its work; else 503 and which dependency is missing."""
        missing = [name for name, check in checks(request.app).items() if not await _answers(check)]
        status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
        body = {"status": "missing" if missing else "ready", "missing": missing}
        return Response(orjson.dumps(body), status, media_type="application/json")

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus text."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        """The API, to read and try; its scripts come from this process."""
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=request.app.title,
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )

    return router


async def _answers(check: Check) -> bool:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await check()
    except Exception:  # noqa: BLE001 - whatever is wrong with a dependency, the answer is that it is missing
        return False
    return True


class _Measured:
    """Counts and times every answer by route, never by path: a path holds a case's reference."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            problem = Problem(400, "nul-in-address", "an address holds no NUL character")
            await problem_response(Request(scope), problem)(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            REQUESTS.labels(scope["method"], route, status).inc()
            SECONDS.labels(scope["method"], route).observe(time.perf_counter() - started)


def _add_error_answers(app: FastAPI) -> None:
    def answer(make: Callable[[Any], Problem]) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def handler(request: Request, fault: Exception) -> Response:
            return problem_response(request, make(fault))

        return handler

    app.add_exception_handler(Replay, _replay)
    app.add_exception_handler(Problem, answer(lambda problem: problem))
    app.add_exception_handler(Refused, answer(_refused))
    app.add_exception_handler(Conflict, answer(_conflict))
    app.add_exception_handler(Unavailable, answer(_unavailable))
    for fault in _AWAY:
        app.add_exception_handler(fault, answer(_away))
    app.add_exception_handler(Shredded, answer(_shredded))
    app.add_exception_handler(RequestValidationError, answer(_invalid))
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, answer(_unexpected))


async def _replay(_: Request, replay: Exception) -> Response:
    assert isinstance(replay, Replay)  # registered for nothing else
    return replay.response


def _refused(fault: Refused) -> Problem:
    errors = [{"pointer": fault.pointer, "detail": fault.detail}] if fault.pointer else []
    retry_after_s = 1 if isinstance(fault, NotYetKnown) else None
    return Problem(fault.status, fault.rule, fault.detail, errors=errors, retry_after_s=retry_after_s)


def _conflict(_: Conflict) -> Problem:
    return Problem(409, "conflict", "others changed it at the same moment; retry with the same key", retry_after_s=1)


def _unavailable(_: Unavailable) -> Problem:
    detail = "a dependency is away, the outcome may be unknown; retry with the same Idempotency-Key"
    return Problem(503, "unavailable", detail, retry_after_s=2)


def _away(_: Exception) -> Problem:
    return Problem(503, "unavailable", "a dependency is away or still starting; ask again", retry_after_s=1)


def _shredded(_: Shredded) -> Problem:
    return Problem(410, "person-shredded", "the person's key was destroyed; personal fields cannot be read or added")


def _invalid(fault: RequestValidationError) -> Problem:
    errors = [{"pointer": pointer(one["loc"][1:]), "detail": one["msg"]} for one in fault.errors()]
    return Problem(422, "invalid-request", "the request does not fit the schema; see errors", errors=errors)


async def _http(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)  # registered for nothing else
    name = HTTPStatus(fault.status_code).phrase.lower().replace(" ", "-").replace("'", "")
    detail = HTTPStatus(fault.status_code).description or "see the API's description"
    allow = (fault.headers or {}).get("Allow", "")
    if allow:  # the router names the methods of the first route with this path only
        path = getattr(request.scope.get("route"), "path_format", "")
        allow = ", ".join(sorted(request.app.openapi()["paths"].get(path, {}))).upper() or allow
    return problem_response(request, Problem(fault.status_code, name, detail, allow=allow))


def _unexpected(fault: Exception) -> Problem:
    log.error("http.unexpected", fault=type(fault).__name__)
    return Problem(500, "internal-error", "the fault is ours and has been logged; nothing was recorded")


def _openapi(app: FastAPI) -> dict[str, JSON]:
    """FastAPI's document with the schemas of the bodies that routes read themselves."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in _own_bodies(document):
            schema = _BODIES[name].model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {}) | {_BODIES[name].__name__: schema}
        complete(document, app.routes)
        app.openapi_schema = document
    return app.openapi_schema


def _own_bodies(document: dict[str, JSON]) -> set[str]:
    """The references to bodies that routes read themselves."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    contents = [operation.get("requestBody", {}).get("content", {}) for operation in operations]
    references = {str(content.get("schema", {}).get("$ref")) for each in contents for content in each.values()}
    return references & set(_BODIES)
