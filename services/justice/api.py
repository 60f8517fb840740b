"""The routes of justice: parse, one command, one record, one answer."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.justice import ReportFiled
from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.handle import Step
from libs.rules.local import day_of
from libs.runtime.edge import Call, Reader, case_of, not_found, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id, now
from libs.runtime.known import settled
from libs.runtime.pages import Page, Paged, page_of, part
from services.justice import bodies as sent
from services.justice import commands as ask
from services.justice import rulebook
from services.justice.bodies import sealed
from services.justice.decider import COURT_CASE, REPORT
from services.justice.rulebook import LAW

router = APIRouter(tags=["justice"])
CaseFacts: TypeAlias = Mapping[str, Mapping[str, JSON]]
CourtCases = Annotated[Reader, Depends(reading("court_case.read"))]
CaseFilter = Annotated[str | None, Query(max_length=40)]
TextFilter = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.post("/v1/reports", status_code=201, openapi_extra=body_schema(sent.ReportBody))
async def file_report(
    call: Annotated[Call[sent.ReportBody], Depends(recording("report.file", sent.ReportBody))],
) -> Response:
    """The police took a report about a case. Records `report_filed`."""
    body, report_id, case_id = call.body, new_id(), case_of(call.body.case_id)
    case = (await cases_known(call, [case_id]))[case_id]
    filed = ReportFiled(
        report_id=report_id,
        case_id=case_id,
        filed_by=call.caller.organisation,
        station=body.station,
        province=body.province or case["province"],
        suspects=tuple(one.accused() for one in body.suspects),
        personal=sealed(reference=body.reference, note=body.note),
    )
    return await _record_report(call, report_id, ask.FileReport(filed))


@router.post("/v1/reports/{report}/investigations", status_code=201, openapi_extra=body_schema(sent.InvestigationBody))
async def investigate(
    report: str,
    call: Annotated[Call[sent.InvestigationBody], Depends(recording("report.file", sent.InvestigationBody))],
) -> Response:
    """The investigation reached another stage. Records `investigation_recorded`."""
    report_id = id_of(report, "report")
    state = (await call.load(REPORT, f"report:{report_id}", "report")).state
    if "justice" not in call.caller.roles and state.filed.filed_by != call.caller.organisation:
        raise not_found("report")
    command = ask.RecordInvestigation(call.body.stage, sealed(note=call.body.note))
    return await _record_report(call, report_id, command)


@router.get("/v1/reports/{report}")
async def read_report(report: str, reader: Annotated[Reader, Depends(reading("report.read"))]) -> Response:
    """One report, without what is sealed in it."""
    loaded = await reader.load(REPORT, f"report:{id_of(report, 'report')}", "report")
    reader.require_own(loaded.state.filed.filed_by)
    return resource_response(loaded.version, {**rulebook.report_resource(loaded.state), "version": loaded.version})


@router.get("/v1/reports")
async def list_reports(
    reader: Annotated[Reader, Depends(reading("report.read"))], asked: Paged, case_id: CaseFilter = None
) -> Response:
    """The reports that the caller may see; a moment behind the newest writes."""
    return await listed(
        reader, asked, "report_id",
        "SELECT to_jsonb(r) AS item FROM justice_known.known_report r WHERE report_id > $1 "
        "AND ($3::text IS NULL OR case_id = $3) AND ($4::text IS NULL OR filed_by = $4) ORDER BY report_id LIMIT $2",
        case_of(case_id) if case_id else None, reader.caller.organisation if reader.scope == "own" else None,
    )  # fmt: skip


@router.post("/v1/court-cases", status_code=201, openapi_extra=body_schema(sent.CourtCaseBody))
async def prosecute(
    call: Annotated[Call[sent.CourtCaseBody], Depends(recording("court_case.open", sent.CourtCaseBody))],
) -> Response:
    """A prosecution begins. Records `prosecuted` once for every case, all in the court case's stream."""
    body, court_case_id = call.body, new_id()
    case_ids = tuple(case_of(one) for one in body.case_ids)
    if len(set(case_ids)) != len(case_ids):
        raise Refused("invalid-request", "names a case twice", status=422, pointer="/case_ids")
    cases = await cases_known(call, case_ids)
    command = ask.Prosecute(
        court_case_id=court_case_id,
        case_ids=case_ids,
        court=body.court,
        province=body.province or cases[case_ids[0]]["province"],
        accused=tuple(one.accused() for one in body.accused),
        charges=sent.new_charges(body.charges),
        on=day_of(body.occurred_at),
        law=LAW,
    )
    return await _record_court_case(call, court_case_id, command, cases)


def _add_change(path: str, model: type[sent.CourtCaseChange]) -> None:
    """A route that changes a court case: its body says by which command, its docstring what is recorded."""

    async def change(
        court_case: str, call: Annotated[Call[Any], Depends(recording("court_case.change", model))]
    ) -> Response:
        made_id = new_id()
        command = sent.command_of(call.body, made_id, day_of(call.body.occurred_at), LAW)
        made = {"evidence_id": made_id} if isinstance(command, ask.RegisterEvidence) else {}
        return await _change(call, court_case, command, made)

    router.add_api_route(
        f"/v1/court-cases/{{court_case}}/{path}",
        change,
        methods=["POST"],
        status_code=201,
        name=path.replace("-", "_"),
        description=model.__doc__,
        openapi_extra=body_schema(model),
    )


_add_change("charges", sent.ChargesBody)
_add_change("evidence", sent.EvidenceBody)
_add_change("hearings", sent.HearingBody)
_add_change("verdicts", sent.VerdictBody)
_add_change("appeals", sent.AppealBody)
_add_change("compensation-payments", sent.PaymentBody)


@router.post(
    "/v1/court-cases/{court_case}/evidence/{evidence}/transfers",
    status_code=201,
    openapi_extra=body_schema(sent.CustodyBody),
)
async def transfer_custody(
    court_case: str,
    evidence: str,
    call: Annotated[Call[sent.CustodyBody], Depends(recording("court_case.change", sent.CustodyBody))],
) -> Response:
    """Evidence passes to another holder. Records `custody_transferred`, with what breaks the chain."""
    command = ask.TransferCustody(id_of(evidence, "evidence"), sent.transfer_of(call.body, call.body.occurred_at))
    return await _change(call, court_case, command, {"evidence_id": evidence})


@router.get("/v1/court-cases/{court_case}")
async def read_court_case(court_case: str, reader: CourtCases) -> Response:
    """The court case as it stands, with its warnings and their reasons."""
    court_case_id = id_of(court_case, "court case")
    loaded = await reader.load(COURT_CASE, f"court-case:{court_case_id}", "court case")
    purposes = _purposes(await _known_cases(reader.desk.pool, loaded.state.case_ids))
    shown = rulebook.court_case_resource(loaded.state, purposes)
    return resource_response(loaded.version, {**shown, "version": loaded.version})


@router.get("/v1/court-cases")
async def list_court_cases(
    reader: CourtCases,
    asked: Paged,
    case_id: CaseFilter = None,
    court: TextFilter = None,
    province: TextFilter = None,
    pending: bool | None = None,  # noqa: FBT001 - a query parameter
    no_movement_days: Annotated[int | None, Query(ge=1, le=36_500)] = None,
) -> Response:
    """Court cases, a moment behind the newest writes; with `no_movement_days=N` the open ones idle for N days."""
    rows = await reader.desk.pool.fetch(
        rulebook.COURT_CASES, asked.after, asked.limit + 1, case_of(case_id) if case_id else None, court, province,
        pending, now() - timedelta(days=no_movement_days) if no_movement_days else None, now(),
    )  # fmt: skip
    found = [rulebook.listed(orjson.loads(row["item"]), no_movement_days) for row in rows]
    return page_of(found, "court_case_id", asked)


@router.get("/v1/statutes")
async def list_statutes(_: Annotated[Reader, Depends(reading("statute.read"))], asked: Paged) -> Response:
    """The statute table: articles, ranges, since when they stand, and which of them are placeholders."""
    items = [rulebook.statute_resource(one) for one in LAW.statutes]
    return resource_response(LAW.version, {**part(items, asked), "version": LAW.version})


async def cases_known(call: Call[Any], case_ids: Sequence[str]) -> CaseFacts:
    """What identification's events say of the cases. Raises NotYetKnown where they say nothing yet."""

    async def look() -> CaseFacts:
        found = await _known_cases(call.desk.pool, case_ids)
        for case_id in case_ids:
            if case_id not in found:
                raise NotYetKnown(f"case {case_id}")
        return found

    return await settled(look)


async def _known_cases(pool: asyncpg.Pool, case_ids: Sequence[str]) -> CaseFacts:
    rows = await pool.fetch("SELECT * FROM justice_known.known_case WHERE case_id = ANY($1)", list(case_ids))
    return {row["case_id"]: dict(row) for row in rows}


def _purposes(cases: CaseFacts) -> frozenset[str]:
    return frozenset().union(*(rulebook.purposes_of(case) for case in cases.values()))


async def _change(
    call: Call[Any], court_case: str, command: ask.CourtCaseCommand, extra: Mapping[str, JSON] | None = None
) -> Response:
    court_case_id = id_of(court_case, "court case")
    state = (await call.load(COURT_CASE, f"court-case:{court_case_id}", "court case")).state
    cases = await _known_cases(call.desk.pool, state.case_ids)
    return await _record_court_case(call, court_case_id, command, cases, extra)


async def _record_court_case(
    call: Call[Any],
    court_case_id: str,
    command: ask.CourtCaseCommand,
    cases: CaseFacts,
    extra: Mapping[str, JSON] | None = None,
) -> Response:
    purposes = _purposes(cases)
    return await call.record(
        [Step(COURT_CASE, f"court-case:{court_case_id}", command)],
        location=f"/v1/court-cases/{court_case_id}",
        resource=lambda outcome: {**rulebook.court_case_resource(outcome.state, purposes), **(extra or {})},
    )


async def _record_report(call: Call[Any], report_id: str, command: ask.ReportCommand) -> Response:
    return await call.record(
        [Step(REPORT, f"report:{report_id}", command)],
        location=f"/v1/reports/{report_id}",
        resource=lambda outcome: rulebook.report_resource(outcome.state),
    )


async def listed(reader: Reader, asked: Page, key: str, sql: str, *filters: object) -> Response:
    """A page of what a query finds: $1 is the key to begin after, $2 how many rows, then the filters."""
    rows = await reader.desk.pool.fetch(sql, asked.after, asked.limit + 1, *filters)
    return page_of([orjson.loads(row["item"]) for row in rows], key, asked)


def id_of(text: str, what: str) -> str:
    """An id of a path as it is stored; 404 where it is none of ours."""
    try:
        return str(UUID(text))
    except ValueError:
        raise not_found(what) from None
