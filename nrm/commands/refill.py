"""`nrm refill SERVICE`: fill a service's lost store again from Kafka."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import asyncpg
import typer
from aiokafka.errors import KafkaError

from libs.events.envelope import Tampered
from libs.events.refill import CannotRefill, Refilled, refill
from libs.events.session import AWAY
from libs.events.subscription import Source
from libs.runtime.settings import SERVICES, Settings
from nrm.running import running_settings
from nrm.stopping import require, stop


def command(
    service: Annotated[str, typer.Argument(help="identification, referral, aftercare, justice or repatriation")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Fill the empty store of a service from its topic. Exit 0 when the transparency log misses nothing, else 1."""
    if service not in SERVICES:
        stop("refill", f"no such service: {service}")
    config = running_settings(Settings())
    require("refill", database_url=config.database_url, kafka_bootstrap_servers=config.kafka_bootstrap_servers)
    try:
        done = asyncio.run(_refill(config, service))
    except (CannotRefill, Tampered) as fault:
        stop("refill", str(fault))
    except asyncpg.UndefinedTableError:
        stop("refill", f"the schema {service} is not there: make it first (docs/operating.md)")
    except (*AWAY, KafkaError) as fault:
        stop("refill", f"PostgreSQL or Kafka cannot be reached: {type(fault).__name__}")
    if as_json:
        typer.echo(json.dumps({"service": service, **asdict(done)}))
    else:
        typer.echo(f"{service}: {done.events} events of {done.streams} streams are back")
        typer.echo(f"lost: {done.lost} events that the transparency log knows, and every answer kept under a key")
        typer.echo(f"not yet in the transparency log: {done.unproven}")
    raise typer.Exit(1 if done.lost else 0)


async def _refill(config: Settings, service: str) -> Refilled:
    connection = await asyncpg.connect(config.database_url)
    try:
        return await refill(connection, service, Source(config.kafka_bootstrap_servers, [config.topic(service)]))
    finally:
        await connection.close()
