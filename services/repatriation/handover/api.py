"""The routes of hand-over files: one is issued, printed, checked by its code, and withdrawn."""

import asyncio
import secrets
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from libs.events.catalogue.repatriation import HandoverFileIssued, HandoverFileWithdrawn
from libs.events.decider import Refused
from libs.events.event import JSON
from libs.events.handle import Origin, Outcome, Step, rfc3339
from libs.rules.procedure import Corridor
from libs.rules.procedure import Step as SopStep
from libs.runtime.edge import Call, Edge, Reader, desk_of, not_found, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import BadCaseReference, file_code, new_file_code, new_id, now
from libs.runtime.known import settled
from libs.runtime.problems import Problem
from libs.runtime.requests import unfit
from services.repatriation.bodies import WithdrawalBody
from services.repatriation.decider import DECIDER
from services.repatriation.handover.commands import Issue, Withdraw
from services.repatriation.handover.content import content, digest_of, signed_bytes
from services.repatriation.handover.decider import FILES
from services.repatriation.handover.printing import pdf_of
from services.repatriation.handover.signing import Seal
from services.repatriation.handover.state import Files, status_of
from services.repatriation.handover.words import ENGLISH, WORDS, receiving_language
from services.repatriation.inbox.disclosure import fields_of, note_disclosure
from services.repatriation.inbox.steps import stream_of
from services.repatriation.rulebook import corridors_of, procedure_kept
from services.repatriation.state import Open

router = APIRouter(tags=["hand-over files"])
_SALT_BYTES = 16


@router.get("/v1/repatriations/{repatriation}/handover-file")
async def print_file(
    repatriation: str,
    reader: Annotated[Reader, Depends(reading("handover_file.read"))],
    wanted: Annotated[Literal["json", "pdf"], Query(alias="format")] = "json",
    language: Annotated[
        str | None, Query(max_length=10, description="beside English; default: the receiving side's")
    ] = None,
) -> Response:
    """The summary for the receiving side, signed: what the current step discloses of the person, and no more.

    Records `handover_file_issued`. Asked again while nothing has changed, it is the same file under the same code.
    409 `repatriation-stopped`, `repatriation-completed`.
    """
    state = await _own(reader, repatriation)
    corridor = procedure_kept(state).corridor
    step, chosen = _current_step(state), _language(corridor, language)
    salt, person = secrets.token_hex(_SALT_BYTES), await fields_of(reader.edge, state, step)
    seal = Seal(reader.desk.settings)
    draft = await _draft(reader, state, step, chosen, seal.key_id)
    draft = draft.model_copy(update={"digest": digest_of(content(draft, state, corridor, person, salt))})
    if "embassy_desk" in reader.caller.roles:
        await note_disclosure(reader, state, step)
    issued = await _issued(reader, draft.model_copy(update={"personal": {"salt": salt}}))
    if issued.sealed:
        salt = (await reader.edge.vault.open(issued.case_id, issued.sealed))["salt"]
    file = content(issued, state, corridor, person, salt)
    if digest_of(file) != issued.digest:
        raise Problem(503, "unavailable", "the person was corrected just now; ask again", retry_after_s=1)
    return await _shown(file, issued, seal.sign(signed_bytes(file)), wanted)


@router.get("/v1/handover-files/{code}")
async def verify_file(code: str, reader: Annotated[Reader, Depends(reading("handover_file.verify"))]) -> Response:
    """Whether a file holds: `valid`, `superseded` or `withdrawn`; its digest and key. Nothing of the person."""
    repatriation_id, stored = await _repatriation_of(reader.edge, code)
    files, repatriation = await _files(reader.edge, repatriation_id), await _loaded(reader, repatriation_id)
    issued = files.named(stored)
    if issued is None:
        raise not_found("hand-over file")
    return resource_response(len(files.issued) + len(files.withdrawn), _verified(issued, files, repatriation))


@router.post("/v1/handover-files/{code}/withdrawal", status_code=201, openapi_extra=body_schema(WithdrawalBody))
async def withdraw_file(
    code: str, call: Annotated[Call[WithdrawalBody], Depends(recording("handover_file.withdraw", WithdrawalBody))]
) -> Response:
    """A file is void: lost, shown to the wrong hands, or wrong. Records `handover_file_withdrawn`."""
    repatriation_id, stored = await _repatriation_of(call.edge, code)
    state = await _own(call, repatriation_id)
    event = HandoverFileWithdrawn(
        code=stored, repatriation_id=repatriation_id, case_id=state.started.case_id, by=call.caller.organisation,
        occurred_at=rfc3339(call.body.occurred_at), personal={"reason": call.body.reason},
    )  # fmt: skip

    def resource(outcome: Outcome) -> dict[str, JSON]:
        files: Files = outcome.state
        issued = files.named(stored)
        assert issued is not None  # the decider refuses what was never issued
        return {"case_id": issued.case_id, **_verified(issued, files, state)}

    steps = [Step(FILES, _stream(repatriation_id), Withdraw(event))]
    return await call.record(steps, location=f"/v1/handover-files/{stored}", resource=resource)


@router.get("/.well-known/jwks.json", include_in_schema=True)
async def published_keys(request: Request) -> dict[str, JSON]:
    """The public keys under which hand-over files are signed (RFC 7517). Open to all: they tell of nobody."""
    return Seal(desk_of(request).settings).published()


async def _own(reader: Reader, repatriation: str) -> Open:
    """The repatriation, where it is one of the caller's: its corridor's desks, those who take part, the authority."""
    state = await _loaded(reader, repatriation)
    reader.visit.case_id = state.started.case_id
    organisation = reader.caller.organisation
    owners = state.takes_part | ({organisation} if state.started.corridor in corridors_of(organisation) else set())
    reader.require_own(*owners)
    return state


async def _loaded(reader: Reader, repatriation: str) -> Open:
    state: Open = (await reader.load(DECIDER, stream_of(repatriation), "repatriation")).state
    return state


def _current_step(state: Open) -> SopStep:
    """The step that the procedure waits for: its fields are all that the other side reads now."""
    reached = state.progress(procedure_kept(state))
    if reached.status in {"stopped", "completed"} or reached.waiting_for is None:
        raise Refused(f"repatriation-{reached.status}", "a hand-over file is for a return that is under way")
    return reached.waiting_for


def _language(corridor: Corridor, asked: str | None) -> str:
    """The language beside English. Raises Problem where the corridor's sides do not read it."""
    if asked is None:
        return receiving_language(corridor)
    known = [name for name in corridor.languages if name in WORDS]
    if asked not in known:
        raise unfit("/language", f"is one of {', '.join(known)}")
    return asked


async def _draft(reader: Reader, state: Open, step: SopStep, language: str, key_id: str) -> HandoverFileIssued:
    started = state.started
    version = await reader.edge.pool.fetchval(
        "SELECT coalesce(max(version), 0) FROM repatriation_known.known_person WHERE case_id = $1", started.case_id
    )
    return HandoverFileIssued(
        code=new_file_code(), repatriation_id=started.repatriation_id, case_id=started.case_id,
        corridor=started.corridor, issued_to=reader.caller.organisation, step=step.id, fields=step.fields,
        language=language, words=WORDS[ENGLISH].digest + WORDS[language].digest, recorded=len(state.facts),
        person_version=version, digest="", key_id=key_id, occurred_at=rfc3339(now()),
    )  # fmt: skip


async def _issued(reader: Reader, draft: HandoverFileIssued) -> HandoverFileIssued:
    """The file that is out: this one now, or the one that says the same already. It is recorded before it is shown."""
    stream, caller = _stream(draft.repatriation_id), reader.caller
    role = min(caller.roles & {"social_affairs", "competent_authority", "embassy_desk"})
    origin = Origin(caller.organisation, caller.subject, role, new_id(), now())
    await reader.edge.recorder.record([Step(FILES, stream, Issue(draft))], origin)
    found = (await _files(reader.edge, draft.repatriation_id)).saying(draft)
    assert found is not None  # it was recorded now or before
    return found


async def _files(edge: Edge, repatriation_id: str) -> Files:
    files: Files = (await edge.recorder.load(FILES, _stream(repatriation_id))).state
    return files


async def _repatriation_of(edge: Edge, code: str) -> tuple[str, str]:
    """The repatriation of a code, and the code as it is stored. Raises 400 on a mistyped one, 404 on none of ours."""
    try:
        stored = file_code(code)
    except BadCaseReference:
        raise Problem(
            400, "bad-verification-code", "the code's form or check character is wrong; type it again"
        ) from None

    async def look() -> str:
        found: str | None = await edge.pool.fetchval(
            "SELECT repatriation_id FROM repatriation_known.known_handover_file WHERE code = $1", stored
        )
        if found is None:
            raise Refused("not-found", "no hand-over file was issued under this code", status=404)
        return found

    return await settled(look), stored


def _verified(issued: HandoverFileIssued, files: Files, state: Open) -> dict[str, JSON]:
    return {
        "code": issued.code,
        "status": status_of(issued, files, state),
        "issued_at": issued.occurred_at,
        "corridor": issued.corridor,
        "language": issued.language,
        "digest": issued.digest,
        "key_id": issued.key_id,
    }


async def _shown(file: dict[str, Any], issued: HandoverFileIssued, signature: str, wanted: str) -> Response:
    headers = {"ETag": f'"{issued.digest}"', "Cache-Control": "no-store"}
    if wanted == "json":
        body = orjson.dumps({"file": file, "signature": signature, "digest": issued.digest})
        return Response(body, headers=headers, media_type="application/json")
    printed = await asyncio.to_thread(pdf_of, file, issued.digest, signature)
    name = f'inline; filename="handover-{issued.code}.pdf"'
    return Response(printed, headers={**headers, "Content-Disposition": name}, media_type="application/pdf")


def _stream(repatriation_id: str) -> str:
    return f"handover-files:{repatriation_id}"
