"""The inbox's routes: a desk posts what it gathered, and reads what still waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from libs.events import telemetry
from libs.events.event import JSON
from libs.events.handle import Step
from libs.runtime.access import visit
from libs.runtime.edge import (
    Call,
    Edge,
    Reader,
    Replay,
    authenticated,
    desk_of,
    forbidden,
    reading,
    replayed,
)
from libs.runtime.http import body_schema
from libs.runtime.ids import now
from libs.runtime.pages import Page, page, page_of
from libs.runtime.policy import scope
from libs.runtime.problems import Problem
from libs.runtime.requests import Body, check_json, idempotency_key, read_raw
from services.repatriation.inbox.batch import counted, sweep, take_in
from services.repatriation.inbox.bodies import MEDIA_TYPE, InboxBatch, elements_of
from services.repatriation.inbox.commands import CloseBatch
from services.repatriation.inbox.decider import BATCHES
from services.repatriation.inbox.delivery import ROLE, Sender

BYTES_MAX = 4 * 1024 * 1024
"""A thousand events with notes."""

ACTION = "inbox.post"


class _Batch(Body):
    """The events of a batch, each still unread."""

    elements: list[Any]


@asynccontextmanager
async def _sweeping(app: FastAPI) -> AsyncIterator[None]:
    """Try what waits again while the process serves."""
    task = asyncio.create_task(sweep(app.state.edge), name="inbox-sweep")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


router = APIRouter(tags=["inbox"], lifespan=_sweeping)


async def batch_call(request: Request) -> AsyncIterator[Call[_Batch]]:
    """A desk's batch under its idempotency key, as `recording` does it for a single request.

    Raises 401, 403, 400 (no key), 415, 413, 400 or 422 (no batch), 409 (the key is running), or answers a replay.
    """
    edge, caller = desk_of(request), await authenticated(request)
    assert isinstance(edge, Edge)  # a service
    opened = visit(request, edge.access, caller, ACTION, writes=True)
    reach = scope(ACTION, caller.roles)
    if reach is None:
        raise forbidden(caller, ACTION)
    key = idempotency_key(request)
    raw = await read_raw(request, BYTES_MAX, (MEDIA_TYPE,))
    elements = list(elements_of(check_json(raw)))
    print_ = sha256(f"{request.method} {request.url.path}\n".encode() + raw).digest()
    running = (caller.organisation, key)
    if running in edge.running_keys:
        raise Problem(409, "request-in-progress", "the first request under this key still runs", retry_after_s=1)
    edge.running_keys.add(running)
    try:
        first = await edge.store.answer(*running)
        if first:
            raise Replay(replayed(first, print_))
        trace = telemetry.traceparent(request.headers.get("traceparent"))
        yield Call(edge, caller, ACTION, reach, opened, _Batch(elements=elements), key, print_, ROLE, None, trace)
    finally:
        edge.running_keys.discard(running)


@router.post("/v1/inbox", status_code=201, openapi_extra=body_schema(InboxBatch, MEDIA_TYPE))
async def post_batch(call: Annotated[Call[_Batch], Depends(batch_call)]) -> Response:
    """Take in a batch of CloudEvents, late, twice or out of order; each is answered by itself.

    A batch cut off on the way is sent again under the same key: what was taken in keeps its answer.
    """
    organisation = call.caller.organisation
    results = await take_in(call.edge, call.body.elements, Sender(organisation, call.caller.subject, call.key))
    counts = counted(results)
    answer: dict[str, JSON] = {"case_id": None, "batch": call.key, "counts": counts, "results": results}
    return await call.record(
        [Step(BATCHES, f"inbox:{organisation}", CloseBatch(organisation, call.key, counts))],
        location="/v1/inbox",
        resource=lambda _: answer,
        occurred_at=now(),
    )


@router.get("/v1/inbox")
async def read_inbox(
    reader: Annotated[Reader, Depends(reading("inbox.read"))],
    asked: Annotated[Page, Depends(page)],
    status: Literal["waiting", "accepted", "refused", "expired"] | None = None,
) -> Response:
    """The caller's events that came early: what each waits for and until when, or what became of it."""
    rows = await reader.edge.pool.fetch(
        "SELECT to_jsonb(k) || jsonb_build_object('status', coalesce(outcome, 'waiting')) AS item "
        "FROM repatriation_known.known_held k WHERE organisation = $1 AND inbox_id > $2 "
        "AND ($3::text IS NULL OR coalesce(outcome, 'waiting') = $3) ORDER BY inbox_id LIMIT $4",
        reader.caller.organisation, asked.after, status, asked.limit + 1,
    )  # fmt: skip
    return page_of([orjson.loads(row["item"]) for row in rows], "inbox_id", asked)
