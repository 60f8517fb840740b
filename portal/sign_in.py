"""Signing in: by OpenID Connect where it is set up, else (development) by the printed link or a pasted token."""

import time
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import yaml
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from libs.runtime.auth import SLUG, BadToken, Caller, IssuerAway, mint
from libs.runtime.policy import EVERYONE
from libs.runtime.settings import Settings
from portal.client import Away, Client, Refused, SignInNeeded
from portal.session import COOKIE, LANGUAGE_AGE_S, LANGUAGE_COOKIE, Session, session_of
from portal.visitor import Form, page, seal_of, text_of, words_of
from portal.words import LANGUAGES

router = APIRouter(include_in_schema=False)
LINK_ROLE: Final = "portal-link"
"""The role of a link's token: no service knows it, so the link opens nothing but this page's choice."""

LINK_S: Final = 3_600
SESSION_S: Final = 8 * 3_600
PARTIES: Final[list[dict[str, str]]] = yaml.safe_load(
    (Path(__file__).parent / "data" / "parties.yaml").read_text(encoding="utf-8")
)["parties"]
"""Development: the organisations of the demonstration whose place can be taken; its providers are asked for."""


def link(settings: Settings) -> str:
    """The address that `make run` prints: it holds for an hour, on this data folder only. Empty in production."""
    if not is_development(settings):
        return ""
    token = mint(settings, "opennrm", LINK_ROLE, LINK_S)
    return f"{settings.public_url('portal')}/sign-in/link?token={token}"


def is_development(settings: Settings) -> bool:
    """Whether tokens are signed by this data folder's own key."""
    return not settings.jwks_url


@router.get("/sign-in")
async def show(request: Request, after: Annotated[str, Query(alias="next", max_length=500)] = "/home") -> Response:
    """How to sign in here."""
    config: Settings = request.app.state.config
    session = seal_of(request).session(request)
    parties = [*PARTIES, *await _providers(request)] if session and session.chooses else []
    return page(
        request, "sign_in.html", next=_own(after), parties=parties, failed="",
        development=is_development(config), oidc=bool(config.oidc_client_id),
    )  # fmt: skip


@router.get("/sign-in/link")
async def by_link(request: Request, token: Annotated[str, Query(max_length=4_000)]) -> Response:
    """Development: the printed link becomes a session that may choose whose place to take."""
    caller = await _checked(request, token)
    if caller is None or not is_development(request.app.state.config) or LINK_ROLE not in caller.roles:
        return _failed(request)
    expires_at = int(time.time()) + SESSION_S
    session = Session(session_of("", caller).id, "", caller.organisation, (), "", expires_at, chooses=True)
    response = RedirectResponse("/sign-in", 303)
    seal_of(request).sign_in(response, session)
    return response


@router.post("/sign-in/party")
async def as_party(request: Request, form: Form) -> Response:
    """Development: take a party's place, or, with none, go back to the choice."""
    config: Settings = request.app.state.config
    session = seal_of(request).session(request)
    role, organisation = text_of(form, "role"), text_of(form, "organisation")
    known = role in EVERYONE.split() and SLUG.fullmatch(organisation)
    if session is None or not session.chooses or not known or not is_development(config):
        raise SignInNeeded
    token = mint(config, organisation, role, SESSION_S)
    caller = await _checked(request, token)
    assert caller is not None  # we have just signed it
    response = RedirectResponse(_own(text_of(form, "next")), 303)
    seal_of(request).sign_in(response, session_of(token, caller, chooses=True))
    return response


@router.post("/sign-in/token")
async def by_token(request: Request) -> Response:
    """A pasted token (`nrm token`). Nobody is signed in yet, so there is no session that another site could use."""
    form = await request.form()
    token = text_of(form, "token").split()[-1:] or [""]
    caller = await _checked(request, token[0])
    if caller is None or request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return _failed(request)
    response = RedirectResponse(_own(text_of(form, "next")), 303)
    seal_of(request).sign_in(response, session_of(token[0], caller))
    return response


@router.post("/sign-out")
async def sign_out(_: Form) -> Response:
    """Forget the session; the browser forgets its drafts too."""
    response = RedirectResponse("/sign-in", 303, headers={"Clear-Site-Data": '"storage"'})
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/language/{language}")
async def choose_language(
    request: Request, language: str, back: Annotated[str, Query(max_length=500)] = "/"
) -> Response:
    """Remember the language and return to the page."""
    response = RedirectResponse(_own(back), 303)
    if language in LANGUAGES:
        seal_of(request).put(response, LANGUAGE_COOKIE, language, LANGUAGE_AGE_S)
    return response


async def _providers(request: Request) -> list[dict[str, str]]:
    """Development: the providers that are registered here; their organisations are made of their ids."""
    config: Settings = request.app.state.config
    client = Client(request.app.state.client, config.url, mint(config, "opennrm", "coordinator", 60))
    try:
        found = await client.every("referral", "/v1/providers")
    except (Away, Refused, SignInNeeded):
        return []
    return [{"role": "provider", "organisation": str(one["organisation"])} for one in found]


async def _checked(request: Request, token: str) -> Caller | None:
    try:
        caller: Caller = await request.app.state.tokens.caller(f"Bearer {token}")
    except (BadToken, IssuerAway):
        return None
    return caller


def _failed(request: Request) -> Response:
    config: Settings = request.app.state.config
    return page(
        request, "sign_in.html", 401, next="/home", parties=[], failed=words_of(request)("sign_in.failed"),
        development=is_development(config), oidc=bool(config.oidc_client_id),
    )  # fmt: skip


def _own(path: str) -> str:
    """A path of this portal; anything that could lead to another host becomes the home page."""
    parts = urlsplit(path)
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and not parts.netloc
    return path if safe and not path.startswith("/sign-in") else "/home"
