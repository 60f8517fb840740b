"""`nrm import SYSTEM FILE`: hand another system's file in over HTTP, follow it to its end, tell what became of it."""

import json
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from libs.runtime.settings import Settings
from nrm.stopping import stop

POLL_S = 0.5
REQUEST_S_MAX = 60.0
AWAY_S_MAX = 60.0
"""How long the service may be away while a file is taken in: it goes on by itself where it stopped."""

ITEMS_A_PAGE = 500


def command(
    system: Annotated[str, typer.Argument(help="mosvy, moi-leasetc, moj, molvt, ecpat, uniap-card, htcds, …")],
    file: Annotated[Path, typer.Argument(help="CSV or XLSX")],
    token: Annotated[str, typer.Option(envvar="NRM_TOKEN", help="bearer token; see nrm token")] = "",
    url: Annotated[str, typer.Option(help="address of identification; default: the one of this folder")] = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="look at every row, record none")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Take in another system's file. Exit 0 when every row has its answer, 1 where the file could not be taken in."""
    if not token:
        stop("import", "set NRM_TOKEN, e.g. to the last line of `nrm token --org mosvy --role social_affairs`")
    try:
        content = file.read_bytes()
    except OSError as fault:
        stop("import", f"{file} cannot be read: {fault.strerror}")
    base = url.rstrip("/") or Settings().public_url("identification")
    with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=REQUEST_S_MAX) as client:
        try:
            started = _posted(client, system, content, dry_run=dry_run)
            report = _followed(client, started, system)
        except httpx2.TransportError as fault:
            stop("import", f"{base} cannot be reached: {type(fault).__name__}")
        except ValueError as fault:
            stop("import", str(fault))
    typer.echo(json.dumps(report, ensure_ascii=False) if as_json else _told(report, file))
    raise typer.Exit(1 if report["status"] == "failed" else 0)


def _posted(client: httpx2.Client, system: str, content: bytes, *, dry_run: bool) -> dict[str, Any]:
    return _json(
        client.post(
            f"/v1/imports/{system}",
            params={"dry_run": str(dry_run).lower()},
            files={"file": ("file", content, "application/octet-stream")},
            headers={"Idempotency-Key": uuid4().hex},
        )
    )


def _followed(client: httpx2.Client, started: dict[str, Any], system: str) -> dict[str, Any]:
    """The whole report, when the last row is done."""
    path, console = f"/v1/imports/{started['import_id']}", Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"taking in {system}", total=started["rows"])
        while (report := _asked(client, path, limit="1"))["status"] == "running":
            bar.update(task, completed=report["done"])
            time.sleep(POLL_S)
    report = _asked(client, path, limit=str(ITEMS_A_PAGE))
    page = report
    while page["next"]:
        page = _asked(client, path, limit=str(ITEMS_A_PAGE), cursor=page["next"])
        report["items"] += page["items"]
    return {name: value for name, value in report.items() if name != "next"}


def _asked(client: httpx2.Client, path: str, **query: str) -> dict[str, Any]:
    until = time.monotonic() + AWAY_S_MAX
    while True:
        try:
            return _json(client.get(path, params=query))
        except httpx2.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(POLL_S)


def _json(answer: httpx2.Response) -> dict[str, Any]:
    """The answer. Raises ValueError with what the problem says."""
    try:
        body = answer.json()
    except ValueError:
        raise ValueError(f"answered {answer.status_code} and no JSON") from None
    if not answer.is_success:
        raise ValueError(f"{answer.status_code}: {body.get('detail', 'refused')}")
    return dict(body)


def _told(report: dict[str, Any], file: Path) -> str:
    tried = " (dry run: nothing was recorded)" if report["dry_run"] else ""
    lines = [f"{file.name}: {report['rows']} rows read by {report['system']}.v{report['mapping_version']}{tried}"]
    lines += [f"  {count:6} {status.replace('_', ' ')}" for status, count in report["counts"].items()]
    lines.append(f"  {report['notes']:6} lines that are no rows: totals, remarks")
    for kind, title in (("reasons", "not recorded, because"), ("notes", "recorded, but note")):
        if report["by_rule"][kind]:
            lines.append(title)
            lines += [f"  {count:6} {rule}" for rule, count in report["by_rule"][kind].items()]
    lines += [f"  {one['pointer']}: {one['detail']}" for row in report["items"] for one in row["reasons"]][:LINES_MAX]
    if report["status"] == "failed":
        lines.append(f"the file could not be taken in: {report['failed']}")
    return "\n".join(lines)


LINES_MAX = 20
"""The first rows that need somebody; all of them stand in the report (`--json`)."""
