"""`POST /v1/cases`, the whole path, and a case's history, against routes that a team would write first."""

import asyncio
import re
import time
from collections.abc import Callable
from uuid import uuid4

import httpx2
import orjson

from bench.measure import Figure, Scale, per_second, percentile
from bench.peers import pgbench, routes
from libs.runtime.auth import mint
from libs.runtime.settings import Settings

CONNECTIONS = 64
HISTORY_EVENTS = 50
HISTORY_READS = 400
CASE = {
    "occurred_at": "2026-03-02T09:00:00+07:00",
    "channel": "raid",
    "place": {"province": "KH-1", "country": "KH"},
    "person": {"given_name": "Bench", "sex": "male", "age_estimate": {"min": 31, "max": 34}, "nationality": "KH"},
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"]},
}


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Requests per second over 64 connections in turn, each on the two cores by itself."""
    port = settings.port_base + 50
    ours = settings.port("identification")
    subjects = {"OpenNRM": (ours, "/v1/cases"), "validating only": (port, "/validate"), "one insert": (port, "/insert")}
    found: dict[str, list[float]] = {name: [] for name in subjects}
    await pgbench.prepare(settings.database_url)
    with routes.serving(port, settings.database_url):
        await _until_up(port)
        for _ in range(scale.runs):
            for name, (at, path) in subjects.items():
                found[name].append(await _rate(at, path, settings, scale.seconds))
    return [Figure("POST, 64 connections", name, "1/s", tuple(rates)) for name, rates in found.items()]


async def history_figures(settings: Settings, scale: Scale) -> list[Figure]:
    """The latency of a history at one connection."""
    port = settings.port_base + 50
    await pgbench.prepare(settings.database_url)
    with routes.serving(port, settings.database_url):
        await _until_up(port)
        runs = [await _history(settings, port) for _ in range(scale.runs)]
    return [
        Figure("history of 50 events", name, "ms", tuple(percentile(run[name], 0.5) for run in runs))
        for name in ("OpenNRM", "validating only")
    ]


class Line:
    """One kept-open connection that speaks just enough HTTP to cost little itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int) -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**22))

    async def ask(self, request: bytes) -> bytes:
        """Send a request and read its answer; the body. Raises RuntimeError where it is none of 2xx."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        body = await self._reader.readexactly(int(length[1])) if length else await self._chunks()
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"a request was answered {head[9:12].decode()}")
        return body

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
        return body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def posting(path: str, settings: Settings) -> Callable[[], bytes]:
    """Makes requests that record a case, each under a key of its own."""
    body = orjson.dumps(CASE)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {_token(settings, 'first_responder')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
    ).encode()
    return lambda: head + uuid4().hex.encode() + b"\r\n\r\n" + body


async def _rate(port: int, path: str, settings: Settings, seconds: float) -> float:
    lines = [await Line.to(port) for _ in range(CONNECTIONS)]
    request = posting(path, settings)

    async def post(number: int) -> None:
        await lines[number].ask(request())

    try:
        return await per_second(post, clients=CONNECTIONS, seconds=seconds)
    finally:
        for line in lines:
            line.close()


async def _history(settings: Settings, peer: int) -> dict[str, list[float]]:
    """Milliseconds of each read of a case of 50 events, and of the validating-only route, in turn."""
    case = await _long_case(settings)
    ours, theirs = await Line.to(settings.port("audit")), await Line.to(peer)
    token = _token(settings, "competent_authority")
    read = f"GET /v1/cases/{case}/history HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    validate = posting("/validate", settings)
    found: dict[str, list[float]] = {"OpenNRM": [], "validating only": []}
    for _ in range(HISTORY_READS):
        for name, line, request in (("OpenNRM", ours, read), ("validating only", theirs, validate())):
            started = time.perf_counter()
            body = await line.ask(request)
            found[name].append((time.perf_counter() - started) * 1000)
            if name == "OpenNRM" and body.count(b'"streamversion"') != HISTORY_EVENTS:
                raise RuntimeError("the history has not the events that were recorded")
    ours.close()
    theirs.close()
    return found


async def _long_case(settings: Settings) -> str:
    """A case with 50 events that the audit process has seen."""
    url = settings.url("identification")
    consent = {"occurred_at": CASE["occurred_at"], "kind": "interview", "given": True, "by": "self"}
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {_token(settings, 'first_responder')}"}) as client:
        made = await client.post(f"{url}/v1/cases", json=CASE, headers={"Idempotency-Key": uuid4().hex})
        case = str(made.json()["case_id"])
        for number in range(HISTORY_EVENTS - 1):
            body = {**consent, "given": number % 2 == 0}
            headers = {"Idempotency-Key": uuid4().hex}
            (await client.post(f"{url}/v1/cases/{case}/consents", json=body, headers=headers)).raise_for_status()
        headers = {"Authorization": f"Bearer {_token(settings, 'competent_authority')}"}
        seen = f"{settings.url('audit')}/v1/cases/{case}/history?seen=case:{case}:{HISTORY_EVENTS}"
        for _ in range(60):
            if (await client.get(seen, headers=headers)).is_success:
                return case
    raise RuntimeError("the audit process did not see the case")


def _token(settings: Settings, role: str) -> str:
    return mint(settings, "bench", role, 3600)


async def _until_up(port: int) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(200):
            try:
                await client.get(f"http://127.0.0.1:{port}/docs")
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
