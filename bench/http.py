"""`POST /v1/cases`, the whole path, against the same route that only validates the same body."""

import asyncio
import multiprocessing
import re
import time
from uuid import uuid4

import httpx2
import orjson
import uvicorn
from fastapi import FastAPI, Request

from bench.measure import Figure, per_second, percentile
from libs.runtime.auth import mint
from libs.runtime.settings import Settings
from services.identification.bodies import CaseBody

CONNECTIONS = 64
CASE = {
    "occurred_at": "2026-03-02T09:00:00+07:00",
    "channel": "raid",
    "place": {"province": "KH-1", "country": "KH"},
    "person": {"given_name": "Bench", "sex": "male", "age_estimate": {"min": 31, "max": 34}, "nationality": "KH"},
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"]},
}


def validating_only(port: int) -> None:
    """A process whose route validates the body and answers; nothing else."""
    app = FastAPI()

    @app.post("/v1/cases", status_code=201)
    async def validate(request: Request) -> dict[str, str]:
        return {"channel": CaseBody.model_validate_json(await request.body()).channel}

    uvicorn.run(app, port=port, log_level="error")


async def http_figures(settings: Settings, runs: int, seconds: float) -> list[Figure]:
    """Requests per second with 64 connections, in turn; and the time from a write's answer to a view that has it."""
    port = settings.port_base + 50
    peer = multiprocessing.Process(target=validating_only, args=(port,), daemon=True)
    peer.start()
    found: dict[str, list[float]] = {"POST /v1/cases": [], "validating only": []}
    try:
        async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=CONNECTIONS), timeout=30) as client:
            await _until_up(client, port)
            for _ in range(runs):
                for name, at in (("POST /v1/cases", settings.port("identification")), ("validating only", port)):
                    found[name].append(await _rate(at, settings, seconds))
            seen = [await _seen_after_ms(client, settings) for _ in range(200)]
    finally:
        peer.terminate()
    return [
        *(Figure("POST, 64 connections", name, "per second", tuple(rates)) for name, rates in found.items()),
        Figure("answered to seen in a view", "median", "ms", (percentile(seen, 0.5),)),
        Figure("answered to seen in a view", "99th percentile", "ms", (percentile(seen, 0.99),)),
    ]


async def _rate(port: int, settings: Settings, seconds: float) -> float:
    """Requests per second over connections that stay open, by a client that costs little itself."""
    token = mint(settings, "bench", "first_responder", 3600)
    body = orjson.dumps(CASE)
    head = (
        f"POST /v1/cases HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
    ).encode()
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]

    async def post(number: int) -> None:
        reader, writer = streams[number]
        writer.write(head + uuid4().hex.encode() + b"\r\n\r\n" + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 201 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError("a request was not answered 201")
        length = re.search(rb"content-length: (\d+)", answer.lower())
        await reader.readexactly(int(length[1]) if length else 0)

    try:
        return await per_second(post, clients=CONNECTIONS, seconds=seconds)
    finally:
        for _, writer in streams:
            writer.close()


async def _seen_after_ms(client: httpx2.AsyncClient, settings: Settings) -> float:
    headers = {
        "Authorization": f"Bearer {mint(settings, 'bench', 'first_responder', 3600)}",
        "Idempotency-Key": uuid4().hex,
    }
    made = (await client.post(f"{settings.url('identification')}/v1/cases", json=CASE, headers=headers)).json()
    reader = {"Authorization": f"Bearer {mint(settings, 'bench', 'coordinator', 3600)}"}
    started = time.perf_counter()
    url = f"{settings.url('views')}/v1/statistics?seen={made['stream']}:{made['version']}"
    (await client.get(url, headers=reader)).raise_for_status()
    return (time.perf_counter() - started) * 1000


async def _until_up(client: httpx2.AsyncClient, port: int) -> None:
    for _ in range(100):
        try:
            await client.get(f"http://127.0.0.1:{port}/docs")
        except httpx2.TransportError:
            await asyncio.sleep(0.1)
        else:
            return
