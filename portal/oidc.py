"""OpenID Connect, authorization code flow with PKCE (RFC 7636): the issuer's token becomes the session's.

The services check the access token themselves (contract, "Requests"): it is a JWT with `org` and `roles`.
"""

import base64
import secrets
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import httpx2
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from libs.runtime.auth import BadToken, IssuerAway
from libs.runtime.settings import Settings
from portal.client import Away, SignInNeeded
from portal.session import session_of
from portal.visitor import seal_of

router = APIRouter(include_in_schema=False)
COOKIE: Final = "nrm_oidc"
FLOW_S: Final = 600


@router.get("/sign-in/oidc")
async def begin(request: Request) -> Response:
    """Send the browser to the issuer; what the answer must match waits in a sealed cookie."""
    config: Settings = request.app.state.config
    if not config.oidc_client_id:
        raise SignInNeeded
    endpoints = await _endpoints(request)
    state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": config.oidc_client_id,
        "redirect_uri": _callback(config),
        "scope": config.oidc_scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    response = RedirectResponse(f"{endpoints['authorization_endpoint']}?{urlencode(asked)}", 303)
    seal = seal_of(request)
    seal.put(response, COOKIE, seal.seal({"state": state, "verifier": verifier}), FLOW_S)
    return response


@router.get("/sign-in/callback")
async def finish(
    request: Request,
    code: Annotated[str, Query(max_length=4_000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Exchange the code for a token. Raises SignInNeeded where the answer is not to our question."""
    config: Settings = request.app.state.config
    waiting = seal_of(request).open(request.cookies.get(COOKIE, "")) or {}
    if not code or not state or not secrets.compare_digest(str(waiting.get("state", "")).encode(), state.encode()):
        raise SignInNeeded
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _callback(config),
        "client_id": config.oidc_client_id,
        "code_verifier": waiting["verifier"],
    }
    if config.oidc_client_secret:
        given["client_secret"] = config.oidc_client_secret
    token = str((await _ask(request, "POST", (await _endpoints(request))["token_endpoint"], given)).get("access_token"))
    try:
        caller = await request.app.state.tokens.caller(f"Bearer {token}")
    except BadToken as fault:
        raise SignInNeeded from fault
    except IssuerAway as fault:
        raise Away("issuer") from fault
    response = RedirectResponse("/home", 303)
    seal_of(request).sign_in(response, session_of(token, caller))
    response.delete_cookie(COOKIE, path="/")
    return response


async def _endpoints(request: Request) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0, section 4: the issuer says where its endpoints are."""
    config: Settings = request.app.state.config
    return await _ask(request, "GET", f"{config.issuer.rstrip('/')}/.well-known/openid-configuration")


async def _ask(request: Request, method: str, url: str, data: dict[str, str] | None = None) -> dict[str, Any]:
    try:
        answer = await request.app.state.client.request(method, url, data=data, timeout=10)
        found = answer.json()
    except (httpx2.HTTPError, ValueError, OSError) as fault:
        raise Away("issuer") from fault
    if answer.status_code != HTTPStatus.OK or not isinstance(found, dict):
        raise SignInNeeded
    return found


def _callback(config: Settings) -> str:
    return f"{config.public_url('portal')}/sign-in/callback"
