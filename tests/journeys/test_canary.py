"""A marker in every personal field of a case, then a search of every byte that is kept: nowhere in the clear.

Then the person's key is destroyed: the search again, and every answer that could have shown the person.
"""

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.runtime.settings import PROCESSES, SERVICES
from libs.runtime.topics import read_topics
from libs.runtime.vault import KEY_AGE_S_MAX
from nrm.parts.postgres_programs import programs
from tests.journeys.canary import CANARY, POLICE, Story, hidden, tell
from tests.journeys.test_fisherman_given_a_bed import WHEN, _made


def needles(word: str) -> Iterator[bytes]:
    """A word as text, as a dump's hexadecimal, and in base64 at each of its three alignments."""
    raw = word.encode()
    yield raw
    yield raw.hex().encode()
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]


@pytest.fixture(scope="module")
async def story(speak: Any) -> Story:
    """A case that went through every service, with a marker in every personal field."""
    return await tell(speak)


async def _topics(system: Any) -> AsyncIterator[tuple[str, bytes]]:
    """Every record of every topic of this system, as consumed: on disk they are compressed."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=system.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        topics = read_topics(system.settings)
        parts = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    yield part.topic, b"%b %b %r" % (record.key or b"", record.value or b"", record.headers)
    finally:
        await consumer.stop()


def _dumped(url: str, folder: Path) -> bytes:
    dump = programs("", folder, None).folder / "pg_dump"
    return subprocess.run([dump, "--dbname", url], check=True, capture_output=True).stdout


async def kept(system: Any, collector: Any, parts_dir: Path) -> dict[str, bytes]:
    """Every byte that is kept, by where."""
    dump = await asyncio.to_thread(_dumped, system.settings.database_url, system.data_dir)
    found = {"database dump": dump}
    async for topic, record in _topics(system):
        found[topic] = found.get(topic, b"") + record
    logs = [*(system.data_dir / "logs").glob("*"), *parts_dir.rglob("*.log"), *parts_dir.rglob("*.csv")]
    found |= {str(log): log.read_bytes() for log in logs if log.is_file()}
    found["spans"] = str(collector.spans).encode()
    async with httpx2.AsyncClient() as client:
        for process in PROCESSES:
            found[f"metrics of {process}"] = (await client.get(f"{system.settings.url(process)}/metrics")).content
    return found


def _places(found: dict[str, bytes], word: str) -> set[str]:
    return {where for where, content in found.items() for needle in needles(word) if needle in content}


async def _shown(story: Story, speak: Any) -> dict[str, bytes]:
    """Every answer that could show the person to those entitled."""
    case, reader = story.case, speak("nrm-authority", "competent_authority")
    paths = [
        ("identification", f"/v1/cases/{case}"),
        ("audit", f"/v1/cases/{case}/history"),
        ("repatriation", f"/v1/repatriations/{story.repatriation}"),
        ("justice", f"/v1/cases/{case}/victim-charges"),
        ("aftercare", f"/v1/cases/{case}/follow-ups"),
    ]
    answers = {path: await reader.get(service, path) for service, path in paths}
    auditor = speak("audit", "auditor")
    answers["auditor"] = await auditor.get("audit", f"/v1/cases/{case}/history", reason="annual audit")
    answers["police"] = await speak(POLICE, "first_responder").get("identification", f"/v1/cases/{case}")
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    return {path: answer.content for path, answer in answers.items()}


async def _applied(story: Story, speak: Any, least: int) -> dict[str, Any]:
    """The history, once it has that many events."""
    reader = speak("nrm-authority", "competent_authority")
    for _ in range(100):
        history = (await reader.get("audit", f"/v1/cases/{story.case}/history")).json()
        if len(history.get("events", ())) >= least and history["complete"]:
            break
        await asyncio.sleep(0.2)
    assert history["complete"]
    return dict(history)


ABOUT_NO_CASE = {
    ("aftercare", "/v1/shelters/{shelter}/inspections"), ("referral", "/v1/providers/{provider}/offers"),
    ("referral", "/v1/providers/{provider}/registrations"),
}  # fmt: skip
"""What is said of a house, never of a person in it."""
NO_ALERT = {("aftercare", "/v1/alerts/{alert}/resolution", "/reason")}
"""Needs a person who was trafficked again (tests/journeys/test_after_care.py)."""
WORDS_MIN = 5_000
"""A field that takes so many characters is for words, and words tell of a person."""


def _for_words(schema: Any, defined: Any, at: str = "") -> Iterator[str]:
    schema = defined[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _for_words(one, defined, at)
    if schema.get("type") == "string" and schema.get("maxLength", 0) >= WORDS_MIN and "pattern" not in schema:
        yield at
    for name, one in schema.get("properties", {}).items():
        yield from _for_words(one, defined, f"{at}/{name}")
    if isinstance(schema.get("items"), dict):
        yield from _for_words(schema["items"], defined, f"{at}/*")


def _marked(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, str) and value.startswith(CANARY):
        yield at
    for name, one in value.items() if isinstance(value, dict) else ():
        yield from _marked(one, f"{at}/{name}")
    for one in value if isinstance(value, list) else ():
        yield from _marked(one, f"{at}/*")


async def test_every_field_for_words_held_a_marker(story: Story, system: Any) -> None:
    """A new field for words without a marker here turns this red."""
    missing = set()
    async with httpx2.AsyncClient() as client:
        for service in SERVICES:
            api = (await client.get(f"{system.settings.url(service)}/openapi.json")).json()
            for path, operations in api["paths"].items():
                if "post" not in operations or (service, path) in ABOUT_NO_CASE:
                    continue
                route = re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)))
                marked = {
                    at for of, to, body in story.sent if of == service and route.fullmatch(to) for at in _marked(body)
                }
                for content in operations["post"].get("requestBody", {}).get("content", {}).values():
                    defined = api["components"]["schemas"] | content["schema"].get("$defs", {})
                    asked = set(_for_words(content["schema"], defined))
                    missing |= {(service, path, at) for at in asked - marked}
    assert missing == NO_ALERT


async def test_no_store_topic_log_trace_or_metric_holds_the_person(
    story: Story, system: Any, collector: Any, speak: Any, parts_dir: Path
) -> None:
    await _applied(story, speak, 17)
    found = await kept(system, collector, parts_dir)
    topics = {system.settings.topic(service) for service in ("identification", "referral", "justice")}
    assert set(found) >= {system.settings.topic(service) for service in SERVICES}
    assert topics | {"database dump"} <= _places(found, POLICE), "the search itself does not find what is there"
    assert not _places(found, CANARY)
    assert not [answer for answer in story.answers if CANARY.encode() in answer], "stored under idempotency keys"
    shown = await _shown(story, speak)
    assert hidden("corrected-narrative").encode() in shown[f"/v1/cases/{story.case}"]
    assert hidden("conduct").encode() in shown["auditor"]
    seen_by_desk = await speak("kh-embassy-bangkok", "embassy_desk").get("audit", f"/v1/cases/{story.case}/history")
    told = seen_by_desk.json()
    assert {event["source"] for event in told["events"]} == {"/services/repatriation"}
    assert told["withheld"] > 0


async def test_after_shredding_nothing_shows_the_person_and_every_hash_holds(
    story: Story, system: Any, collector: Any, speak: Any, parts_dir: Path
) -> None:
    before = await _applied(story, speak, 17)
    counts = (await speak("nrm-authority", "competent_authority").get("views", "/v1/statistics")).json()
    await _shred(story, speak)
    await asyncio.sleep(KEY_AGE_S_MAX + 0.5)
    after = await _applied(story, speak, len(before["events"]) + 3)
    assert [one["hash"] for one in after["events"]][: len(before["events"])] == [
        one["hash"] for one in before["events"]
    ]
    shown = await _shown(story, speak)
    assert not [path for path, content in shown.items() if f"{CANARY}-".encode() in content]
    assert json.loads(shown[f"/v1/cases/{story.case}"])["personal"] == {"shredded": True}
    assert {"shredded": True} in [event.get("personal") for event in json.loads(shown["auditor"])["events"]]
    assert not _places(await kept(system, collector, parts_dir), CANARY)
    later = (await speak("nrm-authority", "competent_authority").get("views", "/v1/statistics")).json()
    assert later["rows"] == counts["rows"]


async def _shred(story: Story, speak: Any) -> None:
    authority, administrator = speak("nrm-authority", "competent_authority"), speak("opennrm", "administrator")
    path = f"/v1/cases/{story.case}/shredding"
    order = {"occurred_at": WHEN, "reason_code": "court_order", "order_ref": "PP/2026-17"}
    assert (await speak(POLICE, "first_responder").post("identification", path, order)).status_code == 403
    await _made(await authority.post("identification", path, order))
    assert (await authority.post("identification", f"{path}/approval", {"occurred_at": WHEN})).status_code == 409
    done = await _made(await administrator.post("identification", f"{path}/approval", {"occurred_at": WHEN}))
    assert done["shredded"]


async def test_a_shredded_person_takes_no_new_personal_field(story: Story, speak: Any) -> None:
    police, authority = speak(POLICE, "first_responder"), speak("nrm-authority", "competent_authority")
    review = {"occurred_at": WHEN, "reason": hidden("late")}
    answer = await authority.post("identification", f"/v1/cases/{story.case}/reviews", review)
    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:opennrm:problem:person-shredded"
    report = {"occurred_at": WHEN, "case_id": story.case, "note": hidden("late")}
    assert (await police.post("justice", "/v1/reports", report)).status_code == 410
    assert CANARY not in answer.text
