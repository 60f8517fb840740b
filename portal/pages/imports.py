"""Other systems' files: look at every row first, take the file in, and read what became of each row."""

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Refused
from portal.visitor import Form, Signed, file_of, text_of

router = APIRouter(include_in_schema=False)
FILE_BYTES_MAX: Final = 8 * 1024 * 1024
STATUSES: Final = ("recorded", "duplicate", "refused", "needs_review")
ROWS: Final = 100


@router.get("/imports")
async def show(visitor: Signed) -> Response:
    """The form, and the files that were handed in before."""
    return await _page(visitor)


@router.post("/imports")
async def hand_in(visitor: Signed, form: Form) -> Response:
    """Hand in a file, or try it. The same file again has the same key: nobody is recorded twice."""
    dry = "true" if form.get("dry_run") else "false"
    raw, name = await file_of(form, "file", FILE_BYTES_MAX)
    try:
        answer = await visitor.client.ask(
            "POST",
            "identification",
            f"/v1/imports/{text_of(form, 'system')}",
            params={"dry_run": dry},
            files={"file": (name, raw)},
            headers={"Idempotency-Key": f"import-{dry}-{sha256(raw).hexdigest()}"},
        )
    except Refused as no:
        return await _page(visitor, no)
    return visitor.to(f"/imports/{answer.json()['import_id']}")


@router.get("/imports/{import_id}")
async def one(
    visitor: Signed,
    import_id: str,
    status: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """How far a file is, and its rows: by sheet, row and column, never by value."""
    wanted = status if status in STATUSES else ""
    found = await visitor.client.get(
        "identification", f"/v1/imports/{import_id}", status=wanted, cursor=cursor, limit=ROWS
    )
    return visitor.page("import.html", one=found, status=wanted, statuses=STATUSES)


async def _page(visitor: Signed, no: Refused | None = None) -> Response:
    systems = await visitor.client.get("identification", "/v1/import-systems")
    files = await visitor.client.every("identification", "/v1/imports")
    return visitor.page(
        "imports.html",
        no.status if no else HTTPStatus.OK,
        systems=[(one["system"], visitor.words.pick(one["title"])) for one in systems["items"]],
        files=files[::-1],
        no=no,
    )
