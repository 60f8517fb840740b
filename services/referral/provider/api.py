"""The routes of providers: registration with MOSVY, and the directory."""

import re
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Response

from libs.events.catalogue.referral import ProviderRegistered
from libs.events.event import JSON
from libs.events.handle import Step
from libs.runtime.edge import Call, Reader, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id
from libs.runtime.pages import Paged, page_of
from services.referral.commands import ChangeOffers, DecideRegistration, Register
from services.referral.decider import PROVIDER
from services.referral.provider.bodies import OffersBody, ProviderBody, RegistrationBody
from services.referral.rulebook import Wanted, offers
from services.referral.state import Registration

router = APIRouter(tags=["referral"])


@router.post("/v1/providers", status_code=201, openapi_extra=body_schema(ProviderBody))
async def register(
    call: Annotated[Call[ProviderBody], Depends(recording("provider.register", ProviderBody))],
) -> Response:
    """A provider asks to be registered. Answers its `organisation`, which its tokens carry."""
    provider_id, body = new_id(), call.body
    own = call.caller.organisation if "provider" in call.caller.roles else None
    registered = ProviderRegistered(
        provider_id=provider_id,
        organisation=own or body.organisation or _slug(body.name, provider_id),
        name=body.name,
        province=body.province,
        services=tuple(body.services),
        offers=tuple(one.offer() for one in body.offers),
    )
    return await call.record(
        [Step(PROVIDER, f"provider:{provider_id}", Register(registered))],
        location=f"/v1/providers/{provider_id}",
        resource=lambda outcome: provider_resource(outcome.state),
    )


@router.post("/v1/providers/{provider}/registrations", status_code=201, openapi_extra=body_schema(RegistrationBody))
async def decide_registration(
    provider: str, call: Annotated[Call[RegistrationBody], Depends(recording("provider.decide", RegistrationBody))]
) -> Response:
    """MOSVY approves, suspends, or lifts a suspension. A suspended provider gets no referral."""
    await call.load(PROVIDER, f"provider:{provider}", "provider")
    command = DecideRegistration(provider, call.body.decision, call.body.reason)
    return await call.record(
        [Step(PROVIDER, f"provider:{provider}", command)],
        location=f"/v1/providers/{provider}",
        resource=lambda outcome: provider_resource(outcome.state),
    )


@router.post("/v1/providers/{provider}/offers", status_code=201, openapi_extra=body_schema(OffersBody))
async def change_offers(
    provider: str, call: Annotated[Call[OffersBody], Depends(recording("provider.change", OffersBody))]
) -> Response:
    """The directory is corrected: what is offered, for whom. What a decline as not suitable calls for."""
    registration: Registration = (await call.load(PROVIDER, f"provider:{provider}", "provider")).state
    call.require_own(registration.registered.organisation)
    body = call.body
    offered = tuple(one.offer() for one in body.offers)
    command = ChangeOffers(provider, tuple(body.services), offered, body.reason, body.because_of)
    return await call.record(
        [Step(PROVIDER, f"provider:{provider}", command)],
        location=f"/v1/providers/{provider}",
        resource=lambda outcome: provider_resource(outcome.state),
    )


@router.get("/v1/providers/{provider}")
async def read_provider(provider: str, reader: Annotated[Reader, Depends(reading("provider.read"))]) -> Response:
    """One provider as it is registered now."""
    loaded = await reader.load(PROVIDER, f"provider:{provider}", "provider")
    return resource_response(loaded.version, provider_resource(loaded.state))


@router.get("/v1/providers")
async def list_providers(
    reader: Annotated[Reader, Depends(reading("provider.read"))],
    asked: Paged,
    wanted: Annotated[Wanted, Depends()],
) -> Response:
    """The directory: providers by province, service, and for whom; a moment behind the newest writes."""
    rows = await reader.desk.pool.fetch(
        "SELECT to_jsonb(p) AS item FROM referral_known.known_provider p WHERE provider_id > $1 "
        "AND ($2::text IS NULL OR province = $2) AND ($3::text IS NULL OR $3 = ANY(services)) "
        "AND ($4::text IS NULL OR status = $4) ORDER BY provider_id",
        asked.after, wanted.province, wanted.service, wanted.status,
    )  # fmt: skip
    found = [orjson.loads(row["item"]) for row in rows]
    suitable = [one for one in found if offers(one, wanted)][: asked.limit + 1]
    return page_of(suitable, "provider_id", asked)


def provider_resource(state: Registration) -> dict[str, JSON]:
    """A provider as it is shown."""
    return {**state.registered.model_dump(mode="json", exclude={"sealed"}), "status": state.status}


def _slug(name: str, provider_id: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    return f"{plain or 'provider'}-{provider_id[-6:]}"
