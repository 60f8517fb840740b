"""The whole system on real parts, once for all journeys, and a client that speaks as an organisation."""

import asyncio
import gzip
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from libs.runtime.auth import mint
from libs.runtime.settings import Settings
from nrm.system import System


def _free_base() -> int:
    """A port base with ten free ports above it; each process looks from another number, so that two do not meet."""
    first = os.getpid() * 20 % 8_000
    for base in (21_000 + (first + step) % 8_000 for step in range(0, 8_000, 20)):
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
            await asyncio.sleep(0.1)
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


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[System]:
    """Every process, started like the launcher does."""
    async with System(settings) as system:
        yield system


class Collector(ThreadingHTTPServer):
    """A stand-in for an OpenTelemetry collector: keeps the spans that processes export (OTLP over HTTP)."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        super().__init__(("127.0.0.1", 0), _Receiver)

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        raw = gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw
        request = ExportTraceServiceRequest.FromString(raw)
        assert isinstance(self.server, Collector)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """The collector that every process of the system exports to."""
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="session")
async def system(
    postgres_url: str, kafka_bootstrap: str, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """The whole system for this run."""
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint
    os.environ["OTEL_BSP_SCHEDULE_DELAY"] = "300"
    settings = Settings(
        database_url=postgres_url,
        kafka_bootstrap_servers=kafka_bootstrap,
        topic_prefix=f"j{uuid4().hex[:8]}",
        data_dir=tmp_path_factory.mktemp("system"),
        port_base=_free_base(),
        webhook_allow="127.0.0.0/8",
        reconcile_s=1,
    )
    async with running(settings) as started:
        yield started


@pytest.fixture(scope="session")
async def speak(system: System) -> AsyncIterator[Any]:
    """`speak("mosvy", "social_affairs")` gives a client."""
    async with httpx2.AsyncClient(timeout=20) as client:
        yield lambda organisation, role: As(client, system.settings, organisation, role)
