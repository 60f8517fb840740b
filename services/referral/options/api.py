"""The route of options: which providers could take a person now."""

from typing import Annotated

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Response

from libs.events.decider import NotYetKnown
from libs.events.event import JSON
from libs.rules.confidence import confidence_percent
from libs.rules.limits import load_limits
from libs.rules.local import day_of
from libs.runtime.edge import Reader, case_of, reading, resource_response
from libs.runtime.ids import now
from libs.runtime.known import settled
from libs.runtime.pages import Paged, part
from services.referral.api import consents_said, known_person, require_party
from services.referral.commands import Person
from services.referral.decider import cohort_of, consents, may_be_referred, standing
from services.referral.options.rulebook import Asked, Row, Standing, ranked

router = APIRouter(tags=["referral"])
BEDS = """
SELECT p.provider_id, p.organisation, p.services, p.offers, s.shelter_id, s.province, s.kind, b.cohort,
    b.capacity - b.occupied - b.held AS free, s.inspection, s.reported_at
FROM referral_known.known_provider p JOIN referral_known.known_shelter s USING (provider_id)
    JOIN referral_known.known_bed b USING (shelter_id)
WHERE p.status = 'approved' AND b.cohort = ANY($1) AND s.kind IS NOT NULL
"""
OTHER_SERVICES = """
SELECT provider_id, organisation, services, offers, province,
    NULL::text AS shelter_id, NULL::text AS kind, NULL::text AS cohort, NULL::integer AS free,
    NULL::text AS inspection, NULL::timestamptz AS reported_at
FROM referral_known.known_provider WHERE status = 'approved' AND $1 = ANY(services)
"""
EARLIER = """
SELECT referral_id, provider_id, status, ground FROM referral_known.known_referral WHERE case_id = $1
ORDER BY occurred_at, referral_id
"""


@router.get("/v1/cases/{case}/options")
async def read_options(
    case: str,
    reader: Annotated[Reader, Depends(reading("options.read"))],
    asked: Annotated[Asked, Depends()],
    wanted: Paged,
) -> Response:
    """Providers that could take this person now, best first and why; where there is none, what is missing.

    A bed unless `service` names another service. Before the person consents the options are shown with `needs`.
    """
    case_id = case_of(case)
    await require_party(reader, case_id)
    found = await options_of(reader.desk.pool, case_id, asked)
    return resource_response(1, {**found, **part(found["items"], wanted)})


async def options_of(pool: asyncpg.Pool, case_id: str, asked: Asked) -> dict[str, JSON]:
    """The options of a person as they are now. Raises NotYetKnown."""
    person = await presumed_if_known(pool, case_id)
    said = standing(await consents_said(pool, case_id), child=person.child)
    there = Standing(consent=consents(said, child=person.child), presumed=may_be_referred(person))
    earlier = [dict(row) for row in await pool.fetch(EARLIER, case_id)]
    return ranked(person, await _rows(pool, person, asked), earlier, asked, there)


async def presumed_if_known(pool: asyncpg.Pool, case_id: str) -> Person:
    """The person; where no status is known, what is on its way from Kafka is waited for. Raises NotYetKnown."""

    async def look() -> Person:
        person = await known_person(pool, case_id)
        if not may_be_referred(person):
            raise NotYetKnown("a status that allows a referral")
        return person

    try:
        return await settled(look)
    except NotYetKnown:
        return await known_person(pool, case_id)


async def _rows(pool: asyncpg.Pool, person: Person, asked: Asked) -> list[Row]:
    if asked.service == "shelter":
        rows = await pool.fetch(BEDS, [cohort_of(person), "families"])
    else:
        rows = await pool.fetch(OTHER_SERVICES, asked.service)
    return [
        {**row, "offers": orjson.loads(row["offers"]) if row["offers"] else [], "confidence": _confidence(row)}
        for row in rows
    ]


def _confidence(row: asyncpg.Record) -> int | None:
    reported = row["reported_at"]
    return confidence_percent(day_of(reported), day_of(now()), load_limits("aftercare")) if reported else None
