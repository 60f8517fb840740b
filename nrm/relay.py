"""The relay process: every service's sequencer and publisher (or those named), with a health endpoint."""

import argparse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from libs.events.relay_kafka import Relay
from libs.runtime import telemetry
from libs.runtime.http import Check, make_app
from libs.runtime.keys import role_dsn
from libs.runtime.serving import serve, tasks
from libs.runtime.settings import SERVICES, Settings, settings


def relay_app(config: Settings, services: list[str]) -> FastAPI:
    """The application that runs the relays of some services."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        dsn = role_dsn(config, "nrm_relay")
        app.state.relays = [
            Relay(service, dsn, config.kafka_bootstrap_servers, config.topic(service)) for service in services
        ]
        async with tasks(*(relay.run() for relay in app.state.relays)):
            yield

    return make_app("relay", [], lifespan, _checks, config)


def _checks(app: FastAPI) -> Mapping[str, Check]:
    return {f"relay of {relay.service}": partial(_leads, relay) for relay in app.state.relays}


async def _leads(relay: Relay) -> None:
    if not (relay.leading or relay.standby):
        raise ConnectionError


def main() -> None:
    """Relay until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="default: all five")
    services = parser.parse_args().services or list(SERVICES)
    if unknown := set(services) - set(SERVICES):
        parser.error(f"no such service: {', '.join(sorted(unknown))}")
    config = settings()
    telemetry.configure("relay", config.log_level)
    serve(relay_app(config, services), config, "relay")


if __name__ == "__main__":
    main()
