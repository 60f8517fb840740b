"""The hand-over file: printed for the way, and checked at the gate by its code."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from portal.client import Refused
from portal.visitor import Signed, handed_on

router = APIRouter(include_in_schema=False)


@router.get("/returns/{repatriation}/handover-file")
async def print_file(
    visitor: Signed, repatriation: str, language: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """The signed file as PDF, as the repatriation service makes and records it."""
    query = {"format": "pdf"} | ({"language": language} if language else {})
    path = f"/v1/repatriations/{repatriation}/handover-file"
    return handed_on(await visitor.client.ask("GET", "repatriation", path, params=query))


@router.get("/verify")
async def verify(visitor: Signed, code: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Whether a file that somebody holds is ours and still stands. Tells nothing of the person."""
    found, no = None, None
    if code.strip():
        try:
            found = await visitor.client.get("repatriation", f"/v1/handover-files/{code.strip()}")
        except Refused as refused:
            no = refused
    return visitor.page("verify.html", typed=code.strip(), found=found, no=no)
