"""The cases that the caller may see, and one case as it stands, with what can be done next."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Json, Refused
from portal.provinces import PROVINCES, province_name
from portal.visitor import Signed

router = APIRouter(include_in_schema=False)
OUTCOMES: Final = ("victim", "smuggled_migrant", "not_victim", "inconclusive")
PAGE: Final = 50


@router.get("/cases")
async def show(
    visitor: Signed,
    outcome: Annotated[str, Query(max_length=20)] = "",
    province: Annotated[str, Query(max_length=6)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    case: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """A page of the list, or the case whose reference was typed."""
    if case:
        return visitor.to(f"/cases/{case.strip().upper()}")
    found = await visitor.client.get(
        "identification", "/v1/cases", outcome=outcome, province=province, cursor=cursor, limit=PAGE
    )
    return visitor.page(
        "cases.html", cases=found["items"], next=found["next"], outcome=outcome, province=province, outcomes=OUTCOMES,
        provinces=list(PROVINCES), province_name=lambda code: province_name(code, visitor.words),
    )  # fmt: skip


@router.get("/cases/{case}")
async def one(visitor: Signed, case: str) -> Response:
    """A case: what is known, what was decided, who asked for what, and the next steps for this role."""
    client = visitor.client
    found = await client.get("identification", f"/v1/cases/{case}")
    referrals = await _items(visitor, "referral", "/v1/referrals", "referral.read", case)
    returns = await _items(visitor, "repatriation", "/v1/repatriations", "repatriation.read", case)
    return visitor.page(
        "case.html", case=found, referrals=referrals, returns=returns,
        province_name=lambda code: province_name(code, visitor.words),
        may={name: visitor.may(action) for name, action in _ACTIONS.items()},
    )  # fmt: skip


_ACTIONS: Final = {
    "story": "history.read", "screen": "case.screen", "determine": "case.determine", "options": "options.read",
    "consent": "case.consent",
}  # fmt: skip


async def _items(visitor: Signed, process: str, path: str, action: str, case: str) -> list[dict[str, Json]]:
    """What another service lists for the case; nothing where that is not for this caller."""
    if not visitor.may(action):
        return []
    try:
        items: list[dict[str, Json]] = (await visitor.client.get(process, path, case_id=case))["items"]
    except Refused:
        return []
    return items
