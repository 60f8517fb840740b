"""The portal process: the pages, and the index of the services as a page and as JSON. It asks them over HTTP only."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from libs.events.event import JSON
from libs.runtime import ids, telemetry
from libs.runtime.http import Check, make_app
from libs.runtime.serving import serve
from libs.runtime.settings import PROCESSES, Settings, settings
from nrm.running import running
from portal import app as pages
from portal.visitor import page

ASK_TIMEOUT_S = 1.5
"""The index must not wait for a service that is away."""

SERVED = tuple(name for name in PROCESSES if name != "relay")
"""What the index links to: every process of the contract. The relay answers for its health only."""

router = APIRouter(tags=["index"])


def portal_app(config: Settings, mounts: Mapping[str, httpx2.AsyncBaseTransport] | None = None) -> FastAPI:
    """The application of the portal. `mounts` lets a test put applications where the services' addresses are."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pages.prepare(app, config)
        app.state.versions = {}
        # trust_env=False: the services are never behind the machine's own outgoing proxy
        async with httpx2.AsyncClient(timeout=ASK_TIMEOUT_S, mounts=mounts, trust_env=False) as client:
            app.state.client = client
            yield

    app = make_app("portal", [router, *pages.routers()], lifespan, _checks, config)
    pages.furnish(app)
    return app


def _checks(_: FastAPI) -> Mapping[str, Check]:
    """None: the portal can say that a service is away, so it is ready without any."""
    return {}


@router.get("/", response_class=HTMLResponse)
async def index(request: Request) -> HTMLResponse:
    """The way in, and the services: whether each is ready, and where its documentation is."""
    names = [name for name in PROCESSES if name != "portal"]
    states = await asyncio.gather(*(_readiness(request.app, name) for name in names))
    config: Settings = request.app.state.config
    rows = [
        {"name": name, "state": state, "missing": missing, "base": config.public_url(name), "docs": name in SERVED}
        for name, (state, missing) in zip(names, states, strict=True)
    ]
    away = sum(state != "ready" for state, _ in states)
    return page(request, "index.html", rows=rows, away=away, at=ids.now().strftime("%Y-%m-%d %H:%M:%S"))


@router.get("/.well-known/opennrm")
async def well_known(request: Request) -> Response:
    """Where every service is, its OpenAPI document and version, and what carries and keeps the events."""
    config: Settings = request.app.state.config
    versions = await asyncio.gather(*(_version(request.app, name) for name in SERVED))
    facts = {
        "services": {
            name: {
                "base_url": config.public_url(name),
                "openapi_url": f"{config.public_url(name)}/openapi.json",
                "version": version,
            }
            for name, version in zip(SERVED, versions, strict=True)
        },
        **_parts(config),
    }
    return Response(orjson.dumps(facts), headers={"Cache-Control": "no-store"}, media_type="application/json")


async def _readiness(app: FastAPI, process: str) -> tuple[str, list[str]]:
    """`ready`, `missing` (and what), or `away`."""
    answer = await _ask(app, process, "/health/ready")
    if answer is None:
        return "away", []
    missing = answer.get("missing")
    return ("missing", [str(one) for one in missing]) if missing else ("ready", [])


async def _version(app: FastAPI, process: str) -> str | None:
    """The version that the service's own document states; the last one seen while it is away, null before that."""
    if process == "portal":
        return str(app.version)
    document = await _ask(app, process, "/openapi.json")
    versions: dict[str, str | None] = app.state.versions
    if document and isinstance(document.get("info"), dict):
        versions[process] = str(document["info"].get("version"))
    return versions.get(process)


async def _ask(app: FastAPI, process: str, path: str) -> dict[str, Any] | None:
    """A service's JSON object; None where it does not answer one in time."""
    config: Settings = app.state.config
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            answer = await app.state.client.get(config.url(process) + path)
            body = answer.json()
    except (httpx2.HTTPError, TimeoutError, ValueError, OSError):
        return None
    return body if isinstance(body, dict) else None


def _parts(config: Settings) -> dict[str, JSON]:
    """What carries and keeps the events: as the launcher started it on this data folder, else as it was given.

    Their addresses are told on one's own machine only; behind a front door they are nobody's business.
    """
    found = running(config.data_dir) or {}
    kinds = {name: part["kind"] for name, part in found.get("parts", {}).items()}
    given = found.get("settings", {})
    database = urlsplit(config.database_url or given.get("database_url", ""))
    broker = {"system": "apache-kafka", "kind": kinds.get("kafka", "given")}
    store = {"system": "postgresql", "kind": kinds.get("postgres", "given"), "name": database.path.removeprefix("/")}
    if not config.public_host:
        broker["bootstrap_servers"] = config.kafka_bootstrap_servers or given.get("kafka_bootstrap_servers", "")
        store["address"] = database.netloc.rpartition("@")[2]  # before it stand the user and the password
    return {"broker": broker, "database": store}


if __name__ == "__main__":
    telemetry.configure("portal", settings().log_level)
    serve(portal_app(settings()), settings(), "portal")
