"""Who gets in, and that no other site can act for who is in."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI, Request

from libs.runtime.auth import mint
from libs.runtime.settings import Settings
from nrm.portal import portal_app
from portal.sign_in import link

OUTSIDE = "http://evil.example"


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, port_base=9200)


@asynccontextmanager
async def portal(config: Settings, mounts: dict[str, Any] | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    app = portal_app(config, {**(mounts or {}), "all://": httpx2.ASGITransport(app=_unreachable)})
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:9200") as client,
    ):
        yield client


async def _unreachable(_: object, __: object, ___: object) -> None:
    raise httpx2.ConnectError("refused")


async def _sign_in(client: httpx2.AsyncClient, config: Settings, role: str = "social_affairs") -> httpx2.Response:
    return await client.post("/sign-in/token", data={"token": mint(config, "mosvy", role, 600)})


async def test_a_pasted_token_becomes_a_cookie_that_no_script_reads_and_that_does_not_show_it(config: Settings) -> None:
    async with portal(config) as client:
        answer = await _sign_in(client, config)
        home = await client.get("/home")
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Path=/"))
    assert mint(config, "mosvy", "social_affairs", 600)[:20] not in cookie
    assert "mosvy" in home.text
    assert 'href="/shelters"' in home.text
    assert 'href="/card"' not in home.text, "the menu is the role's"


async def test_behind_the_front_door_the_cookie_is_for_https_only(config: Settings) -> None:
    outside = config.model_copy(update={"public_host": "nrm.example.kh"})
    async with portal(outside) as client:
        answer = await client.post("/sign-in/token", data={"token": mint(outside, "mosvy", "social_affairs", 600)})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_a_bad_token_signs_nobody_in(config: Settings, token: str) -> None:
    async with portal(config) as client:
        answer = await client.post("/sign-in/token", data={"token": token})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert (await client.get("/home")).headers["location"].startswith("/sign-in?next=")


async def test_the_printed_link_lets_one_take_a_partys_place(config: Settings) -> None:
    async with portal(config) as client:
        parts = urlsplit(link(config))
        opened = await client.get(f"{parts.path}?{parts.query}")
        choice = await client.get(opened.headers["location"])
        csrf = choice.text.partition('name="csrf" value="')[2].partition('"')[0]
        form = {"csrf": csrf, "role": "auditor", "organisation": "audit-office", "next": "/home"}
        assert (await client.get("/shelters")).status_code == 303, "the link alone reads nothing"
        assert (await client.post("/sign-in/party", data=form)).headers["location"] == "/home"
        assert "audit-office" in (await client.get("/home")).text


async def test_there_is_no_link_where_an_issuer_signs_the_tokens(config: Settings) -> None:
    assert link(config.model_copy(update={"jwks_url": "https://issuer.example/jwks"})) == ""


@pytest.mark.parametrize("kind", ["no token", "another's", "from another site"])
async def test_a_form_from_elsewhere_is_refused(config: Settings, kind: str) -> None:
    async with portal(config) as client:
        await _sign_in(client, config)
        page = (await client.get("/home")).text
        own = page.partition('data-csrf="')[2].partition('"')[0]
        headers = {"Sec-Fetch-Site": "cross-site"} if kind == "from another site" else {}
        csrf = {"no token": "", "another's": "0" * 64}.get(kind, own)
        answer = await client.post("/cases/KH-0000-0000/links", data={"csrf": csrf}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("target", ["//evil.example", OUTSIDE, "/\\evil.example", "/sign-in"])
async def test_signing_in_leads_to_no_other_host(config: Settings, target: str) -> None:
    async with portal(config) as client:
        form = {"token": mint(config, "mosvy", "social_affairs", 600), "next": target}
        assert (await client.post("/sign-in/token", data=form)).headers["location"] == "/home"
        assert (await client.get("/language/km", params={"back": target})).headers["location"] in {"/home", "/sign-in"}


async def test_every_page_forbids_inline_scripts_and_other_hosts(config: Settings) -> None:
    async with portal(config) as client:
        await _sign_in(client, config)
        for path in ("/", "/home", "/sign-in", "/shelters", "/nothing-here"):
            answer = await client.get(path, headers={"Accept": "text/html"})
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert " style=" not in answer.text
            assert " onclick=" not in answer.text


async def test_a_service_that_is_away_is_named(config: Settings) -> None:
    async with portal(config) as client:
        await _sign_in(client, config)
        answer = await client.get("/shelters")
        told = await client.get("/shelters", headers={"Accept-Language": "th"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "«views»" in answer.text
    assert 'lang="th"' in told.text
    assert "บริการ «views» ไม่ตอบ" in told.text


async def test_signing_out_forgets_the_session_and_the_drafts(config: Settings) -> None:
    async with portal(config) as client:
        await _sign_in(client, config)
        csrf = (await client.get("/home")).text.partition('data-csrf="')[2].partition('"')[0]
        answer = await client.post("/sign-out", data={"csrf": csrf})
        assert answer.headers["clear-site-data"] == '"storage"'
        assert (await client.get("/home")).status_code == 303


class Issuer:
    """A small OpenID Connect issuer, true to PKCE: it gives the token only for the verifier of its challenge."""

    def __init__(self, token: str) -> None:
        self.app = FastAPI()
        self.asked: dict[str, list[str]] = {}
        self.given: dict[str, Any] = {}

        @self.app.get("/.well-known/openid-configuration")
        async def discovery() -> dict[str, str]:
            return {
                "authorization_endpoint": "http://issuer.test/authorize",
                "token_endpoint": "http://issuer.test/token",
            }

        @self.app.post("/token")
        async def exchange(request: Request) -> dict[str, str]:
            self.given = dict(await request.form())
            return {"access_token": token, "token_type": "Bearer"}


async def test_openid_connect_with_pkce(config: Settings) -> None:
    config = config.model_copy(update={"oidc_client_id": "portal", "issuer": "http://issuer.test"})
    issuer = Issuer(mint(config, "mosvy", "social_affairs", 600))
    async with portal(config, {"http://issuer.test": httpx2.ASGITransport(app=issuer.app)}) as client:
        sent = parse_qs(urlsplit((await client.get("/sign-in/oidc")).headers["location"]).query)
        assert sent["code_challenge_method"] == ["S256"]
        wrong = await client.get("/sign-in/callback", params={"code": "c", "state": "not-ours"})
        assert wrong.headers["location"].startswith("/sign-in")
        done = await client.get("/sign-in/callback", params={"code": "c", "state": sent["state"][0]})
        assert done.headers["location"] == "/home"
        assert "mosvy" in (await client.get("/home")).text
    assert _challenge(issuer.given["code_verifier"]) == sent["code_challenge"][0]


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
