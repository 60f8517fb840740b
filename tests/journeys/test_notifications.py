"""Over HTTP: an embassy's desk is told what awaits it, by webhook, stream and list, whatever fails on the way."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from nrm.system import System
from tests.journeys.test_handover_file import EMBASSY, made, on_its_way, record
from tests.receiver import Receiver, listening


async def head(desk: Any) -> int:
    answer = await desk.get("views", "/v1/notifications", limit="1")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["head"])


async def told_of(desk: Any, repatriation: str, after: int) -> list[dict[str, Any]]:
    """What a desk was told of one repatriation, by list."""
    found, following = [], str(after)
    while following:
        answer = (await desk.get("views", "/v1/notifications", after=following, limit="500")).json()
        found += answer["items"]
        following = answer["next"]
    return [one for one in found if one["data"].get("repatriation_id") == repatriation]


async def until(holds: Any, seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not (await holds()):
            await asyncio.sleep(0.1)


@asynccontextmanager
async def hooked(desk: Any, **body: Any) -> AsyncIterator[tuple[Receiver, dict[str, Any]]]:
    """A receiver that the desk has registered."""
    with listening() as receiver:
        webhook = await made(await desk.post("views", "/v1/webhooks", {"url": receiver.url, **body}))
        receiver.secret = webhook["secret"]
        yield receiver, webhook
        headers = desk._headers()  # noqa: SLF001 - the client has no DELETE of its own
        url = desk.settings.url("views") + f"/v1/webhooks/{webhook['webhook_id']}"
        assert (await desk.client.delete(url, headers=headers)).status_code == 204


async def test_a_desk_is_told_in_order_though_its_receiver_fails_and_the_sender_is_killed(
    speak: Any, system: System
) -> None:
    desk = speak(EMBASSY, "embassy_desk")
    begin = await head(desk)
    async with hooked(desk) as (receiver, webhook):
        receiver.failures = 1
        case, repatriation = await on_its_way(speak, upto="notified")
        await record(speak("mosvy", "social_affairs"), repatriation, "notified")

        async def told() -> bool:
            mine = await told_of(desk, repatriation, begin)
            return {one["type"] for one in mine} >= {"repatriation.overdue", "repatriation.awaiting"}

        await until(told)
        before = system.processes["views"].pid
        system.kill("views", signal.SIGKILL)
        await system.until(lambda: system.processes["views"].pid != before)
        await system.wait_ready("views")
        mine = await told_of(desk, repatriation, begin)

        async def arrived() -> bool:
            return {one["id"] for one in mine} <= set(receiver.ids)

        await until(arrived)
        firsts = list(dict.fromkeys(receiver.ids))
        positions = {one["id"]: one["position"] for one in receiver.taken}
        assert [positions[name] for name in firsts] == sorted(positions.values())
        assert next(one for one in receiver.taken if one["id"] == mine[0]["id"]) == mine[0]
        assert receiver.refused_ids == firsts[:1]
        assert receiver.forged == 0
        sent = json.dumps(receiver.taken, ensure_ascii=False)
        assert case not in sent
        assert "Hằng" not in sent
        shown = (await desk.get("views", f"/v1/webhooks/{webhook['webhook_id']}")).json()
        assert (shown["status"], "secret" in shown) == ("active", False)
        receiver.taken.clear()
        path = f"/v1/webhooks/{webhook['webhook_id']}/replay"
        await made(await desk.post("views", path, {"after": mine[0]["position"] - 1}))

        async def again() -> bool:
            return bool(receiver.taken) and receiver.taken[-1]["position"] >= mine[-1]["position"]

        await until(again)
        assert receiver.taken[0] == mine[0]


async def test_the_authority_is_told_of_the_decision_that_a_case_waits_for(speak: Any) -> None:
    police, authority = speak("cnp-kandal", "first_responder"), speak("nrm-authority", "competent_authority")
    begin, when = await head(authority), "2026-03-02T09:00:00+07:00"
    person = {"given_name": "Sreymom", "sex": "female", "age_estimate": {"min": 22, "max": 24}, "nationality": "KH"}
    case = await made(
        await police.post("identification", "/v1/cases", {
            "occurred_at": when, "channel": "raid", "place": {"province": "KH-8", "country": "KH"}, "person": person,
            "circumstances": {"continuum": "B", "exploitation": ["forced_labour"]},
        })
    )  # fmt: skip

    async def mine() -> list[dict[str, Any]]:
        items = (await authority.get("views", "/v1/notifications", after=str(begin), limit="500")).json()["items"]
        return [one for one in items if one["data"].get("case_id") == case["case_id"]]

    async def told() -> bool:
        return {one["type"] for one in await mine()} == {"identification.awaiting", "identification.overdue"}

    await until(told)
    assert {one["data"]["what"] for one in await mine()} == {"first_decision"}
    assert "Sreymom" not in json.dumps(await mine())


async def test_a_stream_goes_on_where_it_broke(speak: Any) -> None:
    desk, mosvy = speak(EMBASSY, "embassy_desk"), speak("mosvy", "social_affairs")
    begin = await head(desk)
    _, repatriation = await on_its_way(speak, upto="notified")
    await record(mosvy, repatriation, "notified")

    async def enough() -> bool:
        return len(await told_of(desk, repatriation, begin)) >= 2

    await until(enough)
    listed = (await desk.get("views", "/v1/notifications", after=str(begin), limit="2")).json()["items"]
    first = await streamed(desk, str(begin), 1)
    second = await streamed(desk, first[0]["id"], 1)
    assert [json.loads(one["data"]) for one in first + second] == listed
    assert [one["event"] for one in first + second] == [one["type"] for one in listed]


async def streamed(desk: Any, last: str, count: int) -> list[dict[str, str]]:
    """The next events of the stream."""
    headers = {**desk._headers(), "Accept": "text/event-stream", "Last-Event-ID": last}  # noqa: SLF001 - raw headers
    found: list[dict[str, str]] = []
    url = desk.settings.url("views") + "/v1/notifications"
    async with asyncio.timeout(60), desk.client.stream("GET", url, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name in {"event", "data", "id"}:
                event[name] = value
            elif not line and event:
                found.append(event)
                event = {}
            if len(found) == count:
                return found
    return found


async def test_the_same_key_registers_once_and_a_rotation_keeps_the_old_secret_for_a_while(speak: Any) -> None:
    desk, key = speak("la-embassy-phnom-penh", "embassy_desk"), uuid4().hex
    with listening() as receiver:
        body = {"url": receiver.url, "kinds": ["repatriation.overdue"]}
        first = await desk.post("views", "/v1/webhooks", body, key=key)
        again = await desk.post("views", "/v1/webhooks", body, key=key)
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        other = await desk.post("views", "/v1/webhooks", {"url": receiver.url}, key=key)
        assert other.json()["type"].endswith("idempotency-key-reused")
        path = f"/v1/webhooks/{first.json()['webhook_id']}/secret"
        rotated = await made(await desk.post("views", path, {}))
        assert rotated["secret"] != first.json()["secret"]
        items = (await desk.get("views", "/v1/webhooks")).json()["items"]
        assert [one["webhook_id"] for one in items] == [first.json()["webhook_id"]]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://10.0.0.1/hook"}, "/url"),
        ({"url": "https://169.254.169.254/latest/meta-data/"}, "/url"),
        ({"url": "http://93.184.216.34/"}, "/url"),
        ({"url": "gopher://127.0.0.1/"}, "/url"),
        ({"url": "http://127.0.0.1:9/", "kinds": ["everything"]}, "/kinds/0"),
        ({"url": "http://127.0.0.1:9/", "colour": "red"}, "/colour"),
        ({}, "/url"),
    ],
)
async def test_what_is_refused_is_named(speak: Any, body: dict[str, Any], pointer: str) -> None:
    answer = await speak(EMBASSY, "embassy_desk").post("views", "/v1/webhooks", body)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_who_may_not(speak: Any) -> None:
    for organisation, role in (("some-court", "justice"), ("molvt", "labour"), ("cnc", "coordinator")):
        asker = speak(organisation, role)
        assert (await asker.get("views", "/v1/notifications")).status_code == 403
        assert (await asker.post("views", "/v1/webhooks", {"url": "https://example.org/"})).status_code == 403
    desk, other = speak(EMBASSY, "embassy_desk"), speak("th-embassy-phnom-penh", "embassy_desk")
    async with hooked(desk) as (_, webhook):
        path = f"/v1/webhooks/{webhook['webhook_id']}"
        assert (await other.get("views", path)).status_code == 404
        assert (await other.post("views", f"{path}/replay", {"after": 0})).status_code == 404
        beyond = await desk.post("views", f"{path}/replay", {"after": 10**9})
        assert beyond.status_code == 422
    assert (await desk.get("views", "/v1/notifications", after="-1")).status_code == 422
