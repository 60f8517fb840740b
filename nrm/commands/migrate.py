"""Create or bring up to date the database roles, the schemas and the Kafka topics."""

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from libs.events.session import AWAY
from libs.runtime.settings import Settings
from nrm.running import running_settings
from nrm.stopping import require, stop


def command(*, json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Create or bring up to date the database roles, the schemas and the Kafka topics."""
    from nrm.system import run_migrations  # noqa: PLC0415 - `nrm migrate --help` is quick without it

    settings = running_settings(Settings())
    require("migrate", database_url=settings.database_url, kafka_bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        asyncio.run(run_migrations(settings))
    except (*AWAY, KafkaError) as fault:
        stop("migrate", f"PostgreSQL or Kafka cannot be reached: {type(fault).__name__}")
    typer.echo('{"migrated": true}' if json else "migrated")
