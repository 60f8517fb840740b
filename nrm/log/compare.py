"""Comparing one stretch of a service's positions in every place, by bytes that are hashed anew: never by a column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import asyncpg

from libs.events.envelope import Tampered, parse
from libs.transparency.merkle import leaf_hash
from nrm.log.tables import Source

PLACES = ("store", "log", "kafka", "audit_trail", "transparency")
"""Where an event stands: its service's rows, their positions, the topic, the history's rows, the Merkle log."""

_WINDOW = """
SELECT p.position, g.stream AS at_stream, g.version AS at_version, coalesce(l.stream, g.stream, a.stream) AS stream,
    coalesce(l.version, g.version, a.version) AS version, e.body AS stored, e.hash AS stored_hash,
    a.body AS shown, a.hash AS shown_hash, l.hash AS logged, l.leaf_hash AS leaf
FROM generate_series($1::bigint, $2::bigint) AS p (position)
LEFT JOIN {service}.log g USING (position)
LEFT JOIN {service}.event e ON e.stream = g.stream AND e.version = g.version
LEFT JOIN transparency.leaf l ON l.service = '{service}' AND l.position = p.position
LEFT JOIN audit_trail.event a ON a.service = '{service}' AND a.position = p.position
ORDER BY p.position
"""
_HELD = """
SELECT (SELECT coalesce(max(position), 0) FROM {service}.log) AS log,
    (SELECT count(*) FROM {service}.outbox) AS waiting,
    (SELECT coalesce(max(position), 0) FROM {service}.published) AS kafka,
    (SELECT coalesce(max(events), 0) FROM audit_trail.consumed WHERE service = '{service}') AS audit_trail,
    (SELECT coalesce(max(position), 0) FROM transparency.leaf WHERE service = '{service}') AS transparency
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One event that is not in a place as it is in the others."""

    service: str
    place: str
    stream: str
    version: int
    what: str


async def held(source: Source, service: str) -> dict[str, int]:
    """How many events of a service each place holds; quick, whatever their number: positions are dense."""
    row = await source.fetchrow(_HELD.format(service=service))
    assert row is not None  # a row of aggregates
    return {place: row["log"] + row["waiting"] if place == "store" else row[place] for place in PLACES}


async def next_after(source: Source, service: str, place: str, position: int) -> Difference:
    """The first event that a place does not hold, as one that does not arrive there."""
    row = await source.fetchrow(
        f"SELECT stream, version FROM {service}.log WHERE position = $1 UNION ALL "
        f"(SELECT stream, version FROM {service}.outbox ORDER BY seq LIMIT 1) LIMIT 1",
        position + 1,
    )
    stream, version = (row["stream"], row["version"]) if row else ("?", 0)
    return Difference(service, place, stream, version, "does not arrive, nor anything behind it")


async def window(source: Source, service: str, first: int, last: int) -> list[Difference]:
    """What differs among the positions that are in the Merkle log."""
    rows = await source.fetch(_WINDOW.format(service=service), first, last)
    return [
        Difference(service, place, row["stream"] or "?", row["version"] or 0, what)
        for row in rows
        for place, what in _differences(row)
    ]


def _differences(row: asyncpg.Record) -> Iterator[tuple[str, str]]:
    """The Merkle log's leaf is what the others are held against, for its root is signed."""
    leaf, at = row["leaf"], row["position"]
    if leaf is None:
        yield "transparency", f"position {at} is not in the log"
        return
    if row["at_stream"] is None:
        yield "log", f"position {at} is missing"
    elif (row["at_stream"], row["at_version"]) != (row["stream"], row["version"]):
        yield "log", f"position {at} is given to {row['at_stream']} {row['at_version']}"
    if row["stored"] is None:
        yield "store", "is not in the store"
    elif leaf_hash(row["stored"]) != leaf or row["stored_hash"] != sha256(row["stored"]).digest():
        yield "store", "its bytes are not those that were logged"
    if row["shown"] is None:
        yield "audit_trail", "is not in the history's rows"
    elif leaf_hash(row["shown"].encode()) != leaf or row["shown_hash"] != sha256(row["shown"].encode()).hexdigest():
        yield "audit_trail", "its bytes are not those that were logged"
    whole = [body for body in (row["stored"], (row["shown"] or "").encode()) if body and leaf_hash(body) == leaf]
    if whole and sha256(whole[0]).digest() != row["logged"]:
        yield "transparency", "the leaf's event hash is not that of its bytes"


async def delivered(source: Source, service: str, records: Mapping[int, bytes]) -> list[Difference]:
    """What differs between messages of the topic, by the position that each claims, and the Merkle log."""
    rows = await source.fetch(
        "SELECT position, stream, version, hash FROM transparency.leaf WHERE service = $1 AND position = ANY($2)",
        service, list(records),
    )  # fmt: skip
    return [
        Difference(service, "kafka", row["stream"], row["version"], "the message is not the event that was logged")
        for row in rows
        if _digest(records[row["position"]]) != row["hash"].hex()
    ]


async def absent(source: Source, service: str, positions: Sequence[int]) -> list[Difference]:
    """Differences that name events which no message of the topic brings."""
    rows = await source.fetch(
        "SELECT stream, version FROM transparency.leaf WHERE service = $1 AND position = ANY($2) ORDER BY position",
        service, positions,
    )  # fmt: skip
    return [Difference(service, "kafka", row["stream"], row["version"], "is not on the topic") for row in rows]


def _digest(message: bytes) -> str:
    """The hash that a message's bytes really have; "" where they are no event."""
    try:
        return parse(message).hash
    except Tampered:
        return ""
