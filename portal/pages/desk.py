"""The embassy desk: a form that survives a poor link, and the upload of a batch that was gathered without one."""

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Query, Response

from portal.client import Json, Refused
from portal.pages.returns import Return
from portal.visitor import Form, Signed, file_of, happened, text_of, texts_of

router = APIRouter(include_in_schema=False)
OUTCOMES: Final = ("done", "refused", "waived", "not_needed")
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
MEDIA_TYPE: Final = "application/cloudevents-batch+json"


@router.get("/returns/{repatriation}/record")
async def form(visitor: Signed, repatriation: str, step: Annotated[str, Query(max_length=60)] = "") -> Response:
    """What became of a step. The page's script keeps what is typed and sends when it can."""
    found = await visitor.client.read(Return, "repatriation", f"/v1/repatriations/{repatriation}")
    chosen = step or (found.waiting_for.step if found.waiting_for else "")
    open_ = [mark for mark in found.steps if mark.outcome is None or mark.outcome == "refused"]
    return visitor.page("desk.html", one=found, open=open_, chosen=chosen, outcomes=OUTCOMES)


@router.post("/returns/{repatriation}/record")
async def record(visitor: Signed, repatriation: str, form: Form) -> Response:
    """Record it under the form's own key: sent twice, it is recorded once. Answers the script as JSON."""
    step = text_of(form, "step")
    body: dict[str, Json] = {
        "occurred_at": happened(form),
        "outcome": text_of(form, "outcome"),
        "by": text_of(form, "by") or visitor.session.organisation,
    }
    documents = [*texts_of(form, "documents"), *filter(None, map(str.strip, text_of(form, "other").splitlines()))]
    if documents:
        body["documents"] = documents
    if note := text_of(form, "note"):
        body["note"] = note
    path = f"/v1/repatriations/{repatriation}/steps/{step}"
    scripted = "application/json" in visitor.request.headers.get("accept", "")
    try:
        written = await visitor.client.post("repatriation", path, body, text_of(form, "key"))
    except Refused as no:
        if not scripted:
            raise
        said = {"refused": visitor.words.of("problem", no.name), "detail": no.detail, "errors": no.errors}
        return Response(orjson.dumps(said), HTTPStatus.UNPROCESSABLE_ENTITY, media_type="application/json")
    if not scripted:
        return visitor.to(f"/returns/{repatriation}")
    accepted = {"step": step, "replayed": written.replayed, "events": written.body.get("events", [])}
    return Response(orjson.dumps(accepted), media_type="application/json")


@router.post("/returns/{repatriation}/acknowledge")
async def acknowledge(visitor: Signed, repatriation: str, form: Form) -> Response:
    """Confirm a step that another organisation recorded. The service refuses whose own it is."""
    path = f"/v1/repatriations/{repatriation}/steps/{text_of(form, 'step')}/acknowledgement"
    await visitor.client.post("repatriation", path, {"occurred_at": happened(form)}, text_of(form, "key"))
    return visitor.to(f"/returns/{repatriation}#steps-title")


@router.get("/desk/batch")
async def batch_form(visitor: Signed) -> Response:
    """The upload, and what of earlier batches still waits."""
    held = await visitor.client.every("repatriation", "/v1/inbox")
    return visitor.page("batch.html", results=None, counts={}, held=held, wrong="")


@router.post("/desk/batch")
async def send_batch(visitor: Signed, form: Form) -> Response:
    """Send a file as one batch. The same file again has the same key: it gets its first answer, nothing twice."""
    raw, _ = await file_of(form, "batch", BATCH_BYTES_MAX)
    key = f"batch-{sha256(raw).hexdigest()}"
    try:
        answer = await visitor.client.ask(
            "POST",
            "repatriation",
            "/v1/inbox",
            content=raw,
            headers={"Content-Type": MEDIA_TYPE, "Idempotency-Key": key},
        )
    except Refused as no:
        held = await visitor.client.every("repatriation", "/v1/inbox")
        return visitor.page("batch.html", no.status, results=None, counts={}, held=held, wrong=no.detail)
    body = answer.json()
    held = await visitor.client.every("repatriation", "/v1/inbox")
    return visitor.page("batch.html", results=body["results"], counts=body["counts"], held=held, wrong="")
