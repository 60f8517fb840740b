"""The routes of referral: parse, one command, one record, one answer."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Query, Response

from libs.events.decider import NotYetKnown, Refused
from libs.events.envelope import Envelope
from libs.events.event import JSON, kind_of
from libs.events.handle import Outcome, Step, parse_time
from libs.rules.local import day_of
from libs.runtime.edge import Call, Reader, case_of, forbidden, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id, now
from libs.runtime.known import heard, settled
from libs.runtime.pages import Paged, page_of
from services.referral.bodies import CompletionBody, DecisionBody, ReferralBody, ResponseBody
from services.referral.commands import (
    Answer,
    Complete,
    Consent,
    DecideReferral,
    Person,
    Provider,
    Refer,
    ReferralCommand,
)  # fmt: skip
from services.referral.decider import PROVIDER, REFERRAL, consents, may_be_referred, standing, without_consent
from services.referral.reactions import KNOWN
from services.referral.rulebook import FOLLOWS, Days, deadlines
from services.referral.state import Referral, Registration

router = APIRouter(tags=["referral"])


@router.post("/v1/referrals", status_code=201, openapi_extra=body_schema(ReferralBody))
async def refer(
    call: Annotated[Call[ReferralBody], Depends(recording("referral.make", ReferralBody))],
    seen: Annotated[str, Query(max_length=300, description="<stream>:<version> that must have arrived first")] = "",
) -> Response:
    """A person is referred to a provider. Records `referred`; needs status, consent and an approved provider.

    With `seen` (of the case's last write) or `consent_ref` (the consent's event id) the answer is `not-yet-known`
    while that fact is on its way; without either, a consent that has not come in time is refused as lacking.
    """
    body, case_id, referral_id = call.body, case_of(call.body.case_id), new_id()
    await settled(lambda: heard(call.desk.pool, KNOWN.name, seen))
    registration = (await call.load(PROVIDER, f"provider:{body.provider_id}", "provider")).state
    await require_party(call, case_id)
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
    referred = (await call.load(REFERRAL, f"referral:{referral}", "referral")).state.referred
    provider = (await call.load(PROVIDER, f"provider:{referred.provider_id}", "provider")).state
    consent = await _still_consenting(
        call, referred.case_id, child=referred.child, asked=call.body.decision == "approve"
    )
    command = DecideReferral(call.body.decision, provider.status, consent, {"reason": call.body.reason})
    return await _record(call, referral, command)


@router.post("/v1/referrals/{referral}/responses", status_code=201, openapi_extra=body_schema(ResponseBody))
async def respond(
    referral: str, call: Annotated[Call[ResponseBody], Depends(recording("referral.respond", ResponseBody))]
) -> Response:
    """The provider accepts or declines. Records `referral_answered`; its reason decides what follows.

    Who declined as `full` may accept later: the person is on its waiting list.
    """
    state: Referral = (await call.load(REFERRAL, f"referral:{referral}", "referral")).state
    call.require_own(state.referred.provider)
    provider = (await call.load(PROVIDER, f"provider:{state.referred.provider_id}", "provider")).state
    case_id, child = state.referred.case_id, state.referred.child
    consent = await _still_consenting(call, case_id, child=child, asked=call.body.response == "accept")
    command = Answer(call.body.response, call.body.ground, provider.status, consent, {"reason": call.body.reason})
    return await _record(call, referral, command)


@router.post("/v1/referrals/{referral}/completion", status_code=201, openapi_extra=body_schema(CompletionBody))
async def complete(
    referral: str, call: Annotated[Call[CompletionBody], Depends(recording("referral.complete", CompletionBody))]
) -> Response:
    """What was referred for has been given. Records `referral_completed`."""
    state: Referral = (await call.load(REFERRAL, f"referral:{referral}", "referral")).state
    call.require_own(state.referred.provider)
    words = call.body.model_dump(include={"note", "reason"}, exclude_none=True)
    return await _record(call, referral, Complete(words))


@router.get("/v1/referrals/{referral}")
async def read_referral(referral: str, reader: Annotated[Reader, Depends(reading("referral.read"))]) -> Response:
    """One referral as it stands: who is waited for, until when, and whether that is overdue."""
    loaded = await reader.load(REFERRAL, f"referral:{referral}", "referral")
    reader.require_own(loaded.state.referred.provider, loaded.state.referred.referred_by)
    times = _times(await reader.edge.store.read(f"referral:{referral}"))
    times["corrected_at"] = await reader.desk.pool.fetchval(
        "SELECT to_jsonb(corrected_at) #>> '{}' FROM referral_known.known_provider WHERE provider_id = $1",
        loaded.state.referred.provider_id,
    )
    shown = referral_resource(loaded.state)
    return resource_response(loaded.version, {**shown, **_due(shown, times)})


@router.get("/v1/referrals")
async def list_referrals(
    reader: Annotated[Reader, Depends(reading("referral.read"))],
    asked: Paged,
    case_id: Annotated[str | None, Query(max_length=20)] = None,
    status: Annotated[str | None, Query(max_length=30)] = None,
) -> Response:
    """The referrals that the caller may see, with what is due; a moment behind the newest writes.

    With `status=declined` or `status=refused` this is the ledger of unmet need, by sex, age, cohort, term and province.
    """
    rows = await reader.desk.pool.fetch(
        "SELECT to_jsonb(r) || jsonb_build_object('corrected_at', p.corrected_at) AS item "
        "FROM referral_known.known_referral r LEFT JOIN referral_known.known_provider p USING (provider_id) "
        "WHERE referral_id > $1 "
        "AND ($2::text IS NULL OR $2 IN (provider, referred_by)) AND ($3::text IS NULL OR case_id = $3) "
        "AND ($4::text IS NULL OR r.status = $4) ORDER BY referral_id LIMIT $5",
        asked.after, reader.caller.organisation if reader.scope == "own" else None,
        case_of(case_id) if case_id else None, status, asked.limit + 1,
    )  # fmt: skip
    items = [orjson.loads(row["item"]) for row in rows]
    return page_of([{**item, **_due(item, item)} for item in items], "referral_id", asked)


async def known_person(pool: asyncpg.Pool, case_id: str) -> Person:
    """What identification's events say of a person. Raises NotYetKnown."""
    row = await pool.fetchrow(
        "SELECT case_id, sex, gender, age_group, child, screening, outcome, nationality, exploitation "
        "FROM referral_known.known_case WHERE case_id = $1 AND sex IS NOT NULL",
        case_id,
    )
    if row is None:
        raise NotYetKnown(f"case {case_id}")
    return Person(**{**row, "exploitation": tuple(row["exploitation"] or ())})


async def require_party(reader: Reader, case_id: str) -> None:
    """Raises 403 where the caller is limited to its own, and has had nothing to do with this (known) case."""
    if reader.scope == "all":
        return
    await settled(lambda: known_person(reader.desk.pool, case_id))
    try:
        await settled(lambda: _party(reader.desk.pool, case_id, reader.caller.organisation))
    except NotYetKnown:
        raise forbidden(reader.caller, reader.action) from None


async def _party(pool: asyncpg.Pool, case_id: str, organisation: str) -> None:
    found = await pool.fetchval(
        "SELECT true FROM referral_known.known_case WHERE case_id = $1 AND reported_by = $2 UNION ALL "
        "SELECT true FROM referral_known.known_party WHERE case_id = $1 AND organisation = $2",
        case_id, organisation,
    )  # fmt: skip
    if not found:
        raise NotYetKnown("what the organisation has to do with the case")


async def _person_ready(pool: asyncpg.Pool, case_id: str, consent_ref: str | None) -> tuple[Person, Consent | None]:
    """The person and the consent, when both allow a referral; raises Refused while they do not."""
    person = await known_person(pool, case_id)
    named = await _consent_named(pool, case_id, consent_ref)
    consent = standing(await consents_said(pool, case_id), child=person.child, named=named)
    if not consents(consent, child=person.child):
        raise without_consent()
    if not may_be_referred(person):
        raise Refused("referral-without-status", "the person is neither determined nor presumed a victim")
    return person, consent


async def _consent_named(pool: asyncpg.Pool, case_id: str, consent_ref: str | None) -> Consent | None:
    """The consent that a referral names by its event's id; other words (a paper form's number) name none here."""
    event_id = _uuid(consent_ref)
    if event_id is None:
        return None
    row = await pool.fetchrow("SELECT * FROM referral_known.known_consent WHERE event_id = $1", event_id)
    if row is None:
        raise NotYetKnown("the consent that consent_ref names")
    if row["case_id"] != case_id:
        raise Refused("consent-of-another-case", "another person's consent", status=422, pointer="/consent_ref")
    if row["kind"] != "referral":
        raise Refused("consent-of-another-kind", "not a consent to a referral", status=422, pointer="/consent_ref")
    return Consent(row["given"], row["by"])


async def consents_said(pool: asyncpg.Pool, case_id: str) -> Sequence[Consent]:
    """Everything that was said about a referral of this person, oldest first."""
    rows = await pool.fetch(
        "SELECT given, by FROM referral_known.known_consent WHERE case_id = $1 AND kind = 'referral' ORDER BY version",
        case_id,
    )
    return [Consent(row["given"], row["by"]) for row in rows]


async def _still_consenting(call: Call[Any], case_id: str, *, child: bool, asked: bool) -> Consent | None:
    """The consent as it stands now; where it is asked for and lacks, what is on its way from Kafka is waited for."""

    async def look() -> Consent | None:
        consent = standing(await consents_said(call.desk.pool, case_id), child=child)
        if asked and not consents(consent, child=child):
            raise NotYetKnown("a consent to the referral")
        return consent

    try:
        return await settled(look)
    except NotYetKnown:
        return standing(await consents_said(call.desk.pool, case_id), child=child)


async def _record(call: Call[Any], referral_id: str, command: ReferralCommand) -> Response:
    return await call.record(
        [Step(REFERRAL, f"referral:{referral_id}", command)],
        location=f"/v1/referrals/{referral_id}",
        resource=_referral_of,
    )


def _referral_of(outcome: Outcome) -> Mapping[str, JSON]:
    return referral_resource(outcome.state)


def referral_resource(state: Referral) -> dict[str, JSON]:
    """A referral as it is shown, without personal fields."""
    return {
        **state.referred.model_dump(mode="json", exclude={"sealed"}),
        "status": state.status,
        "decision": state.decision.decision if state.decision else None,
        "response": state.answer.response if state.answer else None,
        "ground": state.answer.ground if state.answer else None,
        "follows": FOLLOWS[state.answer.ground] if state.status == "declined" and state.answer else None,
    }


def _times(envelopes: Sequence[Envelope]) -> dict[str, JSON]:
    """When each step of a referral was last taken, under the names that a list's row has."""
    names = {
        "referred": "occurred_at",
        "referral_decided": "decided_at",
        "referral_answered": "answered_at",
        "referral_completed": "completed_at",
    }
    return {names[kind_of(one.type)]: one.occurredat for one in envelopes}


def _due(shown: Mapping[str, JSON], times: Mapping[str, JSON]) -> dict[str, JSON]:
    names = ("occurred_at", "decided_at", "answered_at", "completed_at", "corrected_at")
    referred, decided, answered, completed, corrected = (
        day_of(parse_time(times[name])) if times.get(name) else None for name in names
    )
    if referred is None:
        return {}
    days = Days(referred, decided, answered, completed, corrected)
    return deadlines(shown["status"], shown.get("ground"), days, day_of(now()))


def _provider(state: Registration) -> Provider:
    registered = state.registered
    return Provider(
        registered.provider_id, registered.organisation, registered.province, registered.services, state.status
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
