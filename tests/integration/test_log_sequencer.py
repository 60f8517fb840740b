"""What the log takes, what it stops at, when it refuses to sign, and who must cosign before it is shown."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256

import asyncpg
import pytest
import uvicorn
from fastapi import FastAPI

from libs.events import generations
from libs.events.envelope import GENESIS, Envelope
from libs.runtime import ids
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings
from libs.transparency.checkpoint import Policy
from libs.transparency.note import COSIGNATURE_V1, SigningKey
from libs.transparency.witness import MemoryState, Witness
from nrm.audit import PROJECTION
from nrm.log import keys, tables
from nrm.log.sequencer import Sequencer
from nrm.log.witnesses import Witnesses
from nrm.migrate import migrate_database
from nrm.witness import create_app

RESTORE = """
DELETE FROM transparency.leaf WHERE index >= 2;
DELETE FROM transparency.published WHERE size > 2;
DELETE FROM transparency.checkpoint WHERE size > 2;
"""


class Rows:
    """Writes what the audit_trail projection would have, and what an attacker might."""

    def __init__(self, admin: asyncpg.Connection, settings: Settings) -> None:
        self.admin = admin
        self.settings = settings
        self.position = 0
        self.head = GENESIS

    async def add(self, *, forge: Callable[[bytes], bytes] = lambda body: body, skip: int = 0) -> str:
        self.position += 1 + skip
        version = await self.admin.fetchval("SELECT count(*) FROM audit_trail.event") + 1
        envelope, body = Envelope(
            id=ids.new_id(),
            type="org.opennrm.identification.identified.v1",
            source="/services/identification",
            subject="KH-TEST",
            time="2026-03-01T00:00:00.000000Z",
            occurredat="2026-03-01T00:00:00.000000Z",
            stream="case:KH-TEST",
            streamversion=version,
            organisation="cnp-poipet",
            actor="officer",
            role="first_responder",
            correlationid="c",
            prevhash=self.head,
            data={"given": True},
        ).sealed()
        self.head = envelope.hash
        await self.admin.execute(
            "INSERT INTO audit_trail.event (stream, version, id, service, position, type, subject, hash, body) "
            "VALUES ('case:KH-TEST', $1, $2, 'identification', $3, $4, 'KH-TEST', $5, $6)",
            version, envelope.id, self.position, envelope.type, envelope.hash, forge(body).decode(),
        )  # fmt: skip
        return envelope.id


@pytest.fixture
async def rows(postgres_url: str, tmp_path: object) -> AsyncIterator[Rows]:
    """An empty log in a database of its own, with the projection's tables."""
    name = f"nrm_{sha256(str(tmp_path).encode()).hexdigest()[:20]}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"CREATE DATABASE {name}")
    url = postgres_url.rpartition("/")[0] + f"/{name}"
    settings = Settings(database_url=url, data_dir=tmp_path, role_secret="for tests only")  # noqa: S106 - throw-away
    await migrate_database(settings)
    own = await asyncpg.connect(role_dsn(settings, "nrm_audit"))
    await generations.ensure(own, PROJECTION)
    await own.close()
    inside = await asyncpg.connect(url)
    await inside.execute("SET session_replication_role = replica")
    yield Rows(inside, settings)
    await inside.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@asynccontextmanager
async def sequencing(settings: Settings, *, witnessed: bool = False) -> AsyncIterator[Sequencer]:
    sequencer = Sequencer(settings, role_dsn(settings, "nrm_audit"), witnessed=witnessed, signed=asyncio.Event())
    task = asyncio.create_task(sequencer.run())
    try:
        yield sequencer
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)


async def events_in(rows: Rows) -> list[str]:
    found = await rows.admin.fetch("SELECT event_id FROM transparency.leaf WHERE service <> 'audit' ORDER BY index")
    return [row["event_id"] for row in found]


async def test_takes_events_in_the_order_of_their_positions_and_never_over_a_gap(rows: Rows) -> None:
    first = [await rows.add() for _ in range(3)]
    late = await rows.add(skip=1)
    async with sequencing(rows.settings) as sequencer:
        await until(lambda: _equals(rows, first))
        await asyncio.sleep(0.6)
        assert await events_in(rows) == first
        assert not sequencer.blocked
    assert late not in first


async def test_an_event_without_the_hash_it_claims_never_enters_and_is_named(rows: Rows) -> None:
    good = await rows.add()
    await rows.add(forge=lambda body: body.replace(b"true", b"false"))
    async with sequencing(rows.settings) as sequencer:
        await until(lambda: sequencer.blocked == {"identification": 2})
        assert await events_in(rows) == [good]


async def test_goes_on_where_it_left_off(rows: Rows) -> None:
    first = await rows.add()
    async with sequencing(rows.settings):
        await until(lambda: _equals(rows, [first]))
    second = await rows.add()
    async with sequencing(rows.settings):
        await until(lambda: _equals(rows, [first, second]))
    sizes = [row["size"] for row in await rows.admin.fetch("SELECT size FROM transparency.checkpoint ORDER BY 1")]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        ("DELETE FROM transparency.leaf WHERE index >= 3", "are stored"),
        ("UPDATE transparency.leaf SET leaf_hash = sha256('x') WHERE index = 1", "root"),
        ("UPDATE transparency.leaf SET subject = 'KH-OTHER' WHERE index = 0", "manifest"),
        (RESTORE, "old backup"),
    ],
)  # fmt: skip
async def test_signs_nothing_more_where_what_is_stored_is_not_what_was_signed(
    rows: Rows, attack: str, said: str
) -> None:
    first = await rows.add()
    async with sequencing(rows.settings):
        await until(lambda: _equals(rows, [first]))
    second = await rows.add()
    async with sequencing(rows.settings):
        await until(lambda: _equals(rows, [first, second]))
    await rows.admin.execute(attack)
    signed = await rows.admin.fetchval("SELECT count(*) FROM transparency.checkpoint")
    await rows.add()
    async with sequencing(rows.settings) as sequencer:
        await until(lambda: sequencer.refused)
        assert said in sequencer.refused
        assert not sequencer.leading
    assert await rows.admin.fetchval("SELECT count(*) FROM transparency.checkpoint") == signed


async def test_shows_a_checkpoint_only_with_a_quorum_of_cosignatures(rows: Rows) -> None:
    await rows.add()
    installation = await tables.installation(rows.admin)
    origin = keys.origin_of(rows.settings, installation)
    log_key = keys.signing_keys(rows.settings, origin)[0].verifier
    cosigners = [SigningKey.generate(f"witness{number}.example", COSIGNATURE_V1) for number in (1, 2, 3)]
    async with AsyncExitStack() as stack:
        urls = [
            await stack.enter_async_context(served(create_app(Witness(key, {origin: (log_key,)}, MemoryState()))))
            for key in cosigners[:2]
        ]
        peers = [f"{url} {key.verifier}" for url, key in zip([*urls, "http://127.0.0.1:9"], cosigners, strict=True)]
        settings = rows.settings.model_copy(update={"witnesses": ", ".join(peers)})
        async with sequencing(settings, witnessed=True):
            await until(lambda: _equals(rows, [], at_least=1))
            assert await tables.published(rows.admin) is None
            pool = await stack.enter_async_context(asyncpg.create_pool(role_dsn(settings, "nrm_audit"), min_size=0))
            witnesses = Witnesses(settings, pool)
            asking = asyncio.create_task(witnesses.run())
            await until(lambda: tables.published(rows.admin))
            await rows.add()
            await until(lambda: _equals(rows, [], at_least=2))
            newest = await tables.last_signed(rows.admin)
            assert newest
            witnesses.waiting.set()
            await until(lambda: tables.published(rows.admin, newest.head.size))
            asking.cancel()
        shown = await tables.published(rows.admin)
        assert shown
        assert Policy.of([log_key], [key.verifier for key in cosigners], 2).open(shown.note).size == newest.head.size


async def _equals(rows: Rows, expected: list[str], *, at_least: int = 0) -> bool:
    found = await events_in(rows)
    return len(found) >= at_least if at_least else found == expected


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task
