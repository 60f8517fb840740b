"""The pages as one router, and how the portal answers when something is wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from libs.runtime.auth import Tokens
from libs.runtime.settings import Settings
from portal import live, oidc, sign_in
from portal.client import Away, Refused, SignInNeeded
from portal.pages import ROUTERS
from portal.session import Seal
from portal.visitor import page

FOLDER: Final = Path(__file__).parent
Handler = Callable[[Request, Exception], Awaitable[Response]]


def routers() -> list[APIRouter]:
    """Every page."""
    return [sign_in.router, oidc.router, live.router, *ROUTERS]


def prepare(app: FastAPI, config: Settings) -> None:
    """What the pages need while the application serves."""
    app.state.config = config
    app.state.seal = Seal(config)
    app.state.tokens = Tokens(config)
    app.state.pulse = live.Pulse()
    app.state.stopping = asyncio.Event()


def furnish(app: FastAPI) -> None:
    """Fonts, styles and scripts, and the pages for what goes wrong."""
    app.mount("/assets", StaticFiles(directory=FOLDER / "static"), name="assets")
    for fault, answer in ((SignInNeeded, _sign_in), (Away, _away), (Refused, _refused)):
        app.add_exception_handler(fault, answer)
    plain: Any = app.exception_handlers[HTTPException]

    async def not_found(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)  # registered for nothing else
        if "text/html" not in request.headers.get("accept", ""):
            answer: Response = await plain(request, fault)
            return answer
        return page(request, "problem.html", fault.status_code, name="not-found", detail="", errors=[])

    app.add_exception_handler(HTTPException, not_found)


async def _sign_in(request: Request, _: Exception) -> Response:
    if _wants_json(request):
        return Response('{"signed_out":true}', 401, media_type="application/json")
    here = request.url.path if request.method == "GET" else "/home"
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    return RedirectResponse(f"/sign-in?next={quote(here + query)}", 303)


async def _away(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Away)  # registered for nothing else
    if _wants_json(request):
        return Response('{"away":true}', 503, {"Retry-After": "5"}, "application/json")
    response = page(request, "away.html", 503, process=fault.process)
    response.headers["Retry-After"] = "5"
    return response


async def _refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)  # registered for nothing else
    return page(request, "problem.html", fault.status, name=fault.name, detail=fault.detail, errors=fault.errors)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
