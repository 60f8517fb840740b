"""`GET /v1/cases/{case}/history`: every event of a case from every service, in two clocks, and whether it is whole."""

import asyncio
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import orjson
from cryptography.exceptions import InvalidTag
from fastapi import APIRouter, Depends, Query, Response

from libs.events.envelope import Envelope
from libs.events.event import JSON
from libs.runtime.edge import Desk, Reader, case_of, not_found, reading
from libs.runtime.moments import Moment
from libs.runtime.vault import Shredded, Vault
from libs.runtime.views import projection_of, seen
from libs.transparency.submissions import has_digest
from projections.audit_trail.queries import Recorded, history, standing
from projections.audit_trail.view import WANTS, apply, intact

NAME = "audit_trail"
PROJECTION = projection_of(NAME, apply, WANTS, __file__)
NEEDED = {
    "referral": "history.read_care", "aftercare": "history.read_care",
    "identification": "history.read_case", "justice": "history.read_case",
}  # fmt: skip
"""What a caller must be allowed besides to read a service's events (domain, "Parties"): where a person lives is
need-to-know, and a desk sees its corridor's repatriations."""

router = APIRouter(tags=["audit"])
AsOf = Annotated[Moment, Query(description="only what had happened by then (cuts by `occurredat`)")]
KnownAt = Annotated[Moment, Query(description="only what had been recorded by then (cuts by `time`)")]


@dataclass(slots=True)
class AuditDesk(Desk):
    """What the audit process's routes share: it may read the persons' keys."""

    vault: Vault


@router.get("/v1/cases/{case}/history")
async def read_history(
    case: str,
    reader: Annotated[Reader, Depends(reading("history.read"))],
    _: Annotated[None, Depends(seen(NAME))],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    format: Literal["json", "ndjson"] = "json",  # noqa: A002 - the contract's word
    reason: Annotated[str, Query(max_length=500, description="why an auditor must see names; recorded")] = "",
) -> Response:
    """Every event of a case, in the order of `time`. Personal fields stand under `personal`, for those entitled."""
    del reason  # the visit has it, from here or from the header X-Access-Reason
    case_id = case_of(case)
    desk = reader.desk
    assert isinstance(desk, AuditDesk)  # only the audit process has this router
    # At once: PostgreSQL looks for what may be missing while the events are read here.
    found, beside, _ = await asyncio.gather(
        history(desk.pool, case_id), standing(desk.pool, case_id), desk.vault.renew(case_id)
    )
    if not found:
        raise not_found("case")
    organisations = set().union(*(one.organisations for one in found))
    reader.require_own(*organisations)
    shown = _by_then(found, as_of, known_at)
    kept_back = {service for service, action in NEEDED.items() if not reader.may(action, *organisations)}
    visible = [one for one in shown if one.service not in kept_back]
    events = await _events(desk.vault, case_id, visible, names=_may_see_names(reader, organisations))
    if format == "ndjson":
        lines = b"".join(orjson.dumps(event) + b"\n" for event in events)
        return Response(lines, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})
    head = beside.checkpoint
    answer = {
        "case_id": case_id,
        "events": events,
        "complete": beside.complete and intact([(one.envelope, one.published_hash) for one in found]),
        "withheld": len(shown) - len(visible),
        "linked_cases": beside.linked,
        "checkpoint": {**head, "covers": all(one.index is not None and one.index < head["size"] for one in visible)},
    }
    return Response(orjson.dumps(answer), media_type="application/json", headers={"Cache-Control": "no-store"})


def _by_then(found: Sequence[Recorded], as_of: datetime | None, known_at: datetime | None) -> list[Recorded]:
    """What had happened and was recorded by two moments."""
    return [
        one
        for one in found
        if (as_of is None or one.occurred_at <= as_of) and (known_at is None or one.recorded_at <= known_at)
    ]


def _may_see_names(reader: Reader, organisations: set[str]) -> bool:
    """An auditor sees names only with a stated reason (domain, "Parties"); the edge records it with the read."""
    if reader.may("history.read_names", *organisations):
        return True
    return bool(reader.visit.reason) and reader.may("history.read_names_with_reason", *organisations)


async def _events(vault: Vault, case_id: str, found: Sequence[Recorded], *, names: bool) -> list[dict[str, JSON]]:
    events = []
    for one in found:
        event = {**one.envelope.public(), "hash": one.published_hash}
        sealed = one.envelope.data.get("sealed")
        if names and sealed and one.envelope.subject == case_id:
            event["personal"] = await _personal(vault, case_id, sealed)
        if names and one.envelope.submissionbody and one.envelope.subject == case_id:
            event["submitted"] = await _submitted(vault, case_id, one.envelope)
        events.append(event)
    return events


async def _personal(vault: Vault, case_id: str, sealed: str) -> dict[str, JSON]:
    try:
        return await vault.open(case_id, sealed)
    except Shredded:
        return {"shredded": True}
    except (InvalidTag, ValueError):
        return {"unreadable": True}


async def _submitted(vault: Vault, case_id: str, envelope: Envelope) -> dict[str, JSON]:
    """The request's body as its submitter signed it, to be held against the event."""
    opened = await _personal(vault, case_id, envelope.submissionbody or "")
    if "body" not in opened:
        return opened
    base = b64decode(envelope.submissionbase or "").decode()
    return {**opened, "digest_matches": has_digest(base, opened["body"].encode())}
