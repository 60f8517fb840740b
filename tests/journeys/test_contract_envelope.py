"""The contract's "event envelope", recomputed by others' code: from the history, and from the topics themselves."""

import asyncio
import json
import re
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from aiokafka import AIOKafkaConsumer

from libs.events import clients
from libs.runtime.settings import SERVICES
from nrm.system import System
from tests.journeys.contract import SMALL, WHEN, assert_problem, opened, send

ATTRIBUTES = (
    "specversion", "id", "datacontenttype", "type", "source", "subject", "time", "occurredat", "stream",
    "streamversion", "position", "organisation", "actor", "role", "correlationid", "traceparent", "prevhash", "hash",
    "data",
)  # fmt: skip
SECRETS = ("សុខា-SECRETGIVEN", "Nguyễn-SECRETFAMILY", "SECRETPLACE", "SECRETSTORY", "SECRETREASON", "1999-09-19")
PERSON = {
    **SMALL,
    "place": {"province": "KH-1", "country": "KH", "detail": SECRETS[2]},
    "person": {
        "given_name": SECRETS[0],
        "family_name": SECRETS[1],
        "date_of_birth": SECRETS[5],
        "sex": "female",
        "nationality": "VN",
    },
    "circumstances": {"continuum": "B", "exploitation": ["servitude"], "narrative": SECRETS[3]},
}
CONSENT = {"occurred_at": WHEN, "kind": "referral", "given": True, "by": "self", "reason": SECRETS[4]}


def recomputed(event: dict[str, Any]) -> str:
    """The hash of an event as an outsider computes it."""
    bare = {name: value for name, value in event.items() if name not in {"hash", "position", "personal"}}
    return sha256(rfc8785.dumps(bare)).hexdigest()


async def _recorded(speak: Any) -> str:
    police = speak("cnp-poipet", "first_responder")
    case = await opened(police, PERSON)
    answer = await send(police, f"/v1/cases/{case}/consents", CONSENT)
    assert not any(secret in answer.text for secret in SECRETS)
    return case


async def test_an_outsider_recomputes_every_hash_and_follows_the_chain(speak: Any) -> None:
    case = await _recorded(speak)
    authority = speak("nrm-authority", "competent_authority")
    history = (await authority.get("audit", f"/v1/cases/{case}/history", seen=f"case:{case}:2")).json()
    head, before = "0" * 64, ""
    for version, event in enumerate(history["events"], 1):
        assert [name for name in ATTRIBUTES if name not in event] == []
        assert event["hash"] == recomputed(event)
        assert (event["streamversion"], event["prevhash"]) == (version, head)
        assert UUID(event["id"]).version == 7
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"])
        assert event["occurredat"] == "2026-03-02T02:00:00.000000Z"
        assert event["time"] > before
        assert not any(secret in json.dumps(event["data"], ensure_ascii=False) for secret in SECRETS)
        head, before = event["hash"], event["time"]
    assert history["complete"]
    assert history["events"][0]["personal"]["given_name"] == SECRETS[0]


async def test_two_clocks_cut_the_history_and_ndjson_is_the_same(speak: Any) -> None:
    case = await _recorded(speak)
    authority = speak("nrm-authority", "competent_authority")
    url = f"/v1/cases/{case}/history"
    events = (await authority.get("audit", url, seen=f"case:{case}:2")).json()["events"]
    assert (await authority.get("audit", url, as_of="2026-03-02T01:59:59Z")).json()["events"] == []
    assert len((await authority.get("audit", url, known_at=events[0]["time"])).json()["events"]) == 1
    lines = (await authority.get("audit", url, format="ndjson")).text.splitlines()
    assert [json.loads(line) for line in lines] == events
    for cut in ("yesterday", "2026-13-02", "2026-03-02T02:00:00"):
        assert_problem(await authority.get("audit", url, as_of=cut), 422)


async def _topic(system: System, service: str) -> list[Any]:
    """Every record of a service's topic up to now."""
    consumer = AIOKafkaConsumer(
        system.settings.topic(service),
        bootstrap_servers=system.settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await clients.start(consumer)
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Any] = []
        while len(found) < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await clients.stop(consumer)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_topic_carries_the_log_dense_and_ciphered(speak: Any, system: System, service: str) -> None:
    case = await _recorded(speak)
    authority = speak("nrm-authority", "competent_authority")
    assert (await authority.get("audit", f"/v1/cases/{case}/history", seen=f"case:{case}:2")).status_code == 200
    records = await asyncio.wait_for(_topic(system, service), 30)
    positions = []
    for record in records:
        event = json.loads(record.value)
        positions.append(event["position"])
        assert event["source"] == f"/services/{service}"
        assert event["type"].startswith(f"org.opennrm.{service}.")
        assert record.key.decode() == event["subject"]
        assert dict(record.headers)["content-type"].startswith(b"application/cloudevents+json")
        assert event["hash"] == recomputed(event)
        assert not any(secret.encode() in record.value for secret in SECRETS)
    assert sorted(positions) == list(range(1, len(positions) + 1))
