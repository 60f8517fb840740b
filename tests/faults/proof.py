"""The invariant: looks into store, log, Kafka, views and transparency log, and names all that is not as promised.

Each check returns sentences; none is good. They use the administrator's session and trust none of our own readers,
except where they say so (`reconcile`, `rebuild`).
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg
import orjson

from libs.events.consume import Projection
from libs.events.envelope import GENESIS
from libs.events.event import kind_of
from libs.events.rebuild import CannotRebuild, rebuild
from libs.events.reconcile import reconcile
from libs.events.subscription import subscribe
from libs.runtime.keys import role_dsn
from libs.runtime.service import source
from libs.runtime.settings import SERVICES, Settings
from tests.faults.load import BEDS, Request, parsed

RECORDED_BY_READING = {"handover_file_issued", "disclosed"}
QUIET_S_MAX = 90


async def projections(connection: asyncpg.Connection) -> list[str]:
    """The schema of the live generation of every projection, the services' own too."""
    rows = await connection.fetch("SELECT name || '_g' || number FROM projection.generation WHERE live ORDER BY 1")
    return [row[0] for row in rows]


async def quiet(settings: Settings) -> tuple[float, list[str]]:
    """Wait until every event has arrived everywhere; seconds, and what did not arrive in time."""
    started = time.monotonic()
    behind = ["nothing could be asked"]
    while time.monotonic() - started < QUIET_S_MAX:
        try:
            connection = await asyncpg.connect(settings.database_url)
            try:
                behind = await _behind(connection, settings)
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            behind = [f"PostgreSQL is away: {type(fault).__name__}"]
        if not behind:
            break
        await asyncio.sleep(0.25)
    return time.monotonic() - started, behind


async def _behind(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    views = await projections(connection)
    found = []
    for service in SERVICES:
        stored = await connection.fetchval(f"SELECT count(*) FROM {service}.event")
        sql = f"SELECT position FROM {service}.published WHERE topic = $1"
        counts = {"published": await connection.fetchval(sql, settings.topic(service))}
        for view in views:
            sql = f"SELECT events FROM {view}.consumed WHERE service = $1"
            counts[view] = await connection.fetchval(sql, service)
        sql = "SELECT count(*) FROM transparency.leaf WHERE service = $1"
        counts["the transparency log"] = await connection.fetchval(sql, service)
        found += [f"{who}: {n or 0} of {stored} of {service}" for who, n in counts.items() if (n or 0) < stored]
    return found


async def stored_events(
    connection: asyncpg.Connection, services: Sequence[str] = SERVICES
) -> dict[str, dict[str, Any]]:
    """Every event of these services by id."""
    found: dict[str, dict[str, Any]] = {}
    for service in services:
        sql = f"SELECT id::text, stream, version, hash, body FROM {service}.event ORDER BY stream, version"
        for row in await connection.fetch(sql):
            if row["id"] in found:
                found[row["id"]]["twice"] = True
            else:
                found[row["id"]] = {**row, "service": service, "twice": False}
    return found


async def everything(settings: Settings, requests: Sequence[Request]) -> dict[str, list[str]]:
    """Every check by name, with what it found."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        stored = await stored_events(connection)
        found = {
            "every 2xx answer's events are in the store once; others nowhere": await _answers(
                connection, stored, requests
            ),
            "every event's bytes have their hash, every stream is one chain": _chains(stored),
            "every event is on Kafka, first occurrences in stream order": await _on_kafka(settings, stored),
            "every view has consumed each event once; nothing parked, dead or refused": await _views(connection),
            "audit_trail and the transparency log have each event once": await _audit(connection, stored),
            "no bed is given twice; the view of beds counts the answers": await _beds(connection, requests),
            "every projection equals its rebuild": await _rebuilds(settings),
            "reconcile: everything is everywhere": await _reconciled(connection, settings),
        }
    finally:
        await connection.close()
    return found


async def _answers(
    connection: asyncpg.Connection, stored: dict[str, dict[str, Any]], requests: Sequence[Request]
) -> list[str]:
    kept: dict[tuple[str, str], Any] = {}
    named: Counter[str] = Counter()
    for service in SERVICES:
        for row in await connection.fetch(f"SELECT organisation, key, status, body FROM {service}.idempotency"):
            kept[row["organisation"], row["key"]] = row
            named.update(event["id"] for event in orjson.loads(row["body"])["events"])
    found = [f"event {one} is stored twice" for one, event in stored.items() if event["twice"]]
    found += [f"event {one} was answered and is not stored" for one in named if one not in stored]
    found += [f"event {one} stands in {times} answers" for one, times in named.items() if times > 1]
    for request in requests:
        answer = kept.get((request.who[0], request.key))
        if request.status == 201 and (answer is None or answer["body"] != request.content):
            found.append(f"{request.path} {request.key}: answered 201, another answer is kept")
        if request.status >= 400 and answer is not None:
            found.append(f"{request.path} {request.key}: refused with {request.status}, but recorded")
    imports = {row["import_id"] for row in await connection.fetch("SELECT import_id FROM identification_import.job")}
    for one, event in stored.items():
        envelope = orjson.loads(event["body"])
        # A file's rows are told of in its report, which every row's events name; what a reading records, in its answer.
        otherwise = envelope["role"] == "system" or envelope["correlationid"] in imports
        if one not in named and not otherwise and kind_of(envelope["type"]) not in RECORDED_BY_READING:
            found.append(f"event {one} ({envelope['type']}) is stored and nobody was ever told")
    return found


def _chains(stored: dict[str, dict[str, Any]]) -> list[str]:
    heads: dict[str, tuple[int, str]] = defaultdict(lambda: (0, GENESIS))
    found = []
    for event in stored.values():
        version, digest = heads[event["stream"]]
        if event["version"] != version + 1 or orjson.loads(event["body"])["prevhash"] != digest:
            found.append(f"{event['stream']} {event['version']} does not follow {version}")
        if sha256(event["body"]).digest() != event["hash"]:
            found.append(f"{event['stream']} {event['version']} has not its hash")
        heads[event["stream"]] = (event["version"], event["hash"].hex())
    return found


async def _on_kafka(settings: Settings, stored: dict[str, dict[str, Any]]) -> list[str]:
    found: list[str] = []
    seen: Counter[str] = Counter()
    heads: Counter[str] = Counter()
    consumer = await subscribe(source(settings), {})
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    event = orjson.loads(record.value)
                    seen[event["id"]] += 1
                    if seen[event["id"]] > 1:
                        continue
                    if event["id"] not in stored:
                        found.append(f"event {event['id']} is on Kafka and not in the store")
                    elif event["hash"] != stored[event["id"]]["hash"].hex():
                        found.append(f"event {event['id']} is another on Kafka than in the store")
                    if event["streamversion"] != heads[event["stream"]] + 1:
                        found.append(f"{event['stream']}: {event['streamversion']} after {heads[event['stream']]}")
                    heads[event["stream"]] = event["streamversion"]
    finally:
        await consumer.stop()
    return found + [f"event {one} is not on Kafka" for one in stored if one not in seen]


async def _views(connection: asyncpg.Connection) -> list[str]:
    found = []
    for view in await projections(connection):
        for service in SERVICES:
            stored = await connection.fetchval(f"SELECT count(*) FROM {service}.event")
            consumed = await connection.fetchval(f"SELECT events FROM {view}.consumed WHERE service = $1", service)
            if (consumed or 0) != stored:
                found.append(f"{view} has consumed {consumed or 0} of {stored} events of {service}")
            rows = await connection.fetch(
                f"WITH head AS (SELECT stream, max(version) AS version FROM {service}.event GROUP BY 1) "
                f"SELECT head.stream FROM head LEFT JOIN {view}.progress p USING (stream) "
                "WHERE p.version IS DISTINCT FROM head.version"
            )
            found += [f"{view} is not at the head of {row[0]}" for row in rows]
        for table in ("parked", "dead_letter", "refused"):
            if count := await connection.fetchval(f"SELECT count(*) FROM {view}.{table}"):
                found.append(f"{view} has {count} in {table}")
    return found


async def _audit(connection: asyncpg.Connection, stored: dict[str, dict[str, Any]]) -> list[str]:
    found = []
    for where, column in (("audit_trail.event", "id"), ("transparency.leaf", "event_id")):
        own = " WHERE body IS NULL" if where == "transparency.leaf" else ""
        rows = await connection.fetch(f"SELECT {column} AS id, hash FROM {where}{own}")
        times = Counter(row["id"] for row in rows)
        found += [f"event {one} is {times[one]} times in {where}" for one in stored if times[one] != 1]
        found += [f"event {one} is in {where} only" for one in times if one not in stored]
        for row in rows:
            digest = row["hash"] if isinstance(row["hash"], str) else row["hash"].hex()
            if row["id"] in stored and digest != stored[row["id"]]["hash"].hex():
                found.append(f"event {row['id']} has another hash in {where}")
    return found


async def _beds(connection: asyncpg.Connection, requests: Sequence[Request]) -> list[str]:
    if not requests:  # the demonstration's own check counts its beds
        return []
    placed: Counter[str] = Counter()
    shelter_of: dict[str, str] = {}
    for request in requests:
        if request.path == "/v1/placements" and request.status == 201:
            placed[request.body["shelter_id"]] += 1
            shelter_of[parsed(request)["placement_id"]] = request.body["shelter_id"]
    for request in requests:
        if request.path.endswith("/discharge") and request.status == 201:
            placed[shelter_of[request.path.split("/")[3]]] -= 1
    rows = await connection.fetch("SELECT shelter_id, occupied FROM shelter_capacity.bed")
    shown = {row["shelter_id"]: row["occupied"] for row in rows}
    found = [f"shelter {one} has {count} persons in {BEDS} beds" for one, count in placed.items() if count > BEDS]
    differ = [one for one in shown.keys() | placed.keys() if shown.get(one, 0) != placed[one]]
    return found + [f"shelter {one}: {placed[one]} by the answers, {shown.get(one)} in the view" for one in differ]


def known() -> dict[str, tuple[Projection, str]]:
    """Every projection by name, with the role that writes it."""
    import importlib  # noqa: PLC0415 - the services are slow to import

    from nrm.audit import PROJECTION  # noqa: PLC0415
    from nrm.views import PROJECTIONS  # noqa: PLC0415

    known = {one.name: (one, "nrm_views") for one in PROJECTIONS} | {PROJECTION.name: (PROJECTION, "nrm_audit")}
    for service in SERVICES:
        own = importlib.import_module(f"services.{service}.reactions").KNOWN
        known[own.name] = (own, f"nrm_{service}")
    return known


async def _rebuilds(settings: Settings) -> list[str]:
    found = []
    events = source(settings)
    for name, (projection, role) in known().items():
        try:
            done = await rebuild(projection, role_dsn(settings, role), events)
        except CannotRebuild as fault:
            found.append(f"{name}: {fault}")
        else:
            found += [f"{name}.{table}: {was} rows, {now} rebuilt" for table, (was, now) in done.differences.items()]
    return found


async def _reconciled(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    found = []
    for service in SERVICES:
        count = await reconcile(connection, service, settings.kafka_bootstrap_servers, settings.topic(service))
        found += [f"{one.service} {one.where}: {one.stream} {one.version} {one.what}" for one in count.differences]
        if not count.stored == count.logged == count.on_kafka:
            numbers = f"{count.stored} stored, {count.logged} in the log, {count.on_kafka} on Kafka"
            found.append(f"{service}: {numbers}")
    return found
