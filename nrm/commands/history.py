"""`nrm history CASE`: what happened to a person, who recorded it, and whether that is all of it."""

import json
from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from libs.runtime.settings import Settings
from nrm.running import running_settings
from nrm.stopping import refusal, stop

TIMEOUT_S = 20
HIDDEN = frozenset({"case_id", "sealed", "case_ids"})
VALUE_LENGTH_MAX = 60
WIDTHS = {"known at": 10, "happened": 10, "hash": 8, "what": 22}


def command(
    case: Annotated[str, typer.Argument(help="the case reference, KH-XXXX-XXXC")],
    as_of: Annotated[str, typer.Option(help="only what had happened by then (RFC 3339)")] = "",
    known_at: Annotated[str, typer.Option(help="only what had been recorded by then (RFC 3339)")] = "",
    reason: Annotated[str, typer.Option(help="why names must be seen; recorded in the access log")] = "",
    token: Annotated[str, typer.Option(envvar="NRM_TOKEN", help="a bearer token; else this folder's auditor")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="the answer as it is")] = False,
) -> None:
    """Every event of a case, from every service, in the order in which it became known."""
    answer = _ask(case, {"as_of": as_of, "known_at": known_at, "reason": reason}, token)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    console = Console()
    console.print(_table(answer))
    console.print(_summary(answer), markup=False, highlight=False)


def _ask(case: str, query: dict[str, str], token: str) -> dict[str, Any]:
    import httpx2  # noqa: PLC0415 - slow to import

    from libs.runtime.auth import mint  # noqa: PLC0415 - slow to import

    config = running_settings(Settings())
    bearer = token or mint(config, "nrm-authority", "auditor", 60)
    try:
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.get(
                f"{config.url('audit')}/v1/cases/{case}/history",
                params={name: value for name, value in query.items() if value},
                headers={"Authorization": f"Bearer {bearer}"},
            )
    except httpx2.HTTPError:
        stop("history", f"the audit process does not answer at {config.url('audit')}: start it with `nrm run`")
    if answer.status_code != HTTPStatus.OK:
        stop("history", refusal(answer))
    found: dict[str, Any] = answer.json()
    return found


def _table(answer: dict[str, Any]) -> Table:
    table = Table(title=f"History of {answer['case_id']}", title_justify="left")
    for column in ("known at", "happened", "event", "by", "what", "hash"):
        table.add_column(column, overflow="fold", min_width=WIDTHS.get(column))
    for event in answer["events"]:
        service, kind = event["type"].split(".")[2:4]
        table.add_row(
            _short(event["time"]),
            _short(event["occurredat"]),
            Text(f"{kind}\n{service} {event['position']}"),
            Text(f"{event['organisation']}\n{event['role']}"),
            Text(_said(event)),
            event["hash"][:8],
        )
    return table


def _said(event: dict[str, Any]) -> str:
    lines = [f"{name}: {_value(value)}" for name, value in event["data"].items() if name not in HIDDEN and value != []]
    return "\n".join(lines + [f"{name}: {_value(value)} *" for name, value in event.get("personal", {}).items()])


def _value(value: object) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= VALUE_LENGTH_MAX else f"{shown[:VALUE_LENGTH_MAX]}…"


def _summary(answer: dict[str, Any]) -> str:
    head = answer["checkpoint"]
    whole = (
        "complete" if answer["complete"] else "NOT COMPLETE: something of this case is missing, waits or was changed"
    )
    proved = f"log of {head['size']} leaves, root {head['root'][:16]}…"
    linked = f"; same person as {', '.join(answer['linked_cases'])}" if answer["linked_cases"] else ""
    named = "; * personal" if any("personal" in event for event in answer["events"]) else ""
    return f"{len(answer['events'])} events, {whole}; {proved}{linked}{named}"


def _short(moment: str) -> str:
    return moment[:19].replace("T", "\n")
