"""Compare stores, logs, Kafka and views per service; name any difference by stream and version."""

import asyncio
import json
import time
from dataclasses import asdict, dataclass, replace
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
from nrm.log.compare import Difference
from nrm.log.lacking import applied_by, heads, unapplied, unlogged
from nrm.running import running_settings
from nrm.stopping import require, stop

SETTLE_S = 20.0
"""How long an event may take from its position to its leaf."""


@dataclass(frozen=True, slots=True)
class View:
    """How many events of each service a view has consumed, how many lie parked or dead, and which it lacks."""

    name: str
    consumed: dict[str, int]
    parked: int
    dead: int
    differences: list[Difference]


def command(
    *, as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False
) -> None:
    """Compare stores, logs, Kafka and views. Exit 0 when all agree, 1 when anything differs."""
    config = running_settings(Settings())
    telemetry.configure("reconcile", "error")  # its lines go to standard error; standard output is for the answer
    require("reconcile", database_url=config.database_url, kafka_bootstrap_servers=config.kafka_bootstrap_servers)
    try:
        counts, views, unproved = asyncio.run(_compare(config))
    except (*AWAY, KafkaError) as fault:
        stop("reconcile", f"PostgreSQL or Kafka cannot be reached: {type(fault).__name__}")
    behind = [
        (view, count) for view in views for count in counts if view.consumed.get(count.service, 0) != count.on_kafka
    ]
    stuck = [view for view in views if view.parked or view.dead]
    differences = [*unproved, *(one for view in views for one in view.differences)]
    whole = all(count.whole for count in counts) and not (behind or stuck or differences)
    if as_json:
        shown = {
            "whole": whole, "services": [asdict(one) for one in counts], "views": [asdict(one) for one in views],
            "transparency": [asdict(one) for one in unproved],
        }  # fmt: skip
        typer.echo(json.dumps(shown))
    else:
        _show(counts, views)
        for view, count in behind:
            consumed = view.consumed.get(count.service, 0)
            typer.echo(f"BEHIND {view.name}: {consumed} of {count.on_kafka} events of {count.service}")
        for one in differences:
            typer.echo(f"DIFFERENT {one.service} {one.place}: {one.stream} {one.version} {one.what}")
        for view in stuck:
            typer.echo(f"STUCK {view.name}: {view.dead} dead letters, {view.parked} events parked")
        typer.echo("everything is everywhere" if whole else "there are differences")
    raise typer.Exit(0 if whole else 1)


async def _compare(config: Settings) -> tuple[list[Count], list[View], list[Difference]]:
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
        before = await heads(connection, SERVICES)
        found = [*await _views(config, "nrm_views"), *await _views(config, "nrm_audit")]
        after = await heads(connection, SERVICES)
    finally:
        await connection.close()
    views = [replace(view, differences=unapplied(view.name, applied, before, after)) for view, applied in found]
    return counts, views, await _unproved(config)


async def _unproved(config: Settings) -> list[Difference]:
    """What is no leaf of the Merkle log, though it has had the time to become one."""
    connection = await asyncpg.connect(role_dsn(config, "nrm_audit"))
    try:
        until = time.monotonic() + SETTLE_S
        while True:
            found = [one for service in SERVICES for one in await unlogged(connection, service)]
            if not found or time.monotonic() > until:
                return found
            await asyncio.sleep(0.5)
    finally:
        await connection.close()


async def _views(config: Settings, role: str) -> list[tuple[View, dict[str, int]]]:
    """Every live projection of a role, with how far it is in each stream."""
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
            by_service = {row["service"]: row["events"] for row in consumed}
            views.append((View(name, by_service, parked, dead, []), await applied_by(connection, name)))
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
