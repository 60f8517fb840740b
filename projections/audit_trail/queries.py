"""The SQL of a case's history: its events, whether they are all of it, its linked cases, and the newest checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import asyncpg
import orjson

from libs.events.envelope import Envelope, Tampered, parse
from libs.events.event import JSON
from libs.transparency.checkpoint import parse_checkpoint
from libs.transparency.merkle import EMPTY_ROOT
from libs.transparency.note import parse_note

_HISTORY = """
SELECT e.stream, e.version, e.id, e.service, e.position, e.organisation, e.occurred_at, e.recorded_at, e.hash, e.body,
    l.index
FROM audit_trail.concern c
JOIN audit_trail.event e ON e.stream = c.stream AND e.version = c.version
LEFT JOIN transparency.leaf l ON l.event_id = e.id
WHERE c.subject = $1
ORDER BY e.recorded_at, e.service, e.position
"""
_GAPLESS = """
WITH streams AS (SELECT DISTINCT stream FROM audit_trail.concern WHERE subject = $1)
SELECT NOT EXISTS (
    SELECT FROM streams LEFT JOIN audit_trail.progress USING (stream)
    WHERE (SELECT count(*) FROM audit_trail.event e WHERE e.stream = streams.stream) IS DISTINCT FROM progress.version
) AND NOT EXISTS (
    SELECT FROM audit_trail.parked WHERE stream IN (SELECT stream FROM streams) OR position($2 IN envelope) > 0
) AND NOT EXISTS (
    SELECT FROM audit_trail.dead_letter WHERE stream IN (SELECT stream FROM streams) OR position($2 IN envelope) > 0
)
"""
# What the log holds of the case is here; no event before its own is missing behind the log's end; and as many events
# of every service are here as were consumed.
_WHOLE = """
WITH logged AS (
    SELECT service, events,
        (SELECT coalesce(max(l.position), 0) FROM transparency.leaf l WHERE l.service = c.service) AS position
    FROM audit_trail.consumed c
)
SELECT NOT EXISTS (
    SELECT FROM transparency.leaf l WHERE (l.subject = $1 OR l.concerns @> ARRAY[$1]) AND l.body IS NULL
        AND NOT EXISTS (SELECT FROM audit_trail.event e WHERE e.stream = l.stream AND e.version = l.version)
) AND NOT EXISTS (
    SELECT FROM (
        SELECT e.service, max(e.position) AS last
        FROM audit_trail.concern c JOIN audit_trail.event e ON e.stream = c.stream AND e.version = c.version
        WHERE c.subject = $1 GROUP BY e.service
    ) mine JOIN logged USING (service) WHERE last - position > (
        SELECT count(*) FROM audit_trail.event e
        WHERE e.service = logged.service AND e.position > logged.position AND e.position <= last)
) AND NOT EXISTS (
    SELECT FROM logged WHERE events - position > (
        SELECT count(*) FROM audit_trail.event e WHERE e.service = logged.service AND e.position > logged.position)
)
"""
_LINKED = """
WITH said AS (
    SELECT other_case_id AS other, linked, recorded_at FROM audit_trail.link WHERE case_id = $1
    UNION ALL
    SELECT case_id, linked, recorded_at FROM audit_trail.link WHERE other_case_id = $1
), latest AS (
    SELECT DISTINCT ON (other) other, linked FROM said ORDER BY other, recorded_at DESC
)
SELECT other FROM latest WHERE linked ORDER BY other
"""
_STANDING = f"""
SELECT ({_GAPLESS}) AND ({_WHOLE}) AS complete, ARRAY ({_LINKED}) AS linked,
    (SELECT note FROM transparency.published ORDER BY size DESC LIMIT 1) AS note
"""
_ORGANISATIONS = ("reported_by", "referred_by", "provider", "organisation")
"""Where events name an organisation that the person was reported by or entrusted to."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of a history as it stands in the rows; `index` is its place in the log, None before it is merged."""

    service: str
    occurred_at: datetime
    recorded_at: datetime
    published_hash: str
    index: int | None
    envelope: Envelope

    @property
    def organisations(self) -> set[str]:
        """Who recorded it, and whom it entrusts the person to."""
        named = {self.envelope.data.get(name) for name in _ORGANISATIONS}
        return {self.envelope.organisation} | {one for one in named if isinstance(one, str)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a case beside its events."""

    complete: bool
    """Whether every stream of the case is here from its first version on, nothing of the case waits or failed, and no
    event that could be the case's is missing: by the log's leaves, then by positions."""
    linked: Sequence[str]
    """The cases that are held to be the same person."""
    checkpoint: Mapping[str, JSON]
    """The newest published checkpoint of the log: size, root, origin, and the signed note."""


async def history(pool: asyncpg.Pool, case_id: str) -> Sequence[Recorded]:
    """Every event that concerns a case, in the order of `time`, ties by service and position."""
    return [
        Recorded(
            row["service"], row["occurred_at"], row["recorded_at"], row["hash"], row["index"], _envelope(row)
        )
        for row in await pool.fetch(_HISTORY, case_id)
    ]  # fmt: skip


async def standing(pool: asyncpg.Pool, case_id: str) -> Standing:
    """What is known of a case beside its events."""
    [row] = await pool.fetch(_STANDING, case_id, case_id.encode())
    return Standing(row["complete"], row["linked"], _checkpoint(row["note"]))


@lru_cache(maxsize=1)
def _checkpoint(note: str | None) -> Mapping[str, JSON]:
    if note is None:
        return {"size": 0, "root": EMPTY_ROOT.hex(), "origin": None, "note": None}
    found = parse_checkpoint(parse_note(note).text)
    return {"size": found.size, "root": found.root.hex(), "origin": found.origin, "note": note}


def _envelope(row: asyncpg.Record) -> Envelope:
    """The event in a row; where the row was tampered with, as it stands now (its hash then is not the published)."""
    body = row["body"].encode()
    try:
        return parse(body, digest=row["hash"], position=row["position"])
    except Tampered:
        attributes = orjson.loads(body)
        attributes.pop("specversion", None), attributes.pop("datacontenttype", None)
        return Envelope(**attributes, hash="", position=row["position"])
