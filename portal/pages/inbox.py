"""What is due, by role: cases to decide, referrals to approve or to answer, returns that wait for this organisation."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Final

from fastapi import APIRouter, Response

from portal.client import Away, Json, Refused
from portal.visitor import Form, Signed, day, happened, text_of, today

router = APIRouter(include_in_schema=False)
DUE: Final = ("identification", "referral", "aftercare", "justice", "repatriation")
"""Services that may list what is due; one that does not is passed over."""

TO_DO: Final = {"social_affairs": "awaiting_decision", "provider": "approved", "first_responder": "declined"}
"""Which referrals wait for a role: MOSVY signs, the provider answers, the referrer looks for the next in line."""

GROUNDS: Final = ("place_available", "full", "not_suitable", "person_declined")
CARE_ROLES: Final = frozenset({"competent_authority", "social_affairs", "provider", "first_responder"})
DUE_SHOWN_MAX: Final = 25


@router.get("/inbox")
async def show(visitor: Signed) -> Response:
    """Everything that waits for the caller, the overdue first. A service that is away is named, not waited for."""
    away: list[str] = []
    lists = await asyncio.gather(*(_due(visitor, process, away) for process in DUE))
    due = [one for found in lists for one in found if _is_ours(visitor, one)]
    due.sort(key=lambda one: (not one.get("overdue"), str(one.get("due") or "9")))
    undecided, referrals = await _undecided(visitor, away), await _referrals(visitor, away)
    returns = await _returns(visitor, away)
    return visitor.page(
        "inbox.html", due=due[:DUE_SHOWN_MAX], due_all=len(due), due_late=sum(bool(one["overdue"]) for one in due),
        away=sorted(set(away)), undecided=undecided,
        referrals=referrals, returns=returns, decides=visitor.may("case.determine"),
    )  # fmt: skip


@router.get("/referrals/{referral}")
async def referral(visitor: Signed, referral: str) -> Response:
    """A referral, and what this role may answer."""
    found = await visitor.client.get("referral", f"/v1/referrals/{referral}")
    following = None
    if found["status"] in {"declined", "refused"}:
        following = await visitor.client.optional("referral", f"/v1/referrals/{referral}/next-in-line")
    return visitor.page(
        "referral.html", one=found, referral=referral, following=following, grounds=GROUNDS,
        signs=visitor.may("referral.decide") and found["status"] == "awaiting_decision",
        answers=visitor.may("referral.respond") and found["status"] in {"approved", "declined"},
    )  # fmt: skip


@router.post("/referrals/{referral}")
async def decide(visitor: Signed, referral: str, form: Form) -> Response:
    """Approve or refuse (MOSVY), accept or decline (the provider)."""
    body = {"occurred_at": happened(form), "reason": text_of(form, "reason") or text_of(form, "ground")}
    if decision := text_of(form, "decision"):
        path, body["decision"] = "decisions", decision
    else:
        path, body["response"] = "responses", text_of(form, "response")
        body["reason"] = text_of(form, "ground") or body["reason"]
    await visitor.client.post("referral", f"/v1/referrals/{referral}/{path}", body, text_of(form, "key"))
    return visitor.to(f"/referrals/{referral}")


async def _due(visitor: Signed, process: str, away: list[str]) -> Sequence[dict[str, Json]]:
    try:
        found = await visitor.client.optional(process, "/v1/due", limit=200)
    except Away:
        away.append(process)
        return []
    return [{"overdue": False, **one, "process": process} for one in (found or {}).get("items", [])]


def _is_ours(visitor: Signed, one: dict[str, Json]) -> bool:
    """Whether it waits for the caller: for its organisation where one is named, else for its role."""
    organisation = one.get("organisation")
    if organisation:
        return bool(organisation == visitor.session.organisation)
    party = one.get("party")
    return party is None or party in visitor.session.roles or party == visitor.session.organisation


async def _undecided(visitor: Signed, away: list[str]) -> list[dict[str, Json]]:
    """Cases without a determination, those that wait longest first."""
    if not visitor.may("case.determine"):
        return []
    try:
        found = await visitor.client.every("identification", "/v1/cases", closed="false")
    except Away as fault:
        away.append(fault.process)
        return []
    waiting = [one for one in found if not one.get("outcome")]
    for one in waiting:
        one["days"] = (date.fromisoformat(today()) - date.fromisoformat(day(one["occurred_at"]))).days
    return sorted(waiting, key=lambda one: -int(one["days"]))


async def _referrals(visitor: Signed, away: list[str]) -> list[dict[str, Json]]:
    status = next((TO_DO[role] for role in visitor.session.roles if role in TO_DO), None)
    if status is None or not visitor.may("referral.read"):
        return []
    try:
        found = await visitor.client.every("referral", "/v1/referrals", status=status)
    except (Away, Refused):
        away.append("referral")
        return []
    known = [{"overdue": False, "due": None, **one} for one in found]
    return sorted(known, key=lambda one: (not one["overdue"], str(one["due"] or "9")))


async def _returns(visitor: Signed, away: list[str]) -> list[dict[str, Json]]:
    """Repatriations that wait for this organisation."""
    if not visitor.may("view.cross_border"):
        return []
    try:
        found = await visitor.client.every("views", "/v1/views/cross-border")
    except Away as fault:
        away.append(fault.process)
        return []
    return [one for one in found if (one.get("waiting_for") or {}).get("party") == visitor.session.organisation]
