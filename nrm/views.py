"""The views process: every projection that answers a question, kept up to date from Kafka and served."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from libs.events.consume import Projection
from libs.events.projector import Projector
from libs.rules.notices import load_delivery
from libs.runtime import telemetry
from libs.runtime.auth import Tokens
from libs.runtime.database import open_pool
from libs.runtime.edge import Desk
from libs.runtime.http import Check, make_app
from libs.runtime.keys import role_dsn
from libs.runtime.service import source
from libs.runtime.serving import serve, tasks
from libs.runtime.settings import Settings, settings
from nrm.notify.api import router as webhooks
from nrm.notify.sender import Sender
from projections.court_outcomes import api as court_outcomes
from projections.coverage import api as coverage
from projections.cross_border import api as cross_border
from projections.notifications import api as notifications
from projections.shelter_capacity import api as shelter_capacity
from projections.statistics import api as statistics
from projections.statistics.htcds import api as htcds
from projections.statistics.release import api as releases

ROUTERS = (
    shelter_capacity.router,
    court_outcomes.router,
    cross_border.router,
    statistics.router,
    coverage.router,
    notifications.router,
    webhooks,
    releases.router,
    htcds.router,
)
PROJECTIONS: tuple[Projection, ...] = (
    shelter_capacity.PROJECTION,
    court_outcomes.PROJECTION,
    cross_border.PROJECTION,
    statistics.PROJECTION,
    coverage.PROJECTION,
    notifications.PROJECTION,
)


def views_app(config: Settings) -> FastAPI:
    """The application of the read side."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = role_dsn(config, "nrm_views")
        app.state.edge = Desk(config, Tokens(config), await open_pool(dsn, "views"))
        app.state.projectors = [Projector(projection, dsn, source(config)) for projection in PROJECTIONS]
        sender = Sender(config, dsn, load_delivery())
        try:
            async with tasks(*(projector.run() for projector in app.state.projectors), sender.run()):
                yield
        finally:
            await app.state.edge.pool.close()

    return make_app("views", ROUTERS, lifespan, _checks, config)


def _checks(app: FastAPI) -> Mapping[str, Check]:
    return {f"projection {projector.projection.name}": partial(_runs, projector) for projector in app.state.projectors}


async def _runs(projector: Projector) -> None:
    if not (projector.leading or projector.standby):
        raise ConnectionError


if __name__ == "__main__":
    telemetry.configure("views", settings().log_level)
    serve(views_app(settings()), settings(), "views")
