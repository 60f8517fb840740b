"""The audit process: case histories, the transparency log, every event in log order, and who looked at whom."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
from fastapi import FastAPI

from libs.events.consume import Projection
from libs.events.projector import Projector
from libs.runtime import telemetry
from libs.runtime.auth import Tokens
from libs.runtime.database import open_pool
from libs.runtime.http import Check, make_app
from libs.runtime.keys import master_keys, role_dsn
from libs.runtime.reasons import keep_key
from libs.runtime.service import source
from libs.runtime.serving import serve, tasks
from libs.runtime.settings import Settings, settings
from libs.runtime.vault import Vault
from nrm.log import access_api, export_api
from nrm.log import api as log_api
from nrm.log.api import LogDesk
from nrm.log.sequencer import Sequencer
from nrm.log.watch import Watch
from nrm.log.witnesses import Witnesses
from projections.audit_trail import api as audit_trail

ROUTERS = (audit_trail.router, log_api.router, access_api.router, export_api.router)
PROJECTION: Projection = audit_trail.PROJECTION


def audit_app(config: Settings) -> FastAPI:
    """The application of the audit process. It serves at once and takes up Kafka and PostgreSQL when they are there."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = role_dsn(config, "nrm_audit")
        pool = await open_pool(dsn, "audit")
        witnesses = Witnesses(config, pool)
        keys = tuple(str(peer.key) for peer in witnesses.peers)
        vault = Vault(pool, partial(master_keys, config))
        app.state.edge = LogDesk(config, Tokens(config), pool, vault, keys)
        app.state.projector = Projector(PROJECTION, dsn, source(config))
        app.state.sequencer = Sequencer(config, dsn, witnessed=bool(keys), signed=witnesses.waiting)
        watch = Watch(config, pool, app.state.sequencer)
        parts = (app.state.projector, app.state.sequencer, watch, *([witnesses] if keys else []))
        work = [*(part.run() for part in parts), keep_key(pool, vault)]
        try:
            async with tasks(*work):
                yield
        finally:
            await pool.close()

    return make_app("audit", ROUTERS, lifespan, _checks, config)


def _checks(app: FastAPI) -> Mapping[str, Check]:
    sequencer = app.state.sequencer
    log_name = f"transparency log ({sequencer.refused})" if sequencer.refused else "transparency log"
    return {
        "postgresql": lambda: _postgresql(app.state.edge.pool),
        "kafka (projection audit_trail)": lambda: _runs(app.state.projector),
        log_name: lambda: _runs(sequencer),
    }


async def _postgresql(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT 1")


async def _runs(part: Projector | Sequencer) -> None:
    while not (part.leading or part.standby):  # the caller gives it a moment, then counts it as missing
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    telemetry.configure("audit", settings().log_level)
    serve(audit_app(settings()), settings(), "audit")
