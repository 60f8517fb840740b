"""The routes of the unmet-need ledger: needs that no provider meets, who was turned away and why, in figures."""

from collections import Counter
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Response

from libs.events.handle import Step
from libs.runtime.edge import Call, Reader, case_of, reading, recording
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id
from libs.runtime.pages import Paged, page_of, part
from services.referral.api import require_party
from services.referral.need.bodies import NeedBody
from services.referral.need.commands import Record
from services.referral.need.decider import NEED
from services.referral.need.ledger import Wanted, declines, entries, summary
from services.referral.options.api import options_of, presumed_if_known
from services.referral.options.rulebook import Asked

router = APIRouter(tags=["referral"])


@router.post("/v1/cases/{case}/needs", status_code=201, openapi_extra=body_schema(NeedBody))
async def record_need(
    case: str, call: Annotated[Call[NeedBody], Depends(recording("need.record", NeedBody))]
) -> Response:
    """No provider was found for this person: the need enters the ledger. Refused where a provider could take it."""
    case_id, need_id, body = case_of(case), new_id(), call.body
    await require_party(call, case_id)
    person = await presumed_if_known(call.desk.pool, case_id)
    found = await options_of(call.desk.pool, case_id, Asked(body.service, body.term, body.province))
    command = Record(
        need_id, person, body.service, body.term, body.province, call.caller.organisation,
        found["possible_when_complete"], {"reason": body.reason},
    )  # fmt: skip
    return await call.record(
        [Step(NEED, f"need:{need_id}", command)],
        location=f"/v1/unmet-needs?case={case_id}",
        resource=lambda outcome: {
            **outcome.state.recorded.model_dump(mode="json", exclude={"sealed"}),
            "missing": found["missing"],
        },
    )


@router.get("/v1/unmet-needs")
async def list_needs(
    reader: Annotated[Reader, Depends(reading("need.read"))],
    asked: Paged,
    wanted: Annotated[Wanted, Depends()],
) -> Response:
    """The ledger: who was refused, declined, waits or found no provider; opened when, and met or lapsed when."""
    own = reader.caller.organisation if reader.scope == "own" else None
    return page_of(await entries(reader.desk.pool, own, wanted, asked), "entry", asked)


@router.get("/v1/unmet-needs/summary")
async def count_needs(
    reader: Annotated[Reader, Depends(reading("need.count"))],
    wanted: Annotated[Wanted, Depends()],
    asked: Paged,
) -> Response:
    """Persons in need by kind, province and cohort, still open, met, and lapsed; no person is named."""
    items = await summary(reader.desk.pool, wanted)
    totals = {name: sum(item[name] for item in items) for name in ("open", "met", "lapsed", "entries")}
    return _shown({**part(items, asked), "totals": totals})


@router.get("/v1/declines")
async def count_declines(reader: Annotated[Reader, Depends(reading("need.count"))], asked: Paged) -> Response:
    """Refusals and declines by provider, province, cohort and reason, and in all by reason."""
    items = await declines(reader.desk.pool, None)
    totals: Counter[str] = Counter()
    for item in items:
        totals[item["reason"]] += item["count"]
    return _shown({**part(items, asked), "totals": dict(totals)})


def _shown(answer: dict[str, object]) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
