"""The routes of charges against victims: recorded, alerted, assigned, resolved."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from libs.events.catalogue.justice import AlertBasis, VictimCharged
from libs.events.event import JSON
from libs.events.handle import Step
from libs.rules.local import day_of
from libs.runtime.edge import Call, Reader, case_of, not_found, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id
from libs.runtime.pages import Paged
from services.justice.api import CaseFilter, cases_known, id_of, listed
from services.justice.bodies import sealed
from services.justice.decider import kind_of_offence
from services.justice.rulebook import LAW
from services.justice.victim_charge.bodies import AssignmentBody, ResolutionBody, VictimChargeBody
from services.justice.victim_charge.commands import AssignAlert, ChargeVictim, ResolveAlert, VictimChargeCommand
from services.justice.victim_charge.decider import VICTIM_CHARGE
from services.justice.victim_charge.state import VictimCharge

router = APIRouter(tags=["justice"])
VictimCharges = Annotated[Reader, Depends(reading("victim_charge.read"))]
VICTIM_CHARGES = """
SELECT to_jsonb(v) || jsonb_build_object(
    'alert_due', v.basis IS NULL AND (k.outcome = 'victim' OR (k.outcome IS NULL AND k.screening = 'presumed_victim'))
) AS item
FROM justice_known.known_victim_charge v LEFT JOIN justice_known.known_case k USING (case_id)
WHERE v.victim_charge_id > $1 AND ($3::text IS NULL OR v.case_id = $3)
    AND ($4::boolean IS NULL OR (v.resolution IS NULL) = $4)
ORDER BY v.victim_charge_id LIMIT $2
"""


@router.post("/v1/cases/{case}/victim-charges", status_code=201, openapi_extra=body_schema(VictimChargeBody))
async def charge_victim(
    case: str,
    call: Annotated[Call[VictimChargeBody], Depends(recording("victim_charge.record", VictimChargeBody))],
) -> Response:
    """A victim is accused of something done while trafficked. Records it, and raises a non-prosecution alert."""
    body, case_id, victim_charge_id = call.body, case_of(case), new_id()
    known = (await cases_known(call, [case_id]))[case_id]
    committed_on = body.committed_on or day_of(body.occurred_at)
    charged = VictimCharged(
        victim_charge_id=victim_charge_id,
        case_id=case_id,
        court=body.court,
        province=body.province or known["province"],
        statute=body.statute,
        article=body.article,
        kind=kind_of_offence(LAW, body.statute, body.article, committed_on),
        committed_on=committed_on.isoformat(),
        personal=sealed(conduct=body.conduct),
    )
    command = ChargeVictim(charged, basis_of(known))
    return await _record_victim_charge(call, case_id, victim_charge_id, command)


@router.post(
    "/v1/cases/{case}/victim-charges/{victim_charge}/assignments",
    status_code=201,
    openapi_extra=body_schema(AssignmentBody),
)
async def assign_alert(
    case: str,
    victim_charge: str,
    call: Annotated[Call[AssignmentBody], Depends(recording("victim_charge.assign", AssignmentBody))],
) -> Response:
    """An organisation takes care of the alert. Records `non_prosecution_alert_assigned`."""
    case_id, victim_charge_id = await _victim_charge(call, case, victim_charge)
    basis = basis_of((await cases_known(call, [case_id]))[case_id])
    command = AssignAlert(call.body.assignee, basis, sealed(note=call.body.note))
    return await _record_victim_charge(call, case_id, victim_charge_id, command)


@router.post(
    "/v1/cases/{case}/victim-charges/{victim_charge}/resolution",
    status_code=201,
    openapi_extra=body_schema(ResolutionBody),
)
async def resolve_alert(
    case: str,
    victim_charge: str,
    call: Annotated[Call[ResolutionBody], Depends(recording("victim_charge.resolve", ResolutionBody))],
) -> Response:
    """The alert ends. Records `non_prosecution_alert_resolved`; from then on it no longer counts."""
    case_id, victim_charge_id = await _victim_charge(call, case, victim_charge)
    command = ResolveAlert(call.body.resolution, sealed(reason=call.body.reason))
    return await _record_victim_charge(call, case_id, victim_charge_id, command)


@router.get("/v1/cases/{case}/victim-charges/{victim_charge}")
async def read_victim_charge(case: str, victim_charge: str, reader: VictimCharges) -> Response:
    """One charge against a victim, and what became of its alert."""
    _, victim_charge_id = await _victim_charge(reader, case, victim_charge)
    loaded = await reader.load(VICTIM_CHARGE, f"victim-charge:{victim_charge_id}", "charge against a victim")
    return resource_response(loaded.version, victim_charge_resource(loaded.state))


@router.get("/v1/victim-charges")
async def list_victim_charges(
    reader: VictimCharges,
    asked: Paged,
    case_id: CaseFilter = None,
    unresolved: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Response:
    """Charges against victims and their alerts; `alert_due` where the person came to be held for a victim later."""
    return await listed(
        reader, asked, "victim_charge_id", VICTIM_CHARGES, case_of(case_id) if case_id else None, unresolved
    )


@router.get("/v1/cases/{case}/victim-charges")
async def list_victim_charges_of_case(case: str, reader: VictimCharges, asked: Paged) -> Response:
    """The charges against one victim."""
    return await listed(reader, asked, "victim_charge_id", VICTIM_CHARGES, case_of(case), None)


def basis_of(case: Mapping[str, JSON]) -> AlertBasis | None:
    """Why a charge against this person has to be looked at; None where the person is decided to be no victim."""
    if case["outcome"] == "victim":
        return "determined_victim"
    if case["outcome"] in {"not_victim", "smuggled_migrant"}:
        return None
    return "presumed_victim" if case["screening"] == "presumed_victim" else "not_yet_decided"


def victim_charge_resource(state: VictimCharge) -> dict[str, JSON]:
    """A charge against a victim, and its alert."""
    raised, resolved = state.raised, state.resolved
    alert = {
        "status": "resolved" if resolved else "assigned" if state.assignee else "raised",
        "basis": raised.basis if raised else None,
        "assignee": state.assignee,
        "resolution": resolved.resolution if resolved else None,
    }
    return {**state.charged.model_dump(mode="json", exclude={"sealed"}), "alert": alert if raised else None}


async def _record_victim_charge(
    call: Call[Any], case_id: str, victim_charge_id: str, command: VictimChargeCommand
) -> Response:
    return await call.record(
        [Step(VICTIM_CHARGE, f"victim-charge:{victim_charge_id}", command)],
        location=f"/v1/cases/{case_id}/victim-charges/{victim_charge_id}",
        resource=lambda outcome: victim_charge_resource(outcome.state),
    )


async def _victim_charge(reader: Reader, case: str, victim_charge: str) -> tuple[str, str]:
    """The case and the charge of a path; 404 where there is no such charge, or it is another case's."""
    case_id, victim_charge_id = case_of(case), id_of(victim_charge, "charge against a victim")
    stream = f"victim-charge:{victim_charge_id}"
    loaded = await reader.load(VICTIM_CHARGE, stream, "charge against a victim")
    if loaded.state.charged.case_id != case_id:
        raise not_found("charge against a victim")
    return case_id, victim_charge_id
