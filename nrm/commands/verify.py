"""`nrm verify`: checks an export offline. Needs the folder and a key, nothing else."""

import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from libs.transparency.checkpoint import Policy, parse_checkpoint, parse_policy
from libs.transparency.note import NoteError, parse_note
from libs.transparency.registry import BadRegistry, Registry
from libs.transparency.verify import Report, verify_folder

OK, BAD, UNUSABLE = 0, 1, 2


def verify_command(
    folder: Path,
    key: Path | None = None,
    kept: Sequence[Path] = (),
    submitter_keys: Path | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Verify an export folder, print the outcome, give the exit code: 0 good, 1 findings, 2 usage or reading error."""
    try:
        policy = parse_policy(key.read_text(encoding="utf-8")) if key else None
        retained = [one.read_bytes() for one in kept]
        submitters = Registry.read(submitter_keys) if submitter_keys else None
        report = _verify(folder, policy, retained, submitters)
    except (OSError, NoteError, BadRegistry, UnicodeDecodeError) as error:
        _print_error(str(error), as_json=as_json)
        return UNUSABLE
    if as_json:
        _print_json(report)
    elif report.findings:
        sys.stdout.writelines(f"{finding}\n" for finding in report.findings)
    else:
        sys.stdout.write(f"OK {report.events} events\n")
    return BAD if report.findings else OK


def _verify(folder: Path, policy: Policy | None, retained: list[bytes], submitters: Registry | None) -> Report:
    console = Console(stderr=True)
    if not console.is_terminal:
        return verify_folder(folder, policy, retained, submitters=submitters)
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("verify", total=_size(folder))
        return verify_folder(folder, policy, retained, lambda done: bar.update(task, completed=done), submitters)


def _size(folder: Path) -> int | None:
    """Give how many events there may be, for the bar only."""
    try:
        return parse_checkpoint(parse_note((folder / "checkpoint.txt").read_bytes()).text).size
    except NoteError:
        return None


def _print_json(report: Report) -> None:
    findings = [{"event_id": finding.event_id, "what": finding.what} for finding in report.findings]
    sys.stdout.write(
        json.dumps({"ok": not findings, "events": report.events, "signed": report.signed, "findings": findings}) + "\n"
    )


def _print_error(text: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"ok": False, "error": text}) + "\n")
    sys.stderr.write(f"nrm verify: {text}\n")


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The export folder.")],
    key: Annotated[Path | None, typer.Option(help="Verifier keys or a C2SP tlog-policy, got elsewhere.")] = None,
    kept: Annotated[
        list[Path] | None, typer.Option("--checkpoint", "--kept", help="A checkpoint you kept from before; repeatable.")
    ] = None,
    submitter_keys: Annotated[
        Path | None, typer.Option(help="The submitters' public keys, got elsewhere; else the folder's own.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Check an export offline: OK and the number of events, or a line for each finding."""
    gc.disable()  # nothing that is read here refers to itself: looking for such things takes a tenth of the time
    raise typer.Exit(verify_command(folder, key, kept or (), submitter_keys, as_json=as_json))
