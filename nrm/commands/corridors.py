"""`nrm corridors`: check corridor files before a service reads them, and show what a new version changes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from libs.rules.corridors import FOLDER, load_checked
from libs.rules.corridors import check as faults_of
from libs.rules.corridors import diff as changes_of
from libs.rules.load import BadRules
from libs.runtime.settings import settings

OK, FOUND, UNUSABLE = 0, 1, 2

app = typer.Typer(help="Check and compare repatriation corridors.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")]


def check(paths: list[Path], *, as_json: bool = False) -> int:
    """Print every fault of these files or folders: 0 if none, 1 if any, 2 if there is nothing to check."""
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if away := [file for file in files if not file.is_file()]:
        typer.echo(f"nrm corridors: {away[0]} is no file that can be read", err=True)
        return UNUSABLE
    if not files:
        typer.echo("nrm corridors: no corridor files found", err=True)
        return UNUSABLE
    faults = [fault for file in files for fault in faults_of(file)]
    if as_json:
        typer.echo(json.dumps({"files": len(files), "faults": [asdict(fault) for fault in faults]}))
    else:
        for fault in faults:
            typer.echo(str(fault))
        typer.echo(f"{len(files)} files, {len(faults)} faults")
    return FOUND if faults else OK


def diff(old: Path, new: Path, *, as_json: bool = False) -> int:
    """Print what the new file changes: 0 if nothing, 1 if anything, 2 if one of them cannot be read."""
    try:
        changes = changes_of(load_checked(old), load_checked(new))
    except BadRules as bad:
        typer.echo(str(bad), err=True)
        return UNUSABLE
    if as_json:
        typer.echo(json.dumps({"changes": [asdict(change) for change in changes]}, ensure_ascii=False))
    else:
        for change in changes:
            typer.echo(str(change))
    return FOUND if changes else OK


@app.command("check")
def check_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; those in use if none.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Check corridor files."""
    raise typer.Exit(check(paths or [Path(settings().corridors_dir or FOLDER)], as_json=as_json))


@app.command("diff")
def diff_command(old: Path, new: Path, *, as_json: Json = False) -> None:
    """Show what a new version of a corridor changes."""
    raise typer.Exit(diff(old, new, as_json=as_json))
