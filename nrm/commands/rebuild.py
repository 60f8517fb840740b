"""`nrm rebuild VIEW`: fill the view anew from Kafka, compare every row, switch when equal."""

import asyncio
import json
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from libs.events.consume import Projection
from libs.events.rebuild import CannotRebuild, Rebuilt, go_back, rebuild
from libs.events.session import AWAY
from libs.runtime import telemetry
from libs.runtime.keys import role_dsn
from libs.runtime.service import source
from libs.runtime.settings import Settings
from nrm.running import running_settings
from nrm.stopping import require, stop


def command(
    view: Annotated[str, typer.Argument(help="shelter-capacity, court-outcomes, cross-border, audit-trail, …")],
    *,
    back: Annotated[bool, typer.Option(help="go back to the generation before the live one instead")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Rebuild a view beside the old rows, compare, and switch. Exit 0 only when both are equal."""
    projection, role = _projection(view)
    config = running_settings(Settings())
    telemetry.configure("rebuild", "error")  # its lines go to standard error; standard output is for the answer
    require("rebuild", database_url=config.database_url, kafka_bootstrap_servers=config.kafka_bootstrap_servers)
    dsn = role_dsn(config, role)
    try:
        if back:
            typer.echo(f"{view} is at generation {asyncio.run(go_back(projection, dsn))} again")
            return
        done = asyncio.run(_with_progress(projection, dsn, config, view))
    except CannotRebuild as fault:
        stop("rebuild", f"cannot rebuild {view}: {fault}")
    except (*AWAY, KafkaError) as fault:
        stop("rebuild", f"PostgreSQL or Kafka cannot be reached: {type(fault).__name__}")
    _tell(view, done, as_json=as_json)
    raise typer.Exit(0 if done.switched else 1)


async def _with_progress(projection: Projection, dsn: str, config: Settings, view: str) -> Rebuilt:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"rebuilding {view}")
        return await rebuild(
            projection,
            dsn,
            source(config),
            lambda done, total: progress.update(task, completed=done, total=total),
        )


def _tell(view: str, done: Rebuilt, *, as_json: bool) -> None:
    rate = round(done.events / done.seconds) if done.seconds else 0
    if as_json:
        shown = {"view": view, "events": done.events, "seconds": round(done.seconds, 3), "events_per_second": rate}
        typer.echo(
            json.dumps(
                {**shown, "generation": done.generation, "equal": done.switched, "differences": done.differences}
            )
        )
        return
    typer.echo(f"{done.events} events in {done.seconds:.2f} s: {rate} events/s")
    for table, (old, new) in done.differences.items():
        typer.echo(f"DIFFERENT {table}: {old} rows before, {new} rebuilt")
    typer.echo(f"equal; {view} now answers from generation {done.generation}" if done.switched else "not switched")


def _projection(view: str) -> tuple[Projection, str]:
    """A projection by its name in the contract, and the role that owns its rows."""
    from nrm.audit import PROJECTION as AUDIT_TRAIL  # noqa: PLC0415 - the projections are slow to import
    from nrm.views import PROJECTIONS  # noqa: PLC0415 - as above

    known = {one.name: (one, "nrm_views") for one in PROJECTIONS} | {AUDIT_TRAIL.name: (AUDIT_TRAIL, "nrm_audit")}
    found = known.get(view.replace("-", "_"))
    if found is None:
        names = ", ".join(sorted(name.replace("_", "-") for name in known))
        raise typer.BadParameter(f"there is no such view; there are {names}")
    return found
