"""The routes of referral: parse, one command, one record, one answer."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Query, Response

from libs.events.catalogue.referral import Offer, ProviderRegistered
from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.handle import Outcome, Step
from libs.runtime.edge import Call, Reader, case_of, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id
from libs.runtime.known import settled
from libs.runtime.pages import Page, page, page_of
from services.referral.bodies import (
    CompletionBody,
    DecisionBody,
    ProviderBody,
    ReferralBody,
    RegistrationBody,
    ResponseBody,
)  # fmt: skip
from services.referral.commands import (
    Answer,
    Complete,
    Consent,
    DecideReferral,
    DecideRegistration,
    Person,
    Provider,
    Refer,
    ReferralCommand,
    Register,
)  # fmt: skip
from services.referral.decider import PROVIDER, REFERRAL, cohort_of, may_be_referred
from services.referral.rulebook import Wanted, offers, ranked
from services.referral.state import Referral, Registration

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
        offers=tuple(
            Offer(service=one.service, cohorts=tuple(one.cohorts), terms=tuple(one.terms)) for one in body.offers
        ),
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


@router.get("/v1/providers/{provider}")
async def read_provider(provider: str, reader: Annotated[Reader, Depends(reading("provider.read"))]) -> Response:
    """One provider as it is registered now."""
    loaded = await reader.load(PROVIDER, f"provider:{provider}", "provider")
    return resource_response(loaded.version, provider_resource(loaded.state))


@router.get("/v1/providers")
async def list_providers(
    reader: Annotated[Reader, Depends(reading("provider.read"))],
    asked: Annotated[Page, Depends(page)],
    wanted: Annotated[Wanted, Query()],
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


@router.post("/v1/referrals", status_code=201, openapi_extra=body_schema(ReferralBody))
async def refer(call: Annotated[Call[ReferralBody], Depends(recording("referral.make", ReferralBody))]) -> Response:
    """A person is referred to a provider. Records `referred`; needs status, consent and an approved provider."""
    body, case_id, referral_id = call.body, case_of(call.body.case_id), new_id()
    registration = (await call.load(PROVIDER, f"provider:{body.provider_id}", "provider")).state
    person, consent = await settled(lambda: _person_ready(call.desk.pool, case_id, body.consent_ref))
    command = Refer(
        referral_id=referral_id,
        person=person,
        consent=consent,
        provider=_provider(registration),
        services=tuple(body.services),
        term=body.term,
        referred_by=call.caller.organisation,
        personal={"reason": body.reason, **({"consent_ref": body.consent_ref} if body.consent_ref else {})},
    )
    return await _record(call, referral_id, command)


@router.post("/v1/referrals/{referral}/decisions", status_code=201, openapi_extra=body_schema(DecisionBody))
async def decide(
    referral: str, call: Annotated[Call[DecisionBody], Depends(recording("referral.decide", DecisionBody))]
) -> Response:
    """MOSVY approves or refuses. Records `referral_decided`."""
    await call.load(REFERRAL, f"referral:{referral}", "referral")
    return await _record(call, referral, DecideReferral(call.body.decision, {"reason": call.body.reason}))


@router.post("/v1/referrals/{referral}/responses", status_code=201, openapi_extra=body_schema(ResponseBody))
async def respond(
    referral: str, call: Annotated[Call[ResponseBody], Depends(recording("referral.respond", ResponseBody))]
) -> Response:
    """The provider accepts or declines. Records `referral_answered`; its reason decides what follows."""
    state: Referral = (await call.load(REFERRAL, f"referral:{referral}", "referral")).state
    call.require_own(state.referred.provider)
    provider = (await call.load(PROVIDER, f"provider:{state.referred.provider_id}", "provider")).state
    command = Answer(call.body.response, call.body.ground, provider.status, {"reason": call.body.reason})
    return await _record(call, referral, command)


@router.post("/v1/referrals/{referral}/completion", status_code=201, openapi_extra=body_schema(CompletionBody))
async def complete(
    referral: str, call: Annotated[Call[CompletionBody], Depends(recording("referral.complete", CompletionBody))]
) -> Response:
    """What was referred for has been given. Records `referral_completed`."""
    state: Referral = (await call.load(REFERRAL, f"referral:{referral}", "referral")).state
    call.require_own(state.referred.provider)
    return await _record(call, referral, Complete({"note": call.body.note} if call.body.note else {}))


@router.get("/v1/referrals/{referral}")
async def read_referral(referral: str, reader: Annotated[Reader, Depends(reading("referral.read"))]) -> Response:
    """One referral as it stands."""
    loaded = await reader.load(REFERRAL, f"referral:{referral}", "referral")
    reader.require_own(loaded.state.referred.provider, loaded.state.referred.referred_by)
    return resource_response(loaded.version, referral_resource(loaded.state))


@router.get("/v1/referrals")
async def list_referrals(
    reader: Annotated[Reader, Depends(reading("referral.read"))],
    asked: Annotated[Page, Depends(page)],
    case_id: Annotated[str | None, Query(max_length=20)] = None,
    status: Annotated[str | None, Query(max_length=30)] = None,
) -> Response:
    """The referrals that the caller may see; a moment behind the newest writes."""
    rows = await reader.desk.pool.fetch(
        "SELECT to_jsonb(r) AS item FROM referral_known.known_referral r WHERE referral_id > $1 "
        "AND ($2::text IS NULL OR $2 IN (provider, referred_by)) AND ($3::text IS NULL OR case_id = $3) "
        "AND ($4::text IS NULL OR status = $4) ORDER BY referral_id LIMIT $5",
        asked.after, reader.caller.organisation if reader.scope == "own" else None,
        case_of(case_id) if case_id else None, status, asked.limit + 1,
    )  # fmt: skip
    return page_of([orjson.loads(row["item"]) for row in rows], "referral_id", asked)


@router.get("/v1/cases/{case}/options")
async def read_options(case: str, reader: Annotated[Reader, Depends(reading("options.read"))]) -> Response:
    """Providers that could take this person now, best first and why; where there is none, what is missing."""
    person = await settled(lambda: known_person(reader.desk.pool, case_of(case)))
    pool, case_id = reader.desk.pool, person.case_id
    reader.require_own(
        await pool.fetchval("SELECT reported_by FROM referral_known.known_case WHERE case_id = $1", case_id)
    )
    rows = await pool.fetch(
        "SELECT p.provider_id, p.organisation, s.province, s.kind, b.cohort, "
        "b.capacity - b.occupied - b.held AS free FROM referral_known.known_provider p "
        "JOIN referral_known.known_shelter s USING (provider_id) JOIN referral_known.known_bed b USING (shelter_id) "
        "WHERE p.status = 'approved' AND b.cohort = ANY($1)",
        [cohort_of(person), "families"],
    )
    consent = await _consent(pool, case_id, None)
    found = ranked(
        person, [dict(row) for row in rows], consent=bool(consent and consent.given), presumed=may_be_referred(person)
    )
    return resource_response(1, found)


async def known_person(pool: asyncpg.Pool, case_id: str) -> Person:
    """What identification's events say of a person. Raises NotYetKnown."""
    row = await pool.fetchrow(
        "SELECT case_id, sex, gender, age_group, child, screening, outcome FROM referral_known.known_case "
        "WHERE case_id = $1 AND sex IS NOT NULL",
        case_id,
    )
    if row is None:
        raise NotYetKnown(f"case {case_id}")
    return Person(**row)


async def _person_ready(pool: asyncpg.Pool, case_id: str, consent_ref: str | None) -> tuple[Person, Consent | None]:
    """The person and the consent, when both allow a referral; raises Refused while they do not."""
    person = await known_person(pool, case_id)
    consent = await _consent(pool, case_id, consent_ref)
    if consent is None or not consent.given:
        raise Refused("referral-without-consent", "a referral needs the person's consent (a guardian's for a child)")
    if not may_be_referred(person):
        raise Refused("referral-without-status", "the person is neither determined nor presumed a victim")
    return person, consent


async def _consent(pool: asyncpg.Pool, case_id: str, consent_ref: str | None) -> Consent | None:
    """The latest consent to referral, where the one referred to (if one is) is that person's and was given."""
    sql = "SELECT given, by FROM referral_known.known_consent WHERE case_id = $1 AND kind = 'referral' "
    row = await pool.fetchrow(sql + "ORDER BY version DESC LIMIT 1", case_id)
    named = _uuid(consent_ref)
    if row and row["given"] and named:
        stated = await pool.fetchrow(sql + "AND event_id = $2", case_id, named)
        if stated is None:
            raise NotYetKnown("the consent that consent_ref names")
        row = stated
    return Consent(row["given"], row["by"]) if row else None


async def _record(call: Call[Any], referral_id: str, command: ReferralCommand) -> Response:
    return await call.record(
        [Step(REFERRAL, f"referral:{referral_id}", command)],
        location=f"/v1/referrals/{referral_id}",
        resource=_referral_of,
    )


def _referral_of(outcome: Outcome) -> Mapping[str, JSON]:
    return referral_resource(outcome.state)


def provider_resource(state: Registration) -> dict[str, JSON]:
    """A provider as it is shown."""
    return {**state.registered.model_dump(mode="json", exclude={"sealed"}), "status": state.status}


def referral_resource(state: Referral) -> dict[str, JSON]:
    """A referral as it is shown, without personal fields."""
    return {
        **state.referred.model_dump(mode="json", exclude={"sealed"}),
        "status": state.status,
        "decision": state.decision.decision if state.decision else None,
        "response": state.answer.response if state.answer else None,
        "ground": state.answer.ground if state.answer else None,
    }


def _provider(state: Registration) -> Provider:
    registered = state.registered
    return Provider(
        registered.provider_id, registered.organisation, registered.province, registered.services, state.status
    )


def _slug(name: str, provider_id: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    return f"{plain or 'provider'}-{provider_id[-6:]}"


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
