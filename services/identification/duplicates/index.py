"""The blind index that duplicates are found by: kept from the service's own log, a moment behind it.

A row holds keyed tokens and a ciphertext, so that the tables name nobody. Names are open in memory only while one case
is indexed, or while its candidates are compared. What is indexed can be thrown away: another master key, or another
normalisation, makes it anew.
"""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import asyncpg
import structlog
from cryptography.exceptions import InvalidTag

from libs.events.catalogue import decode
from libs.events.catalogue.identification import Corrected, Identified, PersonShredded
from libs.events.envelope import Tampered
from libs.events.event import JSON
from libs.events.handle import parse_time
from libs.events.session import AWAY, Patience, leadership
from libs.events.store import Unavailable
from libs.matching.blocking import indexed
from libs.matching.person import Person, kept, person_of
from libs.matching.weights import Weights, load_weights
from libs.runtime.edge import Edge
from libs.runtime.ids import now
from libs.runtime.keys import master_key, match_key, role_dsn
from libs.runtime.vault import Shredded
from services.identification.due.of_age import birthday_18, record_of_age
from services.identification.due.rulebook import today_at

FORM: Final = 2
"""Raise it when normalisation or tokens change: what is stored under another number is made anew."""

BATCH_EVENTS_MAX = 50
"""Few enough that a request does not wait long for its turn behind them."""

POLL_S = 0.3
PAUSE_S_MAX = 5.0
WEIGHTS = load_weights()
_TELLS = frozenset(event.wire for event in (Identified, Corrected, PersonShredded))
_NEXT = """
SELECT l.position, l.stream, convert_from(e.body, 'UTF8')::jsonb ->> 'type' AS type
FROM identification.log l JOIN identification.event e USING (stream, version) WHERE l.position > $1 ORDER BY 1 LIMIT $2
"""
_KEEP = """
INSERT INTO identification.match_person (case_id, reported_by, sealed) VALUES ($1, $2, $3)
ON CONFLICT (case_id) DO UPDATE SET reported_by = excluded.reported_by, sealed = excluded.sealed
"""
_TOKENS = """
INSERT INTO identification.match_token (token, case_id)
SELECT unnest($2::bigint[]), case_id FROM identification.match_person WHERE case_id = $1
"""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Profile:
    """A case as it is compared, and who may be told of it."""

    person: Person
    reported_by: str
    child: bool
    born: str | None


def form_of(key: bytes, weights: Weights) -> str:
    """Under which key and which normalisation tokens were made."""
    return f"{FORM}.{weights.version}.{hmac.digest(key, b'fingerprint', 'sha256').hex()[:16]}"


async def profile(edge: Edge, case_id: str) -> Profile | None:
    """A case's person, corrections applied; None where nothing can be read. Raises Tampered, InvalidTag."""
    clear: dict[str, JSON] = {}
    personal: dict[str, JSON] = {}
    met = None
    try:
        for envelope in await edge.store.read(f"case:{case_id}"):
            event = decode(envelope.type, envelope.data)
            if not isinstance(event, Identified | Corrected):
                continue
            said = event.sealed and await edge.vault.open(case_id, event.sealed)
            personal |= _births(said or {}, personal)
            clear |= event.model_dump(exclude_none=True)
            if met is None or {"date_of_birth", "age_estimate"} & set(said or {}):
                met = parse_time(envelope.occurredat).date()
    except Shredded:
        return None
    if met is None:
        return None
    person = person_of(clear, personal, met, WEIGHTS.ignored)
    return Profile(person, clear["reported_by"], clear["child"], personal.get("date_of_birth"))


def _births(said: Mapping[str, JSON], before: Mapping[str, JSON]) -> dict[str, JSON]:
    """What is newly said; an estimated age that is newly said takes the place of a birth date said before."""
    replaced = {"date_of_birth": None} if "age_estimate" in said and "date_of_birth" in before else {}
    return {**replaced, **said}


async def keep_index(edge: Edge) -> None:
    """Keep the index until cancelled; one replica at a time does."""
    patience = Patience(PAUSE_S_MAX)
    while True:
        try:
            dsn = role_dsn(edge.settings, "nrm_identification")
            async with leadership(dsn, "identification match index", partial(log.debug, "match.standby")) as connection:
                while True:
                    if not await advance(edge, connection):
                        await asyncio.sleep(POLL_S)
        except (*AWAY, Unavailable) as fault:
            log.warning("match.waiting", fault=type(fault).__name__)
        await patience.wait()


async def advance(edge: Edge, connection: asyncpg.Connection) -> int:
    """Index what is new in the log; how many events that were."""
    key = match_key(await asyncio.to_thread(master_key, edge.settings))
    position = await _position(connection, form_of(key, WEIGHTS))
    rows = await connection.fetch(_NEXT, position, BATCH_EVENTS_MAX)
    if not rows:
        return 0
    cases = [
        stream.partition(":")[2] for stream in dict.fromkeys(row["stream"] for row in rows if row["type"] in _TELLS)
    ]
    made = [one for one in await asyncio.gather(*(_indexed(edge, case_id, key) for case_id in cases)) if one]
    gone = set(cases) - {one.case_id for one in made}
    async with connection.transaction():
        # The persons first: that waits for who is shredding one of them, who holds the key and then deletes the person.
        await connection.executemany(_KEEP, [(one.case_id, one.reported_by, one.sealed) for one in made])
        await connection.execute("DELETE FROM identification.match_token WHERE case_id = ANY($1)", cases)
        await connection.executemany(_TOKENS, [(one.case_id, one.tokens) for one in made])
        await connection.execute("DELETE FROM identification.match_person WHERE case_id = ANY($1)", gone)
    for one in made:
        if one.of_age:  # the birthday has passed by the time the case is told
            await record_of_age(edge, one.case_id)
    # Last, so that whoever takes over after a crash does all of it again.
    await connection.execute("UPDATE identification.match_progress SET position = $1", rows[-1]["position"])
    return len(rows)


async def _position(connection: asyncpg.Connection, form: str) -> int:
    """How far the index is; from the beginning where it was made under another form."""
    row = await connection.fetchrow("SELECT form, position FROM identification.match_progress")
    if row and row["form"] == form:
        return int(row["position"])
    async with connection.transaction():
        await connection.execute("DELETE FROM identification.match_person")
        await connection.execute("DELETE FROM identification.match_progress")
        await connection.execute("INSERT INTO identification.match_progress (form, position) VALUES ($1, 0)", form)
    log.info("match.made_anew", form=form)
    return 0


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A case as the index keeps it."""

    case_id: str
    reported_by: str
    sealed: str
    tokens: Sequence[int]
    of_age: bool


async def _indexed(edge: Edge, case_id: str, key: bytes) -> _Indexed | None:
    """What is kept of a case; None where nothing can be read."""
    try:
        found = await profile(edge, case_id)
        if found is None:
            return None
        sealed = await edge.vault.seal(case_id, {"person": kept(found.person), "born": found.born})
    except (Shredded, Tampered, InvalidTag) as fault:
        # A case that cannot be read is not searched for; the service refuses it whenever it is asked for.
        log.error("match.unreadable", case_id=case_id, fault=type(fault).__name__)
        return None
    born = found.born if found.child else None
    of_age = born is not None and birthday_18(date.fromisoformat(born)) <= today_at(now())
    return _Indexed(case_id, found.reported_by, sealed, list(indexed(found.person, key)), of_age)
