"""The routes of shelters and their beds: parse, one command, one record, one answer."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import asyncpg
import orjson
import structlog
from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.aftercare import Beds, ShelterOpened
from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON, kind_of
from libs.events.handle import Step
from libs.events.store import Conflict, Unavailable
from libs.rules.plain import plain
from libs.runtime.edge import Call, Edge, Reader, case_of, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id, now
from libs.runtime.known import settled
from libs.runtime.pages import Paged, page_of, part
from libs.runtime.service import system_origin
from services.aftercare.bodies import (
    CapacityBody,
    HoldBody,
    InspectionBody,
    ShelterBody,
)  # fmt: skip
from services.aftercare.commands import (
    At,
    ExpireHolds,
    Hold,
    Inspect,
    OpenShelter,
    Person,
    SetCapacity,
    ShelterCommand,
)  # fmt: skip
from services.aftercare.decider import SHELTER, already_held
from services.aftercare.rulebook import LIMITS, check_standards, hold_expires, result_of
from services.aftercare.state import Shelter

router = APIRouter(tags=["aftercare"])
log = structlog.get_logger()
SWEEP_S = 20


@router.post("/v1/shelters", status_code=201, openapi_extra=body_schema(ShelterBody))
async def open_shelter(call: Annotated[Call[ShelterBody], Depends(recording("shelter.open", ShelterBody))]) -> Response:
    """A shelter takes up its work. Records `shelter_opened`; an address is never sent."""
    body, shelter_id = call.body, new_id()
    organisation = await settled(lambda: _provider_organisation(call.desk.pool, body.provider_id))
    call.require_own(organisation)
    opened = ShelterOpened(
        shelter_id=shelter_id,
        provider_id=body.provider_id,
        organisation=organisation,
        name=body.name,
        province=body.province,
        kind=body.kind,
        beds=tuple(Beds(cohort=one.cohort, count=one.count) for one in body.beds),
    )
    return await _shelter(call, shelter_id, OpenShelter(opened))


@router.post("/v1/shelters/{shelter}/capacity", status_code=201, openapi_extra=body_schema(CapacityBody))
async def set_capacity(
    shelter: str, call: Annotated[Call[CapacityBody], Depends(recording("shelter.capacity", CapacityBody))]
) -> Response:
    """How many beds there are now; never fewer than are occupied or held. Records `capacity_set` per cohort."""
    await own_shelter(call, shelter)
    beds = tuple(Beds(cohort=one.cohort, count=one.count) for one in call.body.all_beds())
    return await _shelter(call, shelter, SetCapacity(beds))


@router.post("/v1/shelters/{shelter}/holds", status_code=201, openapi_extra=body_schema(HoldBody))
async def hold(shelter: str, call: Annotated[Call[HoldBody], Depends(recording("shelter.hold", HoldBody))]) -> Response:
    """A bed is kept free for somebody. Records `bed_held`; it expires by an event."""
    state = await own_shelter(call, shelter)
    body, hold_id = call.body, new_id()
    case_id = case_of(body.case_id) if body.case_id else None
    if body.referral_id:
        look = partial(_held_for, call.desk.pool, body.referral_id, case_id, state.opened.provider_id)
        case_id = await settled(look)
    person = await settled(partial(known_person, call.desk.pool, case_id)) if case_id else None
    expires_at = hold_expires(body.occurred_at)
    command = Hold(hold_id, body.cohort, case_id, body.referral_id, expires_at, person)
    return await _shelter(call, shelter, command, {"hold_id": hold_id, "expires_at": expires_at.isoformat()})


@router.post("/v1/shelters/{shelter}/inspections", status_code=201, openapi_extra=body_schema(InspectionBody))
async def inspect(
    shelter: str, call: Annotated[Call[InspectionBody], Depends(recording("shelter.inspect", InspectionBody))]
) -> Response:
    """MOSVY inspected the shelter. Records `inspected`."""
    await own_shelter(call, shelter)
    body = call.body
    check_standards(body.failed_standards)
    result = result_of(body.result or body.outcome, body.failed_standards)
    return await _shelter(call, shelter, Inspect(result, tuple(body.failed_standards), body.words))


@router.get("/v1/standards")
async def list_standards(_: Annotated[Reader, Depends(reading("standard.read"))], asked: Paged) -> Response:
    """What an inspection looks at, as the ministry's file has it; a failed `critical` one fails the shelter."""
    items = [plain(standard) for standard in LIMITS.standards]
    return resource_response(LIMITS.version, {**part(items, asked), "version": LIMITS.version})


@router.get("/v1/shelters/{shelter}/inspections")
async def list_inspections(
    shelter: str, reader: Annotated[Reader, Depends(reading("shelter.read"))], asked: Paged
) -> Response:
    """Every inspection of a shelter, oldest first."""
    loaded = await reader.load(SHELTER, f"shelter:{shelter}", "shelter")
    reader.require_own(loaded.state.opened.organisation)
    names = ("result", "failed_standards", "remark")
    items = [
        {"inspected_at": one.occurredat, **{name: one.data.get(name) for name in names}}
        for one in await reader.edge.store.read(f"shelter:{shelter}")
        if kind_of(one.type) == "inspected"
    ]
    return resource_response(loaded.version, {"shelter_id": shelter, **part(items, asked)})


@router.get("/v1/shelters/{shelter}")
async def read_shelter(shelter: str, reader: Annotated[Reader, Depends(reading("shelter.read"))]) -> Response:
    """One shelter with its beds as they are now."""
    loaded = await reader.load(SHELTER, f"shelter:{shelter}", "shelter")
    reader.require_own(loaded.state.opened.organisation)
    return resource_response(loaded.version, shelter_resource(loaded.state))


@router.get("/v1/shelters")
async def list_shelters(
    reader: Annotated[Reader, Depends(reading("shelter.read"))],
    asked: Paged,
    province: Annotated[str | None, Query(max_length=6)] = None,
    kind: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """The shelters that the caller may see."""
    rows = await reader.desk.pool.fetch(
        "SELECT to_jsonb(s) AS item FROM aftercare_known.known_shelter s WHERE shelter_id > $1 "
        "AND ($2::text IS NULL OR organisation = $2) AND ($3::text IS NULL OR province = $3) "
        "AND ($4::text IS NULL OR kind = $4) ORDER BY shelter_id LIMIT $5",
        asked.after, reader.caller.organisation if reader.scope == "own" else None, province, kind, asked.limit + 1,
    )  # fmt: skip
    return page_of([orjson.loads(row["item"]) for row in rows], "shelter_id", asked)


async def expire_holds(edge: Edge) -> None:
    """Free the beds whose holds have run out, by an event each. Any replica may; the stream's version decides."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            rows = await edge.pool.fetch(
                "SELECT DISTINCT shelter_id FROM aftercare_known.known_hold WHERE expires_at < now() LIMIT 100"
            )
            for row in rows:
                step = Step(SHELTER, f"shelter:{row['shelter_id']}", At(now(), ExpireHolds()))
                await edge.recorder.record([step], system_origin("aftercare"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable, Conflict, Refused) as fault:
            log.warning("holds.waiting", fault=type(fault).__name__)


def shelter_resource(state: Shelter) -> dict[str, JSON]:
    """A shelter as it is shown; never its address."""
    beds = [
        {
            "cohort": cohort,
            "capacity": count,
            "occupied": state.occupied(cohort),
            "held": state.held(cohort),
            "free": state.free(cohort),
        }
        for cohort, count in sorted(state.capacity.items())
    ]
    shown = state.opened.model_dump(mode="json", exclude={"sealed", "beds"})
    inspection = state.inspection.model_dump(include={"result", "failed_standards"}) if state.inspection else None
    return {**shown, "beds": beds, "inspection": inspection}


async def own_shelter(call: Call[Any], shelter: str) -> Shelter:
    """The shelter, where the caller may act for it. Raises 404 or 403."""
    state: Shelter = (await call.load(SHELTER, f"shelter:{shelter}", "shelter")).state
    call.require_own(state.opened.organisation)
    return state


async def _shelter(
    call: Call[Any], shelter: str, command: ShelterCommand, extra: Mapping[str, JSON] | None = None
) -> Response:
    return await call.record(
        [Step(SHELTER, f"shelter:{shelter}", At(now(), command))],
        location=f"/v1/shelters/{shelter}",
        resource=lambda outcome: {**shelter_resource(outcome.state), **(extra or {})},
    )


async def referral_of(
    pool: asyncpg.Pool, referral_id: str, case_id: str | None, provider_id: str
) -> Mapping[str, JSON]:
    """A referral to this provider, and of this person where one is named. Raises Refused."""
    row = await pool.fetchrow("SELECT * FROM aftercare_known.known_referral WHERE referral_id = $1", referral_id)
    if row is None or row["case_id"] is None:
        raise NotYetKnown(f"referral {referral_id}")
    if case_id and row["case_id"] != case_id:
        raise Refused("referral-of-another-case", "the referral is for another person", pointer="/referral_id")
    if row["provider_id"] != provider_id:
        raise Refused("referral-to-another-provider", "the referral is to another provider", pointer="/referral_id")
    return dict(row)


async def _held_for(pool: asyncpg.Pool, referral_id: str, case_id: str | None, provider_id: str) -> str:
    """The person for whose referral a bed is to be held; one bed in all shelters together. Raises Refused."""
    referral = await referral_of(pool, referral_id, case_id, provider_id)
    held = "SELECT true FROM aftercare_known.known_hold WHERE referral_id = $1 AND expires_at > $2"
    if await pool.fetchval(held, referral_id, now()):
        raise already_held()
    return str(referral["case_id"])


async def _provider_organisation(pool: asyncpg.Pool, provider_id: str) -> str:
    found = await pool.fetchval(
        "SELECT organisation FROM aftercare_known.known_provider WHERE provider_id = $1", provider_id
    )
    if found is None:
        raise NotYetKnown(f"provider {provider_id}")
    return str(found)


async def known_person(pool: asyncpg.Pool, case_id: str) -> Person:
    """What identification's events say of a person. Raises NotYetKnown."""
    row = await pool.fetchrow(
        "SELECT case_id, sex, gender, child FROM aftercare_known.known_case WHERE case_id = $1 AND sex IS NOT NULL",
        case_id,
    )
    if row is None:
        raise NotYetKnown(f"case {case_id}")
    return Person(**row)
