"""The inbox's routes: a desk posts what it gathered, and reads what still waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, uuid5

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from libs.events.event import JSON
from libs.events.handle import Step
from libs.runtime.edge import Call, Edge, Reader, reading, recording_read
from libs.runtime.http import body_schema
from libs.runtime.ids import now
from libs.runtime.pages import Paged, page_of
from libs.runtime.requests import Body, check_json, read_raw
from services.repatriation.inbox.batch import counted, sweep, take_in
from services.repatriation.inbox.bodies import MEDIA_TYPE, InboxBatch, elements_of
from services.repatriation.inbox.commands import CloseBatch
from services.repatriation.inbox.decider import BATCHES
from services.repatriation.inbox.results import Sender

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


async def _read(request: Request, _: Edge) -> tuple[bytes, bytes, _Batch]:
    """A batch's bytes and its events. Raises 415, 413, 400 or 422 (no batch)."""
    raw = await read_raw(request, BYTES_MAX, (MEDIA_TYPE,))
    return raw, raw, _Batch(elements=list(elements_of(check_json(raw))))


@router.post("/v1/inbox", status_code=201, openapi_extra=body_schema(InboxBatch, MEDIA_TYPE))
async def post_batch(call: Annotated[Call[_Batch], Depends(recording_read(ACTION, _read))]) -> Response:
    """Take in a batch of CloudEvents, late, twice or out of order; each is answered by itself.

    A batch cut off on the way is sent again under the same key: what was taken in keeps its answer. In a signed batch
    (RFC 9421) each event has a `salt`; the signature is kept with everything that is recorded of it.
    """
    organisation = call.caller.organisation
    # The same for a batch that is sent again under its key: its signature then stands for the same request.
    correlation = str(uuid5(NAMESPACE_URL, f"/v1/inbox {organisation} {call.key}"))
    submission = call.signed.submission if call.signed else None
    sender = Sender(organisation, call.caller.subject, correlation, call.key, submission)
    results = await take_in(call.edge, call.body.elements, sender)
    counts = counted(results)
    answer: dict[str, JSON] = {"case_id": None, "batch": call.key, "counts": counts, "results": results}
    # A batch is no resource with a version that a desk could have seen: If-Match says nothing here.
    return await replace(call, expected=None, correlation=correlation).record(
        [Step(BATCHES, f"inbox:{organisation}", CloseBatch(organisation, call.key, counts))],
        location="/v1/inbox",
        resource=lambda _: answer,
        occurred_at=now(),
    )


@router.get("/v1/inbox")
async def read_inbox(
    reader: Annotated[Reader, Depends(reading("inbox.read"))],
    asked: Paged,
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
