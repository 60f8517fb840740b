"""The portal over ASGI: the real applications stand where the services' addresses are; some are away."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from libs.runtime.http import make_app
from libs.runtime.settings import Settings
from nrm.portal import SERVED, portal_app

PASSWORD = "not-for-the-outside"  # noqa: S105 - of no database


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


async def _away() -> None:
    raise ConnectionError


def _service(name: str, *missing: str) -> httpx2.ASGITransport:
    return httpx2.ASGITransport(app=make_app(name, [], _nothing, lambda _: dict.fromkeys(missing, _away)))


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        port_base=9100,
        database_url=f"postgresql://admin:{PASSWORD}@db.internal:5432/nrm",
        kafka_bootstrap_servers="kafka.internal:9092",
    )


@asynccontextmanager
async def _portal(config: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    mounts: dict[str, httpx2.AsyncBaseTransport] = {
        config.url("identification"): _service("identification"),
        config.url("referral"): _service("referral", "postgresql <&>"),
        "all://": httpx2.ASGITransport(app=_unreachable),
    }
    app = portal_app(config, mounts)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://portal") as client:
            yield client


async def _unreachable(_: object, __: object, ___: object) -> None:
    raise httpx2.ConnectError("refused")


async def test_the_index_says_who_is_ready_what_is_missing_and_who_is_away(config: Settings) -> None:
    async with _portal(config) as client:
        page = (await client.get("/")).text
    assert page.count('class="service ready"') == 1
    assert "missing: postgresql &lt;&amp;&gt;" in page
    assert page.count("does not answer") == 6
    assert "7 of 8 processes are not ready." in page


async def test_the_index_links_to_every_service_and_loads_nothing_from_elsewhere(config: Settings) -> None:
    async with _portal(config) as client:
        answer = await client.get("/")
        style = await client.get("/assets/portal.css")
    for name in SERVED[1:]:
        assert f'href="{config.url(name)}/docs"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    assert 'src="http' not in answer.text
    assert style.status_code == 200
    assert 'url("http' not in style.text
    assert "@import" not in style.text


async def test_the_index_can_be_used_with_a_screen_reader_and_on_a_phone(config: Settings) -> None:
    async with _portal(config) as client:
        page = (await client.get("/")).text
    for needed in ('<html lang="en">', "<title>", "width=device-width", "<main ", 'role="status"', 'class="skip"'):
        assert needed in page
    assert page.count("<h1>") == 1


async def test_the_well_known_names_every_service_the_broker_and_the_database(config: Settings) -> None:
    async with _portal(config) as client:
        answer = await client.get("/.well-known/opennrm")
    facts = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(facts["services"]) == {
        "portal", "identification", "referral", "aftercare", "justice", "repatriation", "views", "audit",
    }  # fmt: skip
    assert facts["services"]["identification"] == {
        "base_url": "http://127.0.0.1:9101",
        "openapi_url": "http://127.0.0.1:9101/openapi.json",
        "version": "1",
    }
    assert facts["services"]["audit"]["version"] is None
    assert facts["broker"] == {
        "system": "apache-kafka", "kind": "given", "bootstrap_servers": "kafka.internal:9092",
    }  # fmt: skip
    assert facts["database"] == {
        "system": "postgresql", "kind": "given", "address": "db.internal:5432", "name": "nrm",
    }  # fmt: skip


async def test_no_answer_holds_a_password(config: Settings) -> None:
    async with _portal(config) as client:
        for path in ("/", "/.well-known/opennrm", "/metrics", "/health/ready", "/openapi.json"):
            assert PASSWORD not in (await client.get(path)).text


async def test_the_kinds_are_the_launchers_where_it_runs(config: Settings) -> None:
    run = {
        "launcher": os.getpid(),
        "settings": {"database_url": f"postgresql://a:{PASSWORD}@127.0.0.1:5/nrm", "kafka_bootstrap_servers": "k:1"},
        "parts": {"kafka": {"kind": "docker"}, "postgres": {"kind": "local"}},
    }
    (config.data_dir / "run.json").write_text(json.dumps(run))
    async with _portal(config) as client:
        answer = await client.get("/.well-known/opennrm")
    assert answer.json()["broker"]["kind"] == "docker"
    assert answer.json()["database"]["kind"] == "local"
    assert PASSWORD not in answer.text


async def test_behind_the_front_door_the_addresses_are_its_own(config: Settings) -> None:
    outside = config.model_copy(update={"public_host": "nrm.example.kh"})
    async with _portal(outside) as client:
        answer = await client.get("/.well-known/opennrm")
    services = answer.json()["services"]
    assert "internal" not in answer.text
    assert services["portal"]["base_url"] == "https://nrm.example.kh"
    assert services["audit"]["openapi_url"] == "https://audit.nrm.example.kh/openapi.json"


async def test_the_portal_is_ready_while_the_services_are_away(config: Settings) -> None:
    async with _portal(config) as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).json() == {"status": "ready", "missing": []}
        assert "nrm_http_requests_total" in (await client.get("/metrics")).text
