"""How a service is put together: its own role, store, vault and routes, and what it knows of others' facts."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
from fastapi import APIRouter, FastAPI

from libs.events.consume import Projection
from libs.events.handle import Origin, Recorder
from libs.events.projector import Projector, Source
from libs.events.store_postgres import PostgresStore
from libs.runtime import ids, telemetry
from libs.runtime.auth import Tokens
from libs.runtime.database import open_pool
from libs.runtime.edge import Edge
from libs.runtime.http import Check, make_app
from libs.runtime.keys import master_keys, role_dsn
from libs.runtime.serving import serve, tasks
from libs.runtime.settings import SERVICES, Settings, settings
from libs.runtime.vault import Vault


def service_app(
    name: str,
    router: APIRouter,
    known: Projection,
    *,
    beside: Sequence[Callable[[Edge], Coroutine[None, None, None]]] = (),
    config: Settings | None = None,
) -> FastAPI:
    """The application of a service. `known` keeps the rows it needs of events, its own and others', from Kafka.

    `beside` run while the service serves, e.g. to let holds expire.
    """
    config = config or settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = role_dsn(config, f"nrm_{name}")
        pool = await open_pool(dsn, name)
        store = PostgresStore(pool, name)
        vault = Vault(pool, partial(master_keys, config))
        recorder = Recorder(store, name, vault, ids.now, ids.new_id)
        app.state.edge = Edge(config, Tokens(config), pool, vault, store, recorder, set())
        app.state.projector = Projector(known, dsn, source(config))
        await store.start()
        try:
            work = [app.state.projector.run(), *(one(app.state.edge) for one in beside)]
            async with tasks(*work):
                yield
        finally:
            await store.stop()
            await pool.close()

    return make_app(name, [router], lifespan, _checks, config)


def run_service(app: FastAPI, name: str) -> None:
    """Serve until told to stop."""
    config = settings()
    telemetry.configure(name, config.log_level)
    serve(app, config, name)


def system_origin(service: str) -> Origin:
    """The origin of what a service records by itself, e.g. that a hold has run out."""
    return Origin(f"opennrm-{service}", f"opennrm-{service}", "system", ids.new_id(), ids.now())


def topics(config: Settings) -> list[str]:
    """The topics of all five services."""
    return [config.topic(service) for service in SERVICES]


def source(config: Settings) -> Source:
    """Where every projection's events come from, and where goes what one cannot apply."""
    return Source(config.kafka_bootstrap_servers, topics(config), config.dead_letters)


def _checks(app: FastAPI) -> Mapping[str, Check]:
    return {"postgresql": lambda: _postgresql(app.state.edge.pool)}


async def _postgresql(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")
