"""A case's export over HTTP: the folder of `nrm export --case` as one ZIP, which `nrm verify` checks offline."""

import asyncio
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Depends, Response

from libs.runtime.edge import Reader, case_of, not_found, reading
from libs.runtime.problems import Problem
from nrm.log import tables
from nrm.log.exporting import CannotExport, Nothing, Wanted, written

router = APIRouter(tags=["log"])


@router.get("/v1/cases/{case}/export", response_class=Response)
async def export_case(case: str, reader: Annotated[Reader, Depends(reading("history.export"))]) -> Response:
    """Every event of a case up to the newest checkpoint, with the proofs that these are all; names stay sealed.

    Unpack it and run `nrm verify FOLDER`. For those alone from whom no event of a case is kept back.
    """
    case_id = case_of(case)
    desk = reader.desk
    with TemporaryDirectory() as place:
        folder = Path(place)
        try:
            async with desk.pool.acquire() as connection:
                await written(connection, desk.settings, Wanted(case_id), folder)
        except Nothing as fault:
            if not await tables.is_case(desk.pool, case_id):
                raise not_found("case") from None
            detail = "the case is recorded and not in the log's newest checkpoint yet; ask again"
            raise Problem(503, "not-yet-seen", detail, retry_after_s=2) from fault
        except CannotExport as fault:
            raise Problem(503, "cannot-export", str(fault), retry_after_s=5) from fault
        content = await asyncio.to_thread(_zipped, folder)
    headers = {"Content-Disposition": f'attachment; filename="{case_id}.zip"', "Cache-Control": "no-store"}
    return Response(content, headers=headers, media_type="application/zip")


def _zipped(folder: Path) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as bundle:
        for file in sorted(folder.iterdir()):
            bundle.write(file, file.name)
    return content.getvalue()
