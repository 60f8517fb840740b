"""Compare stores, logs, Kafka and views per service; name any difference by stream and version."""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Annotated

import asyncpg
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from libs.events.reconcile import Count, reconcile
from libs.events.session import AWAY
from libs.runtime import telemetry
from libs.runtime.keys import role_dsn
from libs.runtime.settings import SERVICES, Settings
from nrm.running import running_settings
from nrm.stopping import require, stop


@dataclass(frozen=True, slots=True)
class View:
    """How many events of each service a view has consumed, and how many lie parked or dead."""

    name: str
    consumed: dict[str, int]
    parked: int
    dead: int


def command(
    *, as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False
) -> None:
    """Compare stores, logs, Kafka and views. Exit 0 when all agree, 1 when anything differs."""
    config = running_settings(Settings())
    telemetry.configure("reconcile", "error")  # its lines go to standard error; standard output is for the answer
    require("reconcile", database_url=config.database_url, kafka_bootstrap_servers=config.kafka_bootstrap_servers)
    try:
        counts, views = asyncio.run(_compare(config))
    except (*AWAY, KafkaError) as fault:
        stop("reconcile", f"PostgreSQL or Kafka cannot be reached: {type(fault).__name__}")
    behind = [
        (view, count) for view in views for count in counts if view.consumed.get(count.service, 0) != count.on_kafka
    ]
    stuck = [view for view in views if view.parked or view.dead]
    whole = all(count.whole for count in counts) and not behind and not stuck
    if as_json:
        shown = {"whole": whole, "services": [asdict(one) for one in counts], "views": [asdict(one) for one in views]}
        typer.echo(json.dumps(shown))
    else:
        _show(counts, views)
        for view, count in behind:
            consumed = view.consumed.get(count.service, 0)
            typer.echo(f"BEHIND {view.name}: {consumed} of {count.on_kafka} events of {count.service}")
        for view in stuck:
            typer.echo(f"STUCK {view.name}: {view.dead} dead letters, {view.parked} events parked")
        typer.echo("everything is everywhere" if whole else "there are differences")
    raise typer.Exit(0 if whole else 1)


async def _compare(config: Settings) -> tuple[list[Count], list[View]]:
    console = Console(stderr=True)
    counts = []
    connection = await asyncpg.connect(role_dsn(config, "nrm_relay"))
    try:
        columns = (SpinnerColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("reconciling")
            for service in SERVICES:
                progress.update(task, description=f"reading {service}")
                topic = config.topic(service)
                counts.append(await reconcile(connection, service, config.kafka_bootstrap_servers, topic))
    finally:
        await connection.close()
    return counts, [*await _views(config, "nrm_views"), *await _views(config, "nrm_audit")]


async def _views(config: Settings, role: str) -> list[View]:
    """Every live projection of a role, with its progress."""
    connection = await asyncpg.connect(role_dsn(config, role))
    try:
        rows = await connection.fetch(
            "SELECT g.name FROM projection.generation g WHERE g.live "
            "AND has_schema_privilege(current_user, g.name || '_g' || g.number, 'USAGE') ORDER BY 1"
        )
        views = []
        for name in [row["name"] for row in rows]:
            consumed = await connection.fetch(f"SELECT service, events FROM {name}.consumed")
            parked = await connection.fetchval(f"SELECT count(*) FROM {name}.parked")
            dead = await connection.fetchval(f"SELECT count(*) FROM {name}.dead_letter")
            views.append(View(name, {row["service"]: row["events"] for row in consumed}, parked, dead))
        return views
    finally:
        await connection.close()


def _show(counts: list[Count], views: list[View]) -> None:
    table = Table("service", "stored", "waiting", "in the log", "on Kafka", *(view.name for view in views))
    for count in counts:
        numbers = (count.stored, count.waiting, count.logged, count.on_kafka)
        consumed = (view.consumed.get(count.service, 0) for view in views)
        table.add_row(count.service, *(str(number) for number in (*numbers, *consumed)))
    Console().print(table)
    for count in counts:
        for one in count.differences:
            typer.echo(f"DIFFERENT {one.service} {one.where}: {one.stream} {one.version} {one.what}")
        if count.more:
            typer.echo(f"DIFFERENT {count.service}: and {count.more} more")
