"""The audit process on a real PostgreSQL and a real Kafka: from a POST to a proof, an export, and who looked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import orjson
import pytest
from fastapi import FastAPI

from libs.runtime.auth import mint
from libs.runtime.service import service_app
from libs.runtime.settings import Settings
from libs.transparency.checkpoint import Policy
from libs.transparency.merkle import verify_consistency, verify_inclusion
from libs.transparency.note import VerifierKey
from libs.transparency.receipt import open_receipt
from libs.transparency.verify import verify_folder
from nrm.audit import audit_app
from nrm.log.exporting import Wanted, export
from nrm.migrate import migrate
from nrm.relay import relay_app
from services.identification.api import router
from services.identification.reactions import KNOWN

CASE = {
    "occurred_at": "2026-03-01T08:00:00+07:00",
    "channel": "border_screening",
    "place": {"province": "KH-1", "country": "KH"},
    "person": {"given_name": "Sok Dara", "sex": "male", "age_estimate": {"min": 20, "max": 25}, "nationality": "KH"},
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"], "narrative": "he was sold at sea"},
}
AUDITOR = ("national-audit", "auditor")
POLICE = ("cnp-poipet", "first_responder")


@dataclass
class World:
    """The running parts and a way to talk to them."""

    settings: Settings
    services: httpx2.AsyncClient
    audit: httpx2.AsyncClient

    async def post(self, path: str, body: dict[str, Any], who: tuple[str, str] = POLICE) -> dict[str, Any]:
        headers = self._as(who) | {"Idempotency-Key": uuid4().hex}
        answer = await self.services.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(
        self, path: str, who: tuple[str, str] = AUDITOR, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        for _ in range(100):
            answer = await self.audit.get(path, headers=self._as(who) | (headers or {}))
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(0.1)
        return answer

    def _as(self, who: tuple[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(self.settings, *who, 3600)}"}

    async def case(self) -> dict[str, Any]:
        """A case with two events."""
        opened = await self.post("/v1/cases", CASE)
        consent = {"occurred_at": "2026-03-02T08:00:00+07:00", "kind": "referral", "given": True, "by": "self"}
        return await self.post(f"/v1/cases/{opened['case_id']}/consents", consent)

    async def history(self, written: dict[str, Any], query: str = "", reason: str = "") -> dict[str, Any]:
        headers = {"X-Access-Reason": reason} if reason else {}
        seen = f"seen={written['stream']}:{written['version']}"
        answer = await self.get(f"/v1/cases/{written['case_id']}/history?{seen}{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client,
    ):
        yield client


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    await migrate(settings)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(
            running(service_app("identification", router, KNOWN, config=settings))
        )
        await stack.enter_async_context(running(relay_app(settings, ["identification"])))
        yield World(settings, services, await stack.enter_async_context(running(audit_app(settings))))


@pytest.fixture
async def superuser(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_every_recorded_event_gets_a_proof_that_anyone_can_check(world: World) -> None:
    written = await world.case()
    [event] = written["events"]
    await world.history(written)
    proof = (await world.get(f"/v1/log/proofs/inclusion?hash={event['hash']}")).json()
    verifier = [VerifierKey.parse(line) for line in (await world.get("/v1/log/key")).text.splitlines()]
    head = Policy.of(verifier).open(proof["checkpoint"])
    path = [bytes.fromhex(one) for one in proof["path"]]
    verify_inclusion(proof["index"], head.size, bytes.fromhex(proof["leaf_hash"]), path, head.root)
    assert proof["event_id"] == event["id"]
    receipt = open_receipt((await world.get(f"/v1/log/receipt?hash={event['hash']}")).content, verifier)
    assert receipt.event_hash == event["hash"]
    grown = (await world.get(f"/v1/log/proofs/consistency?from=1&to={head.size}")).json()
    roots = [bytes.fromhex(grown[name]) for name in ("from_root", "to_root")]
    verify_consistency(1, roots[0], head.size, roots[1], [bytes.fromhex(one) for one in grown["path"]])
    assert (await world.get(f"/v1/log/proofs/inclusion?hash={'0' * 64}")).status_code == 404


async def test_a_history_is_whole_in_two_clocks(world: World) -> None:
    written = await world.case()
    history = await world.history(written)
    assert [event["type"].split(".")[3] for event in history["events"]] == ["identified", "consent_recorded"]
    assert history["complete"]
    then = await world.history(written, "&as_of=2026-03-01T23:00:00Z")
    assert len(then["events"]) == 1
    assert (await world.history(written, "&known_at=2026-03-03T00:00:00Z"))["events"] == []
    lines = await world.get(f"/v1/cases/{written['case_id']}/history?format=ndjson")
    assert [orjson.loads(line) for line in lines.text.splitlines()] == history["events"]


async def test_an_auditor_sees_names_only_for_a_reason_and_all_of_it_is_on_record(world: World) -> None:
    written = await world.case()
    path = f"/v1/cases/{written['case_id']}/history"
    assert not any("personal" in event for event in (await world.history(written))["events"])
    named = await world.history(written, reason="complaint 7")
    assert named["events"][0]["personal"]["given_name"] == "Sok Dara"
    assert (await world.get(path, ("ngo-elsewhere", "first_responder"))).status_code == 403
    items = (await world.get(f"/v1/access-log?case={written['case_id']}")).json()["items"]
    seen = [(one["organisation"], one["action"], one["outcome"], one["reason"]) for one in items]
    assert seen[-3:] == [
        ("ngo-elsewhere", "history.read", "refused", None),
        ("national-audit", "history.read_names_with_reason", "allowed", "complaint 7"),
        ("national-audit", "history.read", "allowed", None),
    ]
    assert {one["process"] for one in items} == {"nrm_audit"}


async def test_no_read_is_answered_that_cannot_be_recorded(world: World, superuser: asyncpg.Connection) -> None:
    written = await world.case()
    await world.history(written)
    await superuser.execute("REVOKE EXECUTE ON FUNCTION access.record FROM nrm_audit")
    try:
        headers = {"Authorization": f"Bearer {mint(world.settings, *AUDITOR, 60)}"}
        answer = await world.audit.get(f"/v1/cases/{written['case_id']}/history", headers=headers)
    finally:
        await superuser.execute("GRANT EXECUTE ON FUNCTION access.record TO nrm_audit")
    assert answer.status_code == 503
    assert "events" not in answer.json()


async def test_exports_verify_and_name_what_a_superuser_changed(
    world: World, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    written = await world.case()
    await world.history(written)
    [event] = written["events"]
    wanted = {"whole": Wanted(), "case": Wanted(written["case_id"])}
    for name, one in wanted.items():
        done = await export(world.settings, one, tmp_path / name)
        report = await asyncio.to_thread(verify_folder, tmp_path / name)
        assert report.findings == ()
        assert (report.events, done.settled) == (done.events, True)
    assert (await export(world.settings, wanted["case"], tmp_path / "case")).events == 2
    honest = await superuser.fetchval("SELECT body FROM audit_trail.event WHERE id = $1", event["id"])
    schema = await superuser.fetchval(
        "SELECT name || '_g' || number FROM projection.generation WHERE live AND name = 'audit_trail'"
    )
    forged = honest.replace('"given":true', '"given":false')
    await superuser.execute(f"UPDATE {schema}.event SET body = $1 WHERE id = $2", forged, event["id"])
    try:
        for name, one in wanted.items():
            await export(world.settings, one, tmp_path / name)
            report = await asyncio.to_thread(verify_folder, tmp_path / name)
            assert {finding.event_id for finding in report.findings} == {event["id"]}
        assert not (await world.history(written))["complete"]
    finally:
        await superuser.execute(f"UPDATE {schema}.event SET body = $1 WHERE id = $2", honest, event["id"])


async def test_every_event_streams_in_log_order(world: World) -> None:
    written = await world.case()
    await world.history(written)
    await world.get(f"/v1/log/proofs/inclusion?hash={written['events'][0]['hash']}")
    lines = [orjson.loads(line) for line in (await world.get("/v1/events")).text.splitlines()]
    assert [line["position"] for line in lines] == list(range(1, len(lines) + 1))
    after = (await world.get(f"/v1/events?after={lines[0]['id']}&types=identified")).text.splitlines()
    assert len(after) == sum(line["type"].endswith(".identified.v1") for line in lines[1:])


async def test_not_even_the_owner_changes_a_leaf(database: str, world: World) -> None:
    await world.get("/v1/log/checkpoint")
    owner = await asyncpg.connect(database)
    for statement in ("UPDATE transparency.leaf SET version = 9", "DELETE FROM access.entry"):
        with pytest.raises(asyncpg.PostgresError, match=r"only grows|stays recorded"):
            await owner.execute(statement)
    await owner.close()
