"""`nrm shred CASE`: ask that a person's key be destroyed, or, as the second person, approve it."""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

import typer

from libs.runtime.settings import Settings
from nrm.running import running_settings
from nrm.stopping import refusal, stop

TIMEOUT_S = 20


def command(
    case: Annotated[str, typer.Argument(help="the case reference, KH-XXXX-XXXC")],
    reason_code: Annotated[str, typer.Option(help="court_order, retention or person_request")] = "",
    order_ref: Annotated[str, typer.Option(help="the order's number")] = "",
    token: Annotated[str, typer.Option(envvar="NRM_TOKEN", help="a bearer token; else this folder's own")] = "",
    *,
    approve: Annotated[bool, typer.Option("--approve", help="destroy the key: another person, another role")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the answer as it is")] = False,
) -> None:
    """Request that a person's key be destroyed; with --approve, approve what another person requested."""
    if approve == bool(reason_code):
        stop("shred", "state --reason-code to request it, or --approve to approve it")
    asked = {"reason_code": reason_code, "order_ref": order_ref}
    body = {"occurred_at": datetime.now(UTC).isoformat()} | {name: value for name, value in asked.items() if value}
    path = "shredding/approval" if approve else "shredding"
    answer = _post(f"/v1/cases/{case}/{path}", body, token, "administrator" if approve else "competent_authority")
    done = "the key is destroyed" if approve else "requested; another person in another role approves it"
    typer.echo(json.dumps(answer) if as_json else f"{answer['case_id']}: {done}")


def _post(path: str, body: dict[str, str], token: str, role: str) -> dict[str, object]:
    import httpx2  # noqa: PLC0415 - slow to import

    from libs.runtime.auth import mint  # noqa: PLC0415 - slow to import

    config = running_settings(Settings())
    headers = {
        "Authorization": f"Bearer {token or mint(config, 'nrm-authority', role, 60)}",
        "Idempotency-Key": uuid4().hex,
    }
    try:
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = client.post(config.url("identification") + path, json=body, headers=headers)
    except httpx2.HTTPError:
        stop("shred", f"identification does not answer at {config.url('identification')}: start it with `nrm run`")
    if answer.status_code != HTTPStatus.CREATED:
        stop("shred", refusal(answer))
    made: dict[str, object] = answer.json()
    return made
