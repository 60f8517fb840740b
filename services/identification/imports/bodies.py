"""What is handed in: a file in a form, and how it is read from the request."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Request
from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from libs.runtime.edge import Edge
from libs.runtime.problems import Problem
from libs.runtime.requests import Body, read_raw, unfit

MEDIA_TYPE = "multipart/form-data"
FILE_TYPES = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
"""The file itself as the body: so it is signed (RFC 9421), for then the signature covers the file's digest."""

FILE_BYTES_MAX = 8 * 1024 * 1024
"""A register of twenty thousand rows; a larger one is handed in by the year."""

FORM_BYTES = 64 * 1024
"""What a form may add around its file."""


class ImportForm(Body):
    """The form of an import: one CSV or XLSX file."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"}, description="CSV or XLSX, at most 8 MiB")]


class Handed(Body):
    """The bytes of a file that was handed in, and whether it is only tried."""

    content: bytes
    dry_run: bool


async def read_handed(request: Request, _: Edge) -> tuple[bytes, bytes, Handed]:
    """The file, alone or in a form. Raises 415, 413, 400 (no form) or 422 (no file in it).

    What an idempotency key stands for is the file, not the form around it: its boundary is another one each time.
    """
    said = request.query_params.get("dry_run", "false").lower()
    if said not in {"true", "false"}:
        raise unfit("/dry_run", "is true or false")
    raw = await read_raw(request, FILE_BYTES_MAX + FORM_BYTES, (MEDIA_TYPE, *FILE_TYPES))
    alone = not request.headers["content-type"].strip().lower().startswith(MEDIA_TYPE)
    content = raw if alone else await _in_form(request, raw)
    if len(content) > FILE_BYTES_MAX:
        raise Problem(413, "body-too-large", f"the file is larger than {FILE_BYTES_MAX} bytes")
    if not content:
        raise unfit("/file", "is empty")
    return raw, said.encode() + b"\n" + content, Handed(content=content, dry_run=said == "true")


async def _in_form(request: Request, raw: bytes) -> bytes:
    """The file in a form."""

    async def once() -> AsyncGenerator[bytes, None]:
        yield raw

    try:
        form = await MultiPartParser(
            request.headers, once(), max_files=1, max_fields=1, max_part_size=FORM_BYTES
        ).parse()
    except (MultiPartException, KeyError) as fault:
        raise Problem(400, "malformed-form", "send one file as multipart/form-data") from fault
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise unfit("/file", "is missing: send the CSV or XLSX under the name `file`")
    content = await file.read()
    await form.close()
    return content
