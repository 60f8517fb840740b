"""The routes of imports: hand a file in, follow it, read what became of each row."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response

from libs.events.catalogue.imports import ImportStarted
from libs.events.event import JSON
from libs.events.handle import Step
from libs.rules.mappings import SystemMap, UnknownSystem
from libs.rules.plain import plain
from libs.runtime.edge import Call, Reader, forbidden, not_found, reading, recording_read, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id, now
from libs.runtime.pages import Paged, cursor_of, page_of, part
from libs.runtime.problems import Problem
from libs.transparency.submissions import has_digest
from services.identification.imports import jobs
from services.identification.imports.bodies import FILE_TYPES, MEDIA_TYPE, Handed, ImportForm, read_handed
from services.identification.imports.commands import StartImport
from services.identification.imports.decider import IMPORTS
from services.identification.imports.reading import MAPPINGS, read_file

router = APIRouter(tags=["imports"])
ACTION = "case.import"
_BODY = body_schema(ImportForm, MEDIA_TYPE)
_BODY["requestBody"]["content"] |= {one: {"schema": {"type": "string", "format": "binary"}} for one in FILE_TYPES}


@router.post("/v1/imports/{name}", status_code=201, openapi_extra=_BODY)
async def hand_in(
    system: Annotated[str, Path(alias="name", description="a system of /v1/import-systems")],
    call: Annotated[Call[Handed], Depends(recording_read(ACTION, read_handed))],
    dry_run: Annotated[Literal["true", "false"], Query(description="look at every row, record none")] = "false",
) -> Response:
    """Another system's file, CSV or XLSX: read at once, taken in row by row. Records `import_started`.

    In a form, or as the body itself: so it may be signed (RFC 9421), and every row keeps the signature.
    422 where it is no such file, with what is missing; what is wrong with single rows stands in the report.
    """
    del dry_run  # read with the body, for it belongs to what the idempotency key stands for
    mapping, handed = _mapping(system), call.body
    if call.scope == "own" and mapping.becomes != "agency":
        raise forbidden(call.caller, ACTION)
    if call.signed and not has_digest(b64decode(call.signed.submission.base).decode(), handed.content):
        what = f"send the file itself as the body, as {' or '.join(FILE_TYPES)}: a form's signature covers no file"
        raise Problem(400, "sign-the-file", what)
    file = await asyncio.to_thread(read_file, handed.content, mapping, now().date())
    import_id, edge = new_id(), call.edge
    started = ImportStarted(
        import_id=import_id, system=mapping.id, mapping_version=mapping.version,
        file_hash=sha256(handed.content).hexdigest(), rows=len(file.drafts), dry_run=handed.dry_run,
    )  # fmt: skip
    key = edge.vault.new_key(import_id)
    job = jobs.Job(
        import_id, call.caller.organisation, call.caller.subject, call.role, "competent_authority" in call.caller.roles,
        mapping.id, mapping.version, started.file_hash, started.rows, handed.dry_run, len(file.table.notes),
        file.table.unknown, await edge.vault.seal(import_id, {"file": b64encode(handed.content).decode()}),
    )  # fmt: skip
    await jobs.keep(edge.pool, job)
    response = await replace(call, correlation=import_id).record(
        [Step(IMPORTS, f"import:{import_id}", StartImport(started), expected=0)],
        location=f"/v1/imports/{import_id}",
        resource=lambda _: {**started.model_dump(mode="json", exclude={"sealed"}), "status": "running"},
        person_keys=[(import_id, key)],
        occurred_at=now(),
    )
    if response.headers.get("Idempotent-Replayed"):
        await jobs.forget(edge.pool, import_id)
    return response


@router.get("/v1/imports/{name}")  # OpenAPI: two templates that differ by a name only are the same path
async def read_import(
    import_id: Annotated[str, Path(alias="name", description="the import's id")],
    reader: Annotated[Reader, Depends(reading(ACTION))],
    asked: Paged,
    status: Literal["recorded", "duplicate", "refused", "needs_review"] | None = None,
) -> Response:
    """How far a file is, and what became of each row: by sheet, row and column, never by value."""
    pool = reader.edge.pool
    job = await jobs.job_row(pool, import_id)
    if job is None:
        raise not_found("import")
    if job["organisation"] != reader.caller.organisation and "competent_authority" not in reader.caller.roles:
        raise forbidden(reader.caller, ACTION)
    found = await jobs.rows_of(pool, import_id, asked.number(), asked.limit + 1, status)
    items = found[: asked.limit]
    shown = {
        **_shown(job),
        "counts": await jobs.counts(pool, import_id),
        "by_rule": await jobs.by_rule(pool, import_id),
        "items": items,
        "next": cursor_of(str(items[-1]["number"])) if len(found) > asked.limit else None,
    }
    return resource_response(job["done"], shown)


@router.get("/v1/imports")
async def list_imports(reader: Annotated[Reader, Depends(reading(ACTION))], asked: Paged) -> Response:
    """The files that were handed in by the caller's organisation; all of them for the competent authority."""
    own = None if "competent_authority" in reader.caller.roles else reader.caller.organisation
    found = await jobs.jobs_of(reader.edge.pool, own, asked.after, asked.limit + 1)
    return page_of([_shown(one) for one in found], "import_id", asked)


@router.get("/v1/import-systems")
async def list_systems(_: Annotated[Reader, Depends(reading("instrument.read"))], asked: Paged) -> Response:
    """The systems whose files are read: their columns, headings, and definitions that differ from ours."""
    items = [_system(one) for one in MAPPINGS.newest.values()]
    return Response(orjson.dumps(part(items, asked)), media_type="application/json")


def _mapping(system: str) -> SystemMap:
    try:
        return MAPPINGS.of(system)
    except UnknownSystem:
        raise Problem(404, "not-found", f"there is no such system; there are {', '.join(MAPPINGS.newest)}") from None


def _system(mapping: SystemMap) -> Mapping[str, JSON]:
    columns = [
        {"name": one.name, "headings": list(one.headings), "to": one.to, "kind": one.kind, "required": one.required}
        for one in mapping.columns
    ]
    return {
        "system": mapping.id, "version": mapping.version, "title": dict(mapping.title), "becomes": mapping.becomes,
        "source": plain(mapping.source), "columns": columns,
        "definitions": [
            {"column": one.column, "verdict": one.verdict, "rule": one.rule, "why": one.why}
            for one in mapping.definitions
        ],
    }  # fmt: skip


def _shown(job: Mapping[str, Any]) -> dict[str, JSON]:
    status = "failed" if job["failed"] else "finished" if job["finished_at"] else "running"
    return {**job, "status": status}
