"""What a process takes on: the bucket's arithmetic, the door, and the time."""

import asyncio

import httpx2
import pytest
from fastapi import FastAPI

from libs.runtime.limits import Bounded, Buckets
from libs.runtime.problems import Problem


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(10, clock)
    assert [buckets.wait_s("a") for _ in range(20)] == [0] * 20
    assert buckets.wait_s("a") == pytest.approx(0.1)
    assert buckets.wait_s("b") == 0
    clock.now += 0.5
    assert [buckets.wait_s("a") > 0 for _ in range(6)] == [False] * 5 + [True]
    clock.now += 60
    assert [buckets.wait_s("a") > 0 for _ in range(21)] == [False] * 20 + [True]


def test_without_a_rate_everything_passes() -> None:
    buckets = Buckets(0)
    assert not any(buckets.wait_s("a") for _ in range(10_000))


def test_who_asks_too_often_is_told_when_to_come() -> None:
    buckets = Buckets(1, Clock())
    buckets.check("a")
    buckets.check("a")
    with pytest.raises(Problem) as refused:
        buckets.check("a")
    assert (refused.value.status, refused.value.retry_after_s) == (429, 2)


def _client(app: FastAPI, at_once: int, seconds: float) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=Bounded(app, at_once=at_once, seconds=seconds))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def test_one_too_many_is_refused_at_once_and_health_is_not() -> None:
    app, go = FastAPI(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        await go.wait()
        return "done"

    @app.get("/health/live")
    async def live() -> str:
        return "live"

    async with _client(app, 2, 60) as client:
        inside = [asyncio.create_task(client.get("/slow")) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await client.get("/slow")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "urn:opennrm:problem:overloaded"
        assert (await client.get("/health/live")).status_code == 200
        go.set()
        assert [(await one).status_code for one in inside] == [200, 200]
        assert (await client.get("/slow")).status_code == 200


async def test_what_takes_too_long_is_told_so() -> None:
    app = FastAPI()

    @app.get("/never")
    async def never() -> None:
        await asyncio.Event().wait()

    async with _client(app, 2, 0.05) as client:
        answer = await client.get("/never")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:opennrm:problem:timed-out"
