"""A ministry signs what it posts: kept in the event, checked offline, and not even the superuser forges another."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import orjson
import pytest

from libs.events.envelope import canonical
from libs.runtime.auth import mint
from libs.runtime.ids import new_case_reference, new_id
from libs.runtime.settings import Settings
from libs.transparency.bundle import SUBMITTERS
from libs.transparency.submissions import SUBMITTERS_STREAM
from libs.transparency.verify import verify_folder
from nrm.log.exporting import Wanted, export
from nrm.system import System
from tests.journeys.conftest import As, _free_base, running
from tests.journeys.test_fisherman_given_a_bed import CASE
from tests.journeys.test_handover_file import EMBASSY, on_its_way, record
from tests.journeys.test_imports import COUNTS, done, register
from tests.journeys.test_inbox import event, statuses
from tests.journeys.test_notifications import until
from tests.submitter_kit import Submitter, registry

POLICE, MOSVY, DESK = Submitter("cnp-poipet"), Submitter("mosvy", b"M" * 32), Submitter(EMBASSY, b"E" * 32)
RETIRED = Submitter("cnp-poipet", b"R" * 32, "cnp-poipet-2025")
SALT = "tH3Qp1x9Zk2v7Wm4Rb8Ys5"


@pytest.fixture(scope="module")
async def signing(parts_dir: Path, kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[System]:
    """A system of its own with its own PostgreSQL: roles belong to a server, and each folder has its passwords."""
    (parts_dir / "signing").mkdir(mode=0o711)
    settings = Settings(
        data_dir=parts_dir / "signing",
        kafka_bootstrap_servers=kafka_bootstrap,
        topic_prefix=topic_prefix,
        port_base=_free_base(),
    )
    police = POLICE.entry(signs_from=datetime.now(UTC).isoformat())
    retired = RETIRED.entry(valid_until="2026-02-01T00:00:00Z")["keys"]
    keys = registry({**police, "keys": police["keys"] + retired}, MOSVY.entry(), DESK.entry())
    (settings.data_dir / SUBMITTERS).write_bytes(keys)
    async with running(settings) as started:
        yield started


class Post:
    """One request of an organisation, signed or not, changed on its way or not."""

    def __init__(self, system: System, by: Submitter = POLICE, **body: Any) -> None:
        self.settings, self.by, self.key = system.settings, by, uuid4().hex
        self.url = system.settings.url("identification") + "/v1/cases"
        self.raw = json.dumps({**CASE, "salt": SALT, **body}).encode()
        self.token = mint(system.settings, "cnp-poipet", "first_responder", 600)

    def signed(self, **how: Any) -> dict[str, str]:
        return self.by.headers(self.url, self.raw, self.key, **how)

    async def send(self, headers: dict[str, str], raw: bytes | None = None) -> httpx2.Response:
        standard = {"Content-Type": "application/json", "Idempotency-Key": self.key}
        async with httpx2.AsyncClient(timeout=30) as client:
            return await client.post(
                self.url,
                content=self.raw if raw is None else raw,
                headers={**standard, **headers, "Authorization": f"Bearer {self.token}"},
            )


def problem(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_every_signature_that_does_not_hold_is_refused_by_name(signing: System) -> None:
    post = Post(signing)
    good = post.signed()
    without_digest = {name: value for name, value in good.items() if name != "Content-Digest"}
    other_body = post.raw.replace(b"KH-1", b"KH-2")
    old = datetime.now(UTC) - timedelta(minutes=6)
    stranger, forger = Submitter("cnp-poipet", b"Z" * 32, "nobody"), Submitter("cnp-poipet", b"Z" * 32)
    for headers, raw, expected in (
        ({}, None, (401, "signature-required")),
        (without_digest, None, (400, "incomplete-signature")),
        (good, other_body, (400, "bad-content-digest")),
        (
            {**good, "Content-Digest": post.signed()["Content-Digest"], "Idempotency-Key": "k"},
            None,
            (401, "bad-signature"),
        ),
        (stranger.headers(post.url, post.raw, post.key), None, (401, "unknown-signature-key")),
        (MOSVY.headers(post.url, post.raw, post.key), None, (401, "unknown-signature-key")),
        (RETIRED.headers(post.url, post.raw, post.key), None, (401, "unknown-signature-key")),
        (forger.headers(post.url, post.raw, post.key), None, (401, "bad-signature")),
        (post.signed(created=old), None, (401, "stale-signature")),
        (post.signed(covers=("@method", "@path")), None, (400, "incomplete-signature")),
        ({**good, "Signature": "no structured field"}, None, (401, "bad-signature")),
    ):
        assert problem(await post.send(headers, raw)) == expected
    unsalted = Post(signing, salt="short")
    answer = await unsalted.send(unsalted.signed())
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == "/salt"


async def _posted(caller: As, by: Submitter, service: str, path: str, raw: bytes, kind: str) -> httpx2.Response:
    """A signed request of another kind than JSON."""
    url, key = caller.settings.url(service) + path, uuid4().hex
    standard = {"Content-Type": kind, "Idempotency-Key": key, **caller._headers()}  # noqa: SLF001 - raw headers
    return await caller.client.post(url, content=raw, headers={**by.headers(url, raw, key), **standard})


async def test_what_a_signed_batch_and_a_signed_file_lead_to_keeps_the_signature(
    signing: System, tmp_path: Path
) -> None:
    async with httpx2.AsyncClient(timeout=60) as client:
        desk, mosvy = (
            As(client, signing.settings, *who) for who in ((EMBASSY, "embassy_desk"), ("mosvy", "social_affairs"))
        )
        case, repatriation = await on_its_way(partial(As, client, signing.settings), upto="notified")
        early = event(case, "acknowledged", step="notified")
        raw = json.dumps([{**early, "salt": SALT}, early | {"id": "unsalted"}]).encode()
        answer = await _posted(desk, DESK, "repatriation", "/v1/inbox", raw, "application/cloudevents-batch+json")
        assert statuses(answer) == ["waiting", "refused"]
        assert answer.json()["results"][1]["problem"]["errors"][0]["pointer"] == "/salt"
        await record(mosvy, repatriation, "notified")

        async def acknowledged() -> bool:
            shown = await mosvy.get("repatriation", f"/v1/repatriations/{repatriation}")
            return [one["by"] for one in shown.json()["acknowledged"]] == [EMBASSY]

        await until(acknowledged)
        file = register()[0].encode()
        form = await _posted(mosvy, MOSVY, "identification", "/v1/imports/mosvy", b"no form", "multipart/form-data")
        assert problem(form) == (400, "malformed-form")
        report = await done(mosvy, await _posted(mosvy, MOSVY, "identification", "/v1/imports/mosvy", file, "text/csv"))
        assert report["counts"] == COUNTS
    await export(signing.settings, Wanted(), tmp_path)
    verified = verify_folder(tmp_path)
    assert verified.findings == ()
    lines = [orjson.loads(line) for line in (tmp_path / "events.ndjson").read_bytes().splitlines()]
    by_desk = {line["type"].split(".")[3] for line in lines if line["organisation"] == EMBASSY}
    assert by_desk == {"inbox_event_held", "acknowledged", "inbox_event_settled", "batch_received"}
    of_file = [line for line in lines if line["correlationid"] == report["import_id"]]
    kinds = {line["type"].split(".")[3] for line in of_file}
    assert kinds == {"import_started", "identified", "source_recorded", "import_finished"}
    led_to = [*of_file, *(line for line in lines if line["organisation"] == EMBASSY)]
    assert [line["type"] for line in led_to if "submissionsignature" not in line] == []
    assert {line["data"]["organisation"] for line in lines if line["stream"] == SUBMITTERS_STREAM} == {
        "cnp-poipet", "mosvy", EMBASSY,
    }  # fmt: skip


async def test_a_signed_request_is_kept_replayed_exported_and_verified(signing: System, tmp_path: Path) -> None:
    settings = signing.settings
    post = Post(signing)
    answer = await post.send(post.signed())
    assert answer.status_code == 201, answer.text
    case, event = answer.json()["case_id"], answer.json()["events"][0]["id"]
    again = await post.send(post.signed(created=datetime.now(UTC) - timedelta(hours=1)))
    assert (again.status_code, again.content, again.headers["Idempotent-Replayed"]) == (201, answer.content, "true")

    async with httpx2.AsyncClient(timeout=30) as client:
        history = await client.get(
            f"{settings.url('audit')}/v1/cases/{case}/history",
            params={"seen": f"case:{case}:1"},
            headers={"Authorization": f"Bearer {mint(settings, 'nrm-authority', 'competent_authority', 600)}"},
        )
    [shown] = history.json()["events"]
    assert shown["submitted"] == {"body": post.raw.decode(), "digest_matches": True}
    assert "តារា" not in json.dumps({**shown, "personal": {}, "submitted": {}}, ensure_ascii=False)

    await export(settings, Wanted(), tmp_path)
    report = verify_folder(tmp_path)
    assert report.findings == ()
    assert report.signed

    forged = await _forge_as_superuser(settings, event)
    await export(settings, Wanted(), tmp_path)
    report = verify_folder(tmp_path)
    assert {(one.event_id, one.what) for one in report.findings} == {
        (forged["unsigned"], "forged: cnp-poipet signs what it posts, and this has no signature"),
        (forged["replayed"], "forged: this signature belongs to another request"),
    }


async def _forge_as_superuser(settings: Settings, event_id: str) -> dict[str, str]:
    """Two events in the police's name, as only who owns the database can write them: each with a good hash."""
    admin = await asyncpg.connect(settings.database_url)
    made = {}
    try:
        body = await admin.fetchval("SELECT body FROM identification.event WHERE id = $1", event_id)
        for how in ("unsigned", "replayed"):
            case, envelope = new_case_reference(), orjson.loads(body)
            envelope |= {"id": new_id(), "subject": case, "stream": f"case:{case}", "correlationid": new_id()}
            envelope["data"]["case_id"] = case
            if how == "unsigned":
                envelope = {name: value for name, value in envelope.items() if not name.startswith("submission")}
            raw = canonical(envelope)
            await admin.execute(
                "INSERT INTO identification.event VALUES ($1, 1, $2, $3, $4, $5)",
                envelope["stream"], envelope["id"], case, hashlib.sha256(raw).digest(), raw,
            )  # fmt: skip
            await admin.execute(
                "INSERT INTO identification.outbox (stream, version) VALUES ($1, 1)", envelope["stream"]
            )  # fmt: skip
            made[how] = envelope["id"]
    finally:
        await admin.close()
    return made
