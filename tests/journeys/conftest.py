"""The whole system on real parts, once for all journeys, and a client that speaks as an organisation."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from libs.runtime.auth import mint
from libs.runtime.settings import Settings
from nrm.system import System


def _free_base() -> int:
    """A port base with ten free ports above it."""
    for base in range(21_000, 29_000, 20):
        try:
            for offset in range(10):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise RuntimeError("no ten free ports")


@dataclass
class As:
    """One organisation in one role, talking to the services."""

    client: httpx2.AsyncClient
    settings: Settings
    organisation: str
    role: str

    async def post(self, service: str, path: str, body: dict[str, Any], *, key: str = "") -> httpx2.Response:
        """Record something under a new idempotency key, waiting out facts that are on their way."""
        headers = self._headers() | {"Idempotency-Key": key or uuid4().hex}
        for _ in range(60):
            answer = await self.client.post(self.settings.url(service) + path, json=body, headers=headers)
            if answer.status_code != 409 or not answer.json()["type"].endswith("not-yet-known"):
                return answer
            await _pause()
        return answer

    async def get(self, service: str, path: str, **query: str) -> httpx2.Response:
        """Read something, waiting out a view that is still behind."""
        for _ in range(10):
            answer = await self.client.get(self.settings.url(service) + path, params=query, headers=self._headers())
            if answer.status_code != 503:
                return answer
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(self.settings, self.organisation, self.role, 3600)}"}


async def _pause() -> None:
    import asyncio  # noqa: PLC0415 - the only place

    await asyncio.sleep(0.1)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[System]:
    """Every process, started like the launcher does."""
    async with System(settings) as system:
        yield system


@pytest.fixture(scope="session")
async def system(
    postgres_url: str, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """The whole system for this run."""
    settings = Settings(
        database_url=postgres_url,
        kafka_bootstrap_servers=kafka_bootstrap,
        topic_prefix=f"j{uuid4().hex[:8]}",
        data_dir=tmp_path_factory.mktemp("system"),
        port_base=_free_base(),
    )
    async with running(settings) as started:
        yield started


@pytest.fixture(scope="session")
async def speak(system: System) -> AsyncIterator[Any]:
    """`speak("mosvy", "social_affairs")` gives a client."""
    async with httpx2.AsyncClient(timeout=20) as client:
        yield lambda organisation, role: As(client, system.settings, organisation, role)
