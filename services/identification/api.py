"""The routes of identification: parse, one command, one record, one answer."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.vocabulary import DeterminationOutcome
from libs.events.decider import Refused
from libs.events.event import JSON
from libs.events.handle import Outcome, Step
from libs.runtime.edge import Call, Reader, case_of, not_found, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_case_reference
from libs.runtime.pages import Paged, page_of, part
from libs.runtime.vault import Shredded
from services.identification import bodies as sent
from services.identification.commands import (
    ApproveShredding,
    Close,
    Command,
    Correct,
    Determine,
    Identify,
    Link,
    OpenReview,
    RecordConsent,
    RequestShredding,
    Screen,
)  # fmt: skip
from services.identification.decider import DECIDER
from services.identification.rulebook import (
    INSTRUMENTS,
    case_resource,
    check_legal_basis,
    follow_up_on,
    instrument_head,
    instrument_named,
    instrument_resource,
    scored,
)  # fmt: skip
from services.identification.state import Open

router = APIRouter(tags=["identification"])


@router.post("/v1/cases", status_code=201, openapi_extra=body_schema(sent.CaseBody))
async def identify(call: Annotated[Call[sent.CaseBody], Depends(recording("case.open", sent.CaseBody))]) -> Response:
    """A person who may be a victim was met: opens a case. Records `identified`."""
    case_id = new_case_reference()
    identified = sent.identified_of(case_id, call.caller.organisation, call.body)
    return await call.record(
        [Step(DECIDER, _stream(case_id), Identify(identified), expected=0)],
        location=f"/v1/cases/{case_id}",
        resource=_resource,
        person_keys=[(case_id, call.edge.vault.new_key(case_id))],
    )


@router.post("/v1/cases/{case}/screenings", status_code=201, openapi_extra=body_schema(sent.ScreeningBody))
async def screen(
    case: str, call: Annotated[Call[sent.ScreeningBody], Depends(recording("case.screen", sent.ScreeningBody))]
) -> Response:
    """A screening instrument was applied. Records `screened` with what the answers support, and why."""
    case_id, state = await _open_case(case, call)
    score = scored(call.body.instrument, call.body.answers, child=state.identified.child)
    command = Screen(
        case_id=case_id,
        instrument=score.instrument,
        instrument_version=score.version,
        initial_determination=call.body.initial_determination,
        result=score.result,
        act=score.act,
        means=score.means,
        purpose=score.purpose,
        personal={"answers": call.body.answers, "reasons": call.body.reasons},
    )
    return await _record(call, case_id, command, extra={"score": score.explanation})


@router.post("/v1/cases/{case}/determinations", status_code=201, openapi_extra=body_schema(sent.DeterminationBody))
async def determine(
    case: str,
    call: Annotated[Call[sent.DeterminationBody], Depends(recording("case.determine", sent.DeterminationBody))],
) -> Response:
    """The competent authority decides. Records `determined`; 409 `elements-contradict-outcome` where it cannot be."""
    case_id, _ = await _open_case(case, call)
    body = call.body
    check_legal_basis(body.legal_basis)
    command = Determine(
        case_id=case_id,
        act=tuple(body.act),
        means=tuple(body.means),
        purpose=tuple(body.purpose),
        outcome=body.outcome,
        legal_basis=tuple(body.legal_basis),
        follow_up_on=follow_up_on(body.follow_up_on, body.outcome, body.occurred_at.date()),
        personal={"reasons": body.reasons},
        grounds=tuple(body.grounds),
    )
    return await _record(call, case_id, command)


@router.post("/v1/cases/{case}/consents", status_code=201, openapi_extra=body_schema(sent.ConsentBody))
async def consent(
    case: str, call: Annotated[Call[sent.ConsentBody], Depends(recording("case.consent", sent.ConsentBody))]
) -> Response:
    """What the person, or who speaks for the person, agrees to, refuses or takes back. Records `consent_recorded`."""
    case_id, _ = await _open_case(case, call)
    body = call.body
    return await _record(call, case_id, RecordConsent(case_id, body.kind, body.given, body.by, _reason(body.reason)))


@router.post("/v1/cases/{case}/corrections", status_code=201, openapi_extra=body_schema(sent.CorrectionBody))
async def correct(
    case: str, call: Annotated[Call[sent.CorrectionBody], Depends(recording("case.correct", sent.CorrectionBody))]
) -> Response:
    """What was believed is corrected; what was known before stays in the history. Records `corrected`."""
    case_id, _ = await _open_case(case, call)
    return await _record(call, case_id, Correct(sent.corrected_of(case_id, call.body)))


@router.post("/v1/cases/{case}/links", status_code=201, openapi_extra=body_schema(sent.LinkBody))
async def link(
    case: str, call: Annotated[Call[sent.LinkBody], Depends(recording("case.link", sent.LinkBody))]
) -> Response:
    """Two cases are, or are not, the same person. Records `linked` or `unlinked` on both; both keep their histories."""
    case_id, _ = await _open_case(case, call)
    other, same = case_of(call.body.other_case_id), call.body.same_person
    await call.load(DECIDER, _stream(other), "other case")
    reason = _reason(call.body.reason)
    steps = [Step(DECIDER, _stream(case_id), Link(case_id, other, same, reason))]
    if other != case_id:
        steps.append(Step(DECIDER, _stream(other), Link(other, case_id, same, reason, mirror=True)))
    return await call.record(steps, location=f"/v1/cases/{case_id}", resource=_resource)


@router.post("/v1/cases/{case}/reviews", status_code=201, openapi_extra=body_schema(sent.ReviewBody))
async def review(
    case: str, call: Annotated[Call[sent.ReviewBody], Depends(recording("case.review", sent.ReviewBody))]
) -> Response:
    """A determination is to be looked at again; the next one stands. Records `review_opened`."""
    case_id, _ = await _open_case(case, call)
    return await _record(call, case_id, OpenReview(case_id, _reason(call.body.reason)))


@router.post("/v1/cases/{case}/closure", status_code=201, openapi_extra=body_schema(sent.ClosureBody))
async def close(
    case: str, call: Annotated[Call[sent.ClosureBody], Depends(recording("case.close", sent.ClosureBody))]
) -> Response:
    """The case needs nothing more, or is taken up again. Records `closed` or `reopened`."""
    case_id, _ = await _open_case(case, call)
    return await _record(call, case_id, Close(case_id, call.body.reopen, _reason(call.body.reason)))


@router.post("/v1/cases/{case}/shredding", status_code=201, openapi_extra=body_schema(sent.ShreddingBody))
async def request_shredding(
    case: str,
    call: Annotated[Call[sent.ShreddingBody], Depends(recording("case.shred_request", sent.ShreddingBody))],
) -> Response:
    """Asks that the person's key be destroyed; another person in another role approves. Records `shred_requested`."""
    case_id, _ = await _open_case(case, call)
    asked = call.body
    command = RequestShredding(case_id, asked.reason_code, asked.order_ref, call.caller.subject, call.role)
    return await _record(call, case_id, command)


@router.post(
    "/v1/cases/{case}/shredding/approval", status_code=201, openapi_extra=body_schema(sent.ShreddingApprovalBody)
)
async def approve_shredding(
    case: str,
    call: Annotated[
        Call[sent.ShreddingApprovalBody], Depends(recording("case.shred_approve", sent.ShreddingApprovalBody))
    ],
) -> Response:
    """Agrees; the key is destroyed with the record of it. Records `shred_approved`, `person_shredded`."""
    case_id, _ = await _open_case(case, call)
    answer = await _record(call, case_id, ApproveShredding(case_id, call.caller.subject, call.role))
    call.edge.vault.forget(case_id)
    return answer


@router.get("/v1/cases/{case}")
async def read_case(case: str, reader: Annotated[Reader, Depends(reading("case.read"))]) -> Response:
    """The case as it stands. Personal fields stand under `personal`, for those entitled."""
    case_id = case_of(case)
    loaded = await reader.load(DECIDER, _stream(case_id), "case")
    owners = await _owners(reader, case_id, loaded.state)
    reader.require_own(*owners)
    shown = case_resource(case_id, loaded.state)
    if reader.may("case.read_names", *owners):
        shown["personal"] = await _personal(reader, case_id, loaded.state)
    return resource_response(loaded.version, {**shown, "version": loaded.version})


@router.get("/v1/cases")
async def list_cases(
    reader: Annotated[Reader, Depends(reading("case.list"))],
    asked: Paged,
    outcome: DeterminationOutcome | None = None,
    province: Annotated[str | None, Query(max_length=6)] = None,
    nationality: Annotated[str | None, Query(max_length=2)] = None,
    closed: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Response:
    """The cases that the caller may see, by reference; a moment behind the newest writes."""
    rows = await reader.edge.pool.fetch(
        "SELECT to_jsonb(k) AS item FROM identification_known.known_case k WHERE case_id > $1 "
        "AND ($2::text IS NULL OR reported_by = $2 OR EXISTS (SELECT FROM identification_known.known_party p "
        "WHERE p.case_id = k.case_id AND p.organisation = $2)) AND ($3::text IS NULL OR outcome = $3) "
        "AND ($4::text IS NULL OR province = $4) AND ($5::text IS NULL OR nationality = $5) "
        "AND ($6::boolean IS NULL OR coalesce(closed, false) = $6) ORDER BY case_id LIMIT $7",
        asked.after, reader.caller.organisation if reader.scope == "own" else None,
        outcome, province, nationality, closed, asked.limit + 1,
    )  # fmt: skip
    return page_of([orjson.loads(row["item"]) for row in rows], "case_id", asked)


@router.get("/v1/instruments")
async def list_instruments(_: Annotated[Reader, Depends(reading("instrument.read"))], asked: Paged) -> Response:
    """The screening instruments: their ids, versions and titles."""
    return resource_response(1, part([instrument_head(one) for one in INSTRUMENTS.by_key.values()], asked))


@router.get("/v1/instruments/{instrument}")
async def read_instrument(instrument: str, _: Annotated[Reader, Depends(reading("instrument.read"))]) -> Response:
    """One instrument with its questions in every language."""
    try:
        found = instrument_named(instrument)
    except Refused:
        raise not_found("instrument") from None
    return resource_response(found.version, instrument_resource(found))


async def _personal(reader: Reader, case_id: str, state: Open) -> dict[str, JSON]:
    """What is known of the person, corrections applied in order."""
    personal: dict[str, JSON] = {}
    try:
        for event in (state.identified, *state.corrections):
            if event.sealed and not state.shredded:
                personal |= await reader.edge.vault.open(case_id, event.sealed)
    except Shredded:
        return {"shredded": True}
    return {"shredded": True} if state.shredded else personal


async def _open_case(case: str, call: Call[Any]) -> tuple[str, Open]:
    """The case that a call is about; it exists, and is the caller's where the call is limited to its own."""
    case_id = case_of(case)
    loaded = await call.load(DECIDER, _stream(case_id), "case")
    call.require_own(*await _owners(call, case_id, loaded.state))
    return case_id, loaded.state


async def _owners(reader: Reader, case_id: str, state: Open) -> set[str]:
    """Whose the case is: who reported it, and for these roles whom the person was referred to, or the court."""
    if not reader.caller.roles & {"provider", "justice"}:
        return {state.identified.reported_by}
    rows = await reader.edge.pool.fetch(
        "SELECT organisation FROM identification_known.known_party WHERE case_id = $1", case_id
    )
    return {state.identified.reported_by, *(row["organisation"] for row in rows)}


async def _record(call: Call[Any], case_id: str, command: Command, extra: Mapping[str, JSON] | None = None) -> Response:
    return await call.record(
        [Step(DECIDER, _stream(case_id), command)],
        location=f"/v1/cases/{case_id}",
        resource=lambda outcome: {**_resource(outcome), **(extra or {})},
    )


def _resource(outcome: Outcome) -> Mapping[str, JSON]:
    return case_resource(outcome.stream.partition(":")[2], outcome.state)


def _stream(case_id: str) -> str:
    return f"case:{case_id}"


def _reason(reason: str | None) -> Mapping[str, JSON]:
    return {"reason": reason} if reason else {}
