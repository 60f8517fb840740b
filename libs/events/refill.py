"""A service's store, lost with its schema, filled again from Kafka, and judged by the transparency log.

What Kafka cannot give back: answers kept under idempotency keys (a request repeated with its key is then decided anew,
against the same state), and events that had been committed and not yet published. The log names the first of those.
"""

from dataclasses import dataclass

import asyncpg

from libs.events.envelope import parse
from libs.events.reconcile import all_records
from libs.events.subscription import Source, subscribe


class CannotRefill(Exception):
    """The store is not empty, or what Kafka holds is not the history that was logged. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Refilled:
    """What came back. `lost` events stand in the transparency log and nowhere else; `unproven` not yet in it."""

    events: int
    streams: int
    lost: int
    unproven: int


async def refill(connection: asyncpg.Connection, service: str, source: Source) -> Refilled:
    """Fill the empty tables of a service from its topic, all or nothing. Raises CannotRefill, Tampered."""
    if await connection.fetchval(f"SELECT EXISTS (SELECT 1 FROM {service}.event)"):
        raise CannotRefill(f"{service} has events: only an empty store is filled")
    async with connection.transaction():
        await _copy(connection, service, source)
        await _judge(connection, service)
        events = await connection.fetchval(f"SELECT count(*) FROM {service}.event")
        streams = await connection.fetchval(f"SELECT count(DISTINCT stream) FROM {service}.event")
        lost = await connection.fetchval(
            f"SELECT count(*) FROM transparency.leaf WHERE service = $1 AND body IS NULL AND event_id NOT IN "
            f"(SELECT id::text FROM {service}.event)",
            service,
        )
        unproven = await connection.fetchval(
            f"SELECT count(*) FROM {service}.event WHERE id::text NOT IN (SELECT event_id FROM transparency.leaf)"
        )
    return Refilled(events, streams, lost, unproven)


async def _copy(connection: asyncpg.Connection, service: str, source: Source) -> None:
    """Each event once, under its position. A second event of a place violates a key, unless it is the same one."""
    seen: dict[int, str] = {}
    consumer = await subscribe(source, {})
    try:
        async for records in all_records(consumer):
            events, places = [], []
            for record in records:
                one = parse(record.value or b"")
                position = one.position or 0
                if seen.setdefault(position, one.hash) != one.hash:
                    raise CannotRefill(f"two events claim position {position}")
                digest = bytes.fromhex(one.hash)
                events.append((one.stream, one.streamversion, one.id, one.subject, digest, one.canonical()))
                places.append((position, one.stream, one.streamversion))
            await connection.executemany(
                f"INSERT INTO {service}.event (stream, version, id, subject, hash, body) "
                "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                events,
            )
            await connection.executemany(
                f"INSERT INTO {service}.log (position, stream, version) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                places,
            )
    finally:
        await consumer.stop()
    [topic] = source.topics
    await connection.execute(f"INSERT INTO {service}.published VALUES ($1, $2)", topic, max(seen, default=0))


async def _judge(connection: asyncpg.Connection, service: str) -> None:
    """Positions are dense, each stream is one chain, and no event is another than the transparency log says."""
    checks = {
        "positions are missing": f"SELECT count(*) <> coalesce(max(position), 0) FROM {service}.log",
        "an event and its place do not fit": f"SELECT EXISTS (SELECT 1 FROM {service}.log FULL JOIN {service}.event e "
        "USING (stream, version) WHERE position IS NULL OR e.id IS NULL)",
        "a stream is no chain": "SELECT EXISTS (SELECT 1 FROM (SELECT version, row_number() OVER w AS place, "
        "lag(encode(hash, 'hex'), 1, repeat('0', 64)) OVER w AS before, "
        f"convert_from(body, 'UTF8')::jsonb ->> 'prevhash' AS prev FROM {service}.event "
        "WINDOW w AS (PARTITION BY stream ORDER BY version)) e WHERE version <> place OR before <> prev)",
        "an event is not the one that was logged": f"SELECT EXISTS (SELECT 1 FROM {service}.event e "
        "JOIN transparency.leaf l USING (stream, version) WHERE l.hash <> e.hash OR l.event_id <> e.id::text)",
    }
    for what, sql in checks.items():
        if await connection.fetchval(sql):
            raise CannotRefill(f"what Kafka holds of {service} cannot be taken: {what}")
