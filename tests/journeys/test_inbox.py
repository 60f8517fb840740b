"""Over HTTP: a desk with a bad link posts late, twice, out of order; both sides sign, custody is never empty."""

import asyncio
import json
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from libs.events.catalogue.repatriation import InboxEventHeld
from libs.events.handle import Origin, Recorder, Step, rfc3339
from libs.events.store_postgres import PostgresStore
from libs.runtime import ids
from libs.runtime.database import open_pool
from libs.runtime.keys import master_keys, role_dsn
from libs.runtime.vault import Vault
from nrm.system import System
from services.repatriation.inbox.bodies import inbox_id_of
from services.repatriation.inbox.commands import Hold
from services.repatriation.inbox.decider import HELD
from tests.journeys.test_handover_file import EMBASSY, WHEN, on_its_way, record
from tests.journeys.test_notifications import head, until


def event(case: str, kind: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": uuid4().hex, "source": "/desks/phnom-penh", "subject": case, "time": WHEN,
        "type": f"org.opennrm.repatriation.{kind}.v1", "data": data,
    }  # fmt: skip


async def post(desk: Any, batch: Any, key: str = "") -> Any:
    """Post a batch, as bytes where it was cut off on the way."""
    headers = {
        **desk._headers(), "Content-Type": "application/cloudevents-batch+json", "Idempotency-Key": key or uuid4().hex,  # noqa: SLF001 - raw headers
    }  # fmt: skip
    content = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
    return await desk.client.post(desk.settings.url("repatriation") + "/v1/inbox", content=content, headers=headers)


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 201, answer.text
    return [result["status"] for result in answer.json()["results"]]


async def kept(desk: Any, inbox_id: str) -> dict[str, Any]:
    """What the desk reads of an event that it sent early."""
    for _ in range(200):
        items = (await desk.get("repatriation", "/v1/inbox", limit="500")).json()["items"]
        found: list[dict[str, Any]] = [one for one in items if one["inbox_id"] == inbox_id]
        if found:
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError("it is not kept")


async def test_a_batch_out_of_order_with_bad_ones_cut_off_and_sent_again(speak: Any) -> None:
    desk = speak(EMBASSY, "embassy_desk")
    case, _ = await on_its_way(speak, upto="notified")
    notified = event(case, "notified", by="mosvy")
    batch = [
        event(case, "nationality_verified"), notified, "junk", event(case, "no_such_step"), notified,
        event(case, "handed_over"), {**notified, "data": {"by": "mosvy", "note": "other"}},
    ]  # fmt: skip
    key = uuid4().hex
    cut = await post(desk, json.dumps(batch).encode()[:-40], key)
    assert (cut.status_code, cut.json()["type"]) == (400, "urn:opennrm:problem:malformed-json")
    first = await post(desk, batch, key)
    assert statuses(first) == ["accepted", "accepted", "refused", "refused", "duplicate", "waiting", "refused"]
    results = first.json()["results"]
    assert results[2]["problem"]["errors"] == [{"pointer": "", "detail": "Input should be an object"}]
    assert results[5]["reason"] == "handover-without-consent"
    assert results[5]["missing"] == ["consent_given"]
    assert results[6]["reason"] == "event-id-reused"
    again = await post(desk, batch, key)
    assert again.content == first.content
    assert statuses(await post(desk, batch)) == [
        "duplicate", "duplicate", "refused", "refused", "duplicate", "waiting", "refused",
    ]  # fmt: skip


async def test_an_acknowledgement_waits_for_what_it_confirms_and_settles_the_difference(speak: Any) -> None:
    desk, mosvy = speak(EMBASSY, "embassy_desk"), speak("mosvy", "social_affairs")
    case, repatriation = await on_its_way(speak, upto="notified")
    early = await post(desk, [event(case, "acknowledged", step="notified")])
    assert statuses(early) == ["waiting"]
    assert early.json()["results"][0]["missing"] == ["notified"]
    recorded = await record(mosvy, repatriation, "notified")

    async def acknowledged() -> bool:
        shown = (await mosvy.get("repatriation", f"/v1/repatriations/{repatriation}")).json()
        return [(one["step"], one["by"]) for one in shown["acknowledged"]] == [("notified", EMBASSY)]

    await until(acknowledged)
    assert (await kept(desk, early.json()["results"][0]["inbox_id"]))["step"] == "notified"
    stream = f"{recorded['stream']}:{recorded['version'] + 1}"
    listed = await mosvy.get("views", "/v1/views/cross-border/differences", corridor="KH-VN", limit="500", seen=stream)
    assert not [one for one in listed.json()["items"] if one["repatriation_id"] == repatriation]


async def test_what_waited_too_long_is_given_up_with_what_is_missing_now(speak: Any, system: System) -> None:
    """The limit is 30 days: the event stands as it would after them, and the running service gives it up."""
    desk = speak(EMBASSY, "embassy_desk")
    begin = await head(desk)
    case, repatriation = await on_its_way(speak, upto="travel_document_issued")
    await record(speak("mosvy", "social_affairs"), repatriation, "consent_given", "refused")
    pool = await open_pool(role_dsn(system.settings, "nrm_repatriation"), "test")
    store = PostgresStore(pool, "repatriation")
    await store.start()
    inbox_id = inbox_id_of(EMBASSY, "/desks/old", uuid4().hex)
    held = InboxEventHeld(
        inbox_id=inbox_id, source="/desks/old", event_id="1", case_id=case, organisation=EMBASSY, actor="desk",
        fingerprint="00" * 32, repatriation_id=repatriation, corridor="KH-VN", step="itinerary_agreed", outcome="done",
        by=EMBASSY, requested_by=EMBASSY, occurred_at=WHEN, missing=("started",),
        until=rfc3339(ids.now() - timedelta(seconds=1)),
    )  # fmt: skip
    recorder = Recorder(
        store, "repatriation", Vault(pool, partial(master_keys, system.settings)), ids.now, ids.new_id
    )  # fmt: skip
    origin = Origin(EMBASSY, "desk", "embassy_desk", ids.new_id(), ids.now())
    await recorder.record([Step(HELD, f"inbox-event:{inbox_id}", Hold(held))], origin)
    await store.stop()
    await pool.close()

    async def given_up() -> bool:
        return bool((await kept(desk, inbox_id))["status"] == "expired")

    await until(given_up)
    assert (await kept(desk, inbox_id))["missing"] == ["travel_document_issued"]

    async def told() -> bool:
        items = (await desk.get("views", "/v1/notifications", after=str(begin), limit="500")).json()["items"]
        return any(one["data"].get("inbox_id") == inbox_id and one["data"]["outcome"] == "expired" for one in items)

    await until(told)


async def test_custody_is_never_empty_and_one_side_cannot_sign_for_both(speak: Any) -> None:
    desk, mosvy = speak(EMBASSY, "embassy_desk"), speak("mosvy", "social_affairs")
    case, repatriation = await on_its_way(speak)
    handed = await record(mosvy, repatriation, "handed_over")
    assert handed["custody"] == {"side": "sending", "by": "mosvy", "acknowledged": False}
    seen = f"{handed['stream']}:{handed['version']}"
    listed = (await desk.get("views", "/v1/views/cross-border/differences", seen=seen, limit="500")).json()["items"]
    open_ = [one["step"] for one in listed if one["repatriation_id"] == repatriation and one["alert"]]
    assert open_ == ["handed_over"]
    for by in ("mosvy", "moi"):
        body = {"occurred_at": WHEN, "outcome": "done", "by": by}
        path = f"/v1/repatriations/{repatriation}/steps/receipt_acknowledged"
        alone = await mosvy.post("repatriation", path, body)
        assert (alone.status_code, alone.json()["type"]) == (409, "urn:opennrm:problem:same-side")
    assert statuses(await post(desk, [event(case, "receipt_acknowledged")])) == ["accepted"]
    shown = (await mosvy.get("repatriation", f"/v1/repatriations/{repatriation}")).json()
    assert shown["custody"] == {"side": "receiving", "by": EMBASSY, "acknowledged": True}
    assert shown["status"] == "completed"
