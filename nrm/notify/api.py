"""The routes of webhooks: an organisation says where its notices go, and has them sent again from any position."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from libs.events.event import JSON
from libs.runtime.edge import Reader, not_found, reading
from libs.runtime.http import body_schema
from libs.runtime.pages import Paged, page_of
from libs.runtime.problems import Problem
from libs.runtime.requests import Body, idempotency_key, parsed, read_raw, unfit
from nrm.notify.addresses import URL_LENGTH_MAX, Unfit, networks, target
from nrm.notify.endpoints import Connection, endpoint_id, one_of, shown
from nrm.notify.secrets import secret_of
from projections.notifications.queries import head_of

router = APIRouter(tags=["webhooks"])
ENDPOINTS_MAX = 20
"""Of one organisation."""

_Asker = Annotated[Reader, Depends(reading("webhook.manage"))]
Kind = Literal[
    "repatriation.awaiting", "repatriation.due", "repatriation.overdue", "inbox.settled",
    "identification.awaiting", "identification.due", "identification.overdue",
    "referral.awaiting", "referral.due", "referral.overdue",
]  # fmt: skip


class WebhookBody(Body):
    """Where notices are sent; `kinds` narrows them."""

    url: Annotated[str, Field(min_length=1, max_length=URL_LENGTH_MAX, description="https")]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=20)] | None = None


class ReplayBody(Body):
    """Send again everything after a position."""

    after: Annotated[int, Field(ge=0)]


@router.post("/v1/webhooks", status_code=201, openapi_extra=body_schema(WebhookBody))
async def register(request: Request, reader: _Asker) -> Response:
    """Notices from now on are POSTed to `url`, signed as Standard Webhooks says; `secret` is shown here only."""
    key = idempotency_key(request)
    body = parsed(WebhookBody, await read_raw(request, reader.desk.settings.body_bytes_max))
    await _check(reader, body.url)
    organisation, pool = reader.caller.organisation, reader.desk.pool
    name, kinds = endpoint_id(organisation, key), sorted(set(body.kinds)) if body.kinds else None
    made = await pool.fetchval(
        "INSERT INTO outbound.endpoint (id, organisation, url, kinds, position) SELECT $1, $2, $3, $4, $5 "
        "WHERE (SELECT count(*) FROM outbound.endpoint WHERE organisation = $2 AND id <> $1) < $6 "
        "ON CONFLICT (id) DO NOTHING RETURNING id",
        name, organisation, body.url, kinds, await head_of(pool, organisation), ENDPOINTS_MAX,
    )  # fmt: skip
    row = await one_of(pool, organisation, name)
    if row is None:
        raise Problem(409, "too-many-webhooks", f"an organisation has at most {ENDPOINTS_MAX}; remove one first")
    if (row["url"], row["kinds"]) != (body.url, kinds):
        raise Problem(422, "idempotency-key-reused", "this key was used for another request; take a new one")
    return await _answer(reader, row, 201, secret=True, replayed=made is None)


@router.get("/v1/webhooks")
async def list_webhooks(reader: _Asker, asked: Paged) -> Response:
    """The caller's webhooks, each with how far its receiver has come."""
    organisation, pool = reader.caller.organisation, reader.desk.pool
    rows = await pool.fetch(
        "SELECT * FROM outbound.endpoint WHERE organisation = $1 AND id > $2 ORDER BY id LIMIT $3",
        organisation, asked.after, asked.limit + 1,
    )  # fmt: skip
    head = await head_of(pool, organisation)
    return page_of([shown(dict(row), head) for row in rows], "webhook_id", asked)


@router.get("/v1/webhooks/{webhook}")
async def read_webhook(webhook: str, reader: _Asker) -> Response:
    """One webhook: `active`, `failing` with the next attempt, or `disabled`."""
    return await _answer(reader, await _own(reader, webhook), 200)


@router.delete("/v1/webhooks/{webhook}", status_code=204)
async def remove(webhook: str, reader: _Asker) -> Response:
    """Nothing is sent there any more; the notices stay."""
    row = await _own(reader, webhook)
    await reader.desk.pool.execute("DELETE FROM outbound.endpoint WHERE id = $1", row["id"])
    return Response(status_code=204)


@router.post("/v1/webhooks/{webhook}/replay", status_code=201, openapi_extra=body_schema(ReplayBody))
async def replay(webhook: str, request: Request, reader: _Asker) -> Response:
    """Everything after a position is sent (again), from now; a disabled or waiting webhook is taken up again."""
    idempotency_key(request)  # to do it twice is to do it once
    body = parsed(ReplayBody, await read_raw(request, reader.desk.settings.body_bytes_max))
    row = await _own(reader, webhook)
    await _check(reader, row["url"])
    head = await head_of(reader.desk.pool, reader.caller.organisation)
    if body.after > head:
        raise unfit("/after", f"lies beyond the newest position, {head}")
    begun = await reader.desk.pool.fetchrow(
        "UPDATE outbound.endpoint SET position = $2, attempts = 0, failing_since = NULL, disabled_at = NULL, "
        "next_at = now() WHERE id = $1 RETURNING *", row["id"], body.after,
    )  # fmt: skip
    return await _answer(reader, begun or row, 201)


@router.post("/v1/webhooks/{webhook}/secret", status_code=201)
async def rotate(webhook: str, request: Request, reader: _Asker) -> Response:
    """A new secret, shown here only; for a day the old one signs beside it."""
    idempotency_key(request)
    row = await _own(reader, webhook)
    rotated = await reader.desk.pool.fetchrow(
        "UPDATE outbound.endpoint SET secret = secret + 1, rotated_at = now() WHERE id = $1 RETURNING *", row["id"]
    )
    return await _answer(reader, rotated or row, 201, secret=True)


async def _own(reader: Reader, webhook: str) -> asyncpg.Record:
    """The caller's webhook. Raises 404 for another's, too: that there is one tells something."""
    row = await one_of(reader.desk.pool, reader.caller.organisation, webhook)
    if row is None:
        raise not_found("webhook")
    return row


async def _check(reader: Reader, url: str) -> None:
    try:
        await target(url, networks(reader.desk.settings.webhook_allow))
    except Unfit as fault:
        raise unfit("/url", str(fault)) from None


async def _answer(
    reader: Reader, row: asyncpg.Record, status: int, *, secret: bool = False, replayed: bool = False
) -> Response:
    pool: Connection = reader.desk.pool
    said: dict[str, JSON] = shown(dict(row), await head_of(pool, reader.caller.organisation))
    if secret:
        said["secret"] = secret_of(reader.desk.settings, row["id"], row["secret"])
    headers: dict[str, Any] = {"ETag": f'"{row["secret"]}"', "Cache-Control": "no-store"}
    if status == HTTPStatus.CREATED:
        headers["Location"] = f"/v1/webhooks/{row['id']}"
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(orjson.dumps(said), status, headers, "application/json")
