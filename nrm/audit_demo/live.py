"""What the register notices by itself while it runs, before any auditor comes. Each attack is undone afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

import httpx2

from libs.runtime.auth import mint
from libs.runtime.ids import new_id
from libs.transparency.merkle import consistency_proof
from libs.transparency.note import COSIGNATURE_V1, SigningKey
from libs.transparency.witness import MemoryState, Refused, Witness, format_request
from nrm.audit_demo.attacks import rewind
from nrm.audit_demo.auditor import nrm
from nrm.audit_demo.ground import Ground
from nrm.log import keys, tables
from nrm.system import System

AUDITOR = ("national-audit", "auditor")
NOTICE_S = 30.0
POLL_S = 0.25
FORGED_TYPE = "org.opennrm.identification.case_closed.v1"


@dataclass(frozen=True, slots=True)
class Noticed:
    """One attack, what the register said of it, and whether that is what it must say."""

    attack: str
    said: str
    found: bool


async def history_says_so(ground: Ground, system: System) -> Noticed:
    """Change a stored event: the case's history must no longer call itself complete."""
    event = (await ground.longest_case())[1]
    case_id = event.stream.partition(":")[2]
    honest = await _complete(system, case_id)
    await ground.put(event, event.body.replace(b'"occurredat":"202', b'"occurredat":"201', 1), _digest(event.body))
    try:
        now = await _complete(system, case_id)
    finally:
        await ground.put(event, event.body, _digest(event.body))
    said = f"GET /v1/cases/{case_id}/history: complete {json.dumps(honest)}, then {json.dumps(now)}"
    return Noticed(f"a byte of {event.id} changed", said, honest and not now)


async def reconcile_names_it(ground: Ground, system: System) -> Noticed:
    """Take an event out of its service's store: `nrm reconcile` must name stream and version."""
    event = (await ground.longest_case())[1]
    place = (event.stream, event.version)
    where = f"FROM {event.service}.event WHERE stream = $1 AND version = $2"
    row = await ground.connection.fetchrow(f"SELECT * {where}", *place)
    assert row is not None  # the copy of it in the audit_trail was just read
    await ground.connection.execute(f"DELETE {where}", *place)
    try:
        _, out = await nrm(system.settings, "reconcile", "--json", good=(0, 1))
    finally:
        await ground.connection.execute(f"INSERT INTO {event.service}.event VALUES ($1, $2, $3, $4, $5, $6)", *row)
    named = [one for count in json.loads(out)["services"] for one in count["differences"]]
    about = [f"{one['where']}: {one['what']}" for one in named if (one["stream"], one["version"]) == place]
    said = f"nrm reconcile: DIFFERENT {event.stream} {event.version} ({'; '.join(about) or 'not named'})"
    return Noticed(f"{event.id} deleted from the store", said, bool(about))


async def log_takes_no_forgery(ground: Ground, system: System) -> Noticed:
    """Put an event with a wrong hash behind the last one: the log must stop there and raise its alarm."""
    position, event_id = await _next_position(ground), new_id()
    row = ("case:KH-FORGED", 1, event_id, "identification", position, FORGED_TYPE, "0" * 64, "{}")
    columns = "(stream, version, id, service, position, type, hash, body)"
    await ground.connection.execute(
        f"INSERT INTO {ground.schema}.event {columns} VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", *row
    )
    try:
        alarm = await _until(lambda: _blocked(system))
    finally:
        await ground.connection.execute(f"DELETE FROM {ground.schema}.event WHERE id = $1", event_id)
    merged = await ground.connection.fetchval("SELECT count(*) FROM transparency.leaf WHERE event_id = $1", event_id)
    said = f"{alarm or 'no alarm'}; leaves made of it: {merged}"
    return Noticed(f"{event_id} inserted with a wrong hash", said, bool(alarm) and not merged)


async def log_refuses_to_sign(ground: Ground, system: System) -> Noticed:
    """Rewind the database while the log is down: it must not sign again. This one is not undone."""
    done = await rewind(ground)
    signed = await ground.connection.fetchval("SELECT max(size) FROM transparency.checkpoint")
    system.processes["audit"].start()
    try:
        why = await _until(lambda: _unready(system))
    finally:
        await system.hold("audit")
    still = await ground.connection.fetchval("SELECT max(size) FROM transparency.checkpoint")
    return Noticed(f"rewound: {done.said}", why or "it went on signing", bool(why) and signed == still)


async def witness_refuses(ground: Ground, retained: str, forked: str) -> Noticed:
    """Show a fork to a witness that cosigned the checkpoint before it: it must not cosign."""
    head = await tables.last_signed(ground.connection)
    assert head is not None  # the fork has just been signed
    origin, size, old = head.head.origin, head.head.size, ground.retained.size
    log_keys = tuple(key.verifier for key in keys.signing_keys(ground.settings, origin))
    name = "witness.example.org"
    witness = Witness(SigningKey.generate(name, COSIGNATURE_V1), {origin: log_keys}, MemoryState())
    witness.add_checkpoint(format_request(0, [], retained), 1)
    reader = await tables.hashes(ground.connection, size, lambda hashes: consistency_proof(old, size, hashes))
    refusal = ""
    try:
        witness.add_checkpoint(format_request(old, consistency_proof(old, size, reader), head.note), 2)
    except Refused as refused:
        refusal = f"a witness that cosigned {old} leaves: {refused.status} {refused.reason.strip()}"
    return Noticed(forked, refusal or "a witness cosigned it", bool(refusal))


@asynccontextmanager
async def asking(system: System) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the audit process, as an auditor."""
    headers = {"Authorization": f"Bearer {mint(system.settings, *AUDITOR, 3600)}"}
    base = system.settings.url("audit")
    async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=20, trust_env=False) as client:
        yield client


async def _complete(system: System, case_id: str) -> bool:
    async with asking(system) as client:
        answer = await client.get(f"/v1/cases/{case_id}/history")
        return bool(answer.raise_for_status().json()["complete"])


async def _next_position(ground: Ground) -> int:
    sql = "SELECT max(position) + 1 FROM transparency.leaf WHERE service = 'identification'"
    return int(await ground.connection.fetchval(sql))


async def _blocked(system: System) -> str:
    async with asking(system) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    return next((one for one in lines if one.startswith("nrm_log_blocked{") and one.endswith(" 1.0")), "")


async def _unready(system: System) -> str:
    try:
        async with asking(system) as client:
            answer = await client.get("/health/ready")
    except httpx2.TransportError:
        return ""
    return next((str(part) for part in answer.json()["missing"] if "transparency log (" in part), "")


async def _until(look: Callable[[], Awaitable[str]]) -> str:
    """What is seen as soon as something is; nothing where it is not within the time."""
    try:
        async with asyncio.timeout(NOTICE_S):
            while not (seen := await look()):
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return ""
    return seen


def _digest(body: bytes) -> bytes:
    return sha256(body).digest()
