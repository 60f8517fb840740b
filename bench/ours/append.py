"""The store's durable append against bare inserts, message-db and `eventsourcing`, on the same PostgreSQL in turn."""

import asyncio
from pathlib import Path
from uuid import uuid4

from bench.measure import Figure, Scale, per_second
from bench.peers import message_db, pgbench
from bench.peers.library import Peer
from libs.events.catalogue.identification import Identified
from libs.events.envelope import GENESIS, Envelope
from libs.events.handle import rfc3339
from libs.events.store import Append, Entry
from libs.events.store_postgres import PostgresStore
from libs.runtime.database import open_pool
from libs.runtime.ids import new_id, now
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings

CLIENTS = (1, 16, 64)
PEER_CLIENTS = (1, 64)
CACHE = Path(".cache/bench")
CASE = "KH-0000-0000"
DATA = Identified(
    case_id=CASE, reported_by="bench", channel="raid", province="KH-12", country="KH", sex="male",
    age_group="24-26", child=False, nationality="KH", continuum="B", exploitation=("forced_labour",),
).data()  # fmt: skip


def entry() -> Entry:
    """An event of a new stream, chained and hashed as the services do it."""
    moment = rfc3339(now())
    envelope, body = Envelope(
        id=new_id(), type="org.opennrm.identification.identified.v1", source="/services/identification",
        subject=CASE, time=moment, occurredat=moment, stream=f"case:{uuid4().hex}", streamversion=1,
        organisation="bench", actor="bench", role="first_responder", correlationid=new_id(), prevhash=GENESIS,
        data=DATA,
    ).sealed()  # fmt: skip
    return Entry(envelope, body)


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Appends per second by number of clients, run after run in turn."""
    url = settings.database_url
    await pgbench.prepare(url)
    message_store = await message_db.install(url, CACHE)
    pool = await open_pool(role_dsn(settings, "nrm_identification"), "bench")
    store = PostgresStore(pool, "identification")
    await store.start()
    found: dict[tuple[int, str], list[float]] = {}
    try:
        for _ in range(scale.runs):
            for clients in CLIENTS:
                for subject, rate in (await _once(store, (url, message_store), clients, scale.seconds)).items():
                    found.setdefault((clients, subject), []).append(rate)
    finally:
        await store.stop()
        await pool.close()
    return [Figure(f"append, {n} clients", subject, "1/s", tuple(runs)) for (n, subject), runs in found.items()]


async def _once(store: PostgresStore, urls: tuple[str, str], clients: int, seconds: float) -> dict[str, float]:
    async def append(_: int) -> None:
        await store.append(Append([entry()]))

    url, message_store = urls
    rates = {
        "OpenNRM": await per_second(append, clients=clients, seconds=seconds),
        "pgbench": await asyncio.to_thread(pgbench.inserts_per_second, url, clients, seconds),
    }
    if clients in PEER_CLIENTS:
        body = entry().body
        rates["message-db"] = await message_db.appends_per_second(message_store, body.decode(), clients, seconds)
        rates["eventsourcing"] = await asyncio.to_thread(_library, url, body, clients, seconds)
    return rates


def _library(url: str, body: bytes, clients: int, seconds: float) -> float:
    peer = Peer(url, clients)
    try:
        return peer.appends_per_second(body, clients, seconds)
    finally:
        peer.close()
