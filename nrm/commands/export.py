"""`nrm export`: a case, a period or all of the log in a folder that `nrm verify` checks with nothing else."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from libs.runtime.ids import BadCaseReference, case_reference
from libs.runtime.settings import Settings
from libs.transparency.checkpoint import parse_checkpoint
from libs.transparency.note import NoteError, parse_note
from nrm.running import running_settings
from nrm.stopping import require, stop


def command(
    out: Annotated[Path, typer.Option(help="folder to write; made where it is not there")],
    case: Annotated[str, typer.Option(help="one case, whole, provably complete")] = "",
    recorded_from: Annotated[str, typer.Option("--from", help="recorded at or after (RFC 3339)")] = "",
    recorded_to: Annotated[str, typer.Option("--to", help="recorded before (RFC 3339)")] = "",
    kept: Annotated[
        list[Path] | None, typer.Option(help="a checkpoint that the auditor keeps: prove that this extends it")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Export a case, a period or all of the log, with the proofs that `nrm verify` needs."""
    from nrm.log.exporting import CannotExport, Wanted, export  # noqa: PLC0415 - slow to import

    config = running_settings(Settings())
    require("export", database_url=config.database_url)
    case_id = _case(case)
    if case_id and (recorded_from or recorded_to):
        typer.echo("a case is exported whole: a part of it could not be proved complete", err=True)
    sizes = [_kept_size(file) for file in kept or ()]
    wanted = Wanted(case_id, _moment(recorded_from), _moment(recorded_to), sizes)
    console = Console(stderr=True)
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("export", total=None)
            done = asyncio.run(
                export(config, wanted, out, lambda count, size: bar.update(task, completed=count, total=size))
            )
    except CannotExport as fault:
        stop("export", str(fault))
    except OSError as fault:
        stop("export", f"cannot reach the database, or write to {out}: {type(fault).__name__}")
    if not done.settled:
        typer.echo("some events that are recorded are not in the log yet; export again to have them", err=True)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "events": done.events, "size": done.size, "settled": done.settled}))
    else:
        typer.echo(f"{done.events} events of a log of {done.size} in {out}")


def _case(text: str) -> str | None:
    try:
        return case_reference(text) if text else None
    except BadCaseReference:
        stop("export", "the case reference's form or check character is wrong")


def _kept_size(file: Path) -> int:
    try:
        return parse_checkpoint(parse_note(file.read_bytes()).text).size
    except (OSError, NoteError) as fault:
        stop("export", f"{file} is no checkpoint that can be read: {fault}")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        stop("export", f"not a time: {text!r}")
    if moment is not None and moment.tzinfo is None:
        stop("export", f"a time needs an offset, such as {text}Z")
    return moment
