"""Where an attack happens: a copy of the database, opened as a superuser to whom no trigger and no right applies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from libs.runtime.settings import SERVICES, Settings
from libs.transparency.checkpoint import Checkpoint

_LONGEST = """
SELECT l.index, l.event_id, l.service, l.stream, l.version, e.body
FROM transparency.leaf l JOIN audit_trail.event e ON e.id = l.event_id
WHERE l.stream = (
    SELECT stream FROM transparency.leaf WHERE stream LIKE 'case:%'
    GROUP BY stream HAVING max(index) < $1 ORDER BY count(*) DESC, stream LIMIT 1)
ORDER BY l.index
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What an attacker did, and the ids of the events that `nrm verify` must name for it."""

    said: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it stands in the rows."""

    index: int
    id: str
    service: str
    stream: str
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Ground:
    """A copy of the database in the attacker's hands, and the checkpoint that the auditor keeps from before."""

    settings: Settings
    connection: asyncpg.Connection
    schema: str
    """Where the audit_trail rows stand."""
    retained: Checkpoint

    async def longest_case(self) -> list[Event]:
        """The events of the case that has the most, in log order; the kept checkpoint covers all of them."""
        rows = await self.connection.fetch(_LONGEST, self.retained.size)
        return [event_of(row, row["body"].encode()) for row in rows]

    async def event_id(self, index: int) -> str:
        """The id of a leaf's event."""
        return str(await self.connection.fetchval("SELECT event_id FROM transparency.leaf WHERE index = $1", index))

    async def put(self, event: Event, body: bytes, digest: bytes) -> None:
        """Write other content into an event's rows: in its service's store, and in the audit_trail."""
        await self.connection.execute(
            f"UPDATE {_service(event)}.event SET body = $1, hash = $2 WHERE stream = $3 AND version = $4",
            body, digest, event.stream, event.version,
        )  # fmt: skip
        await self.connection.execute(
            f"UPDATE {self.schema}.event SET body = $1, hash = $2 WHERE id = $3", body.decode(), digest.hex(), event.id
        )

    async def remove(self, event: Event) -> None:
        """Take an event out of its service's store and out of the audit_trail."""
        of_it: tuple[Any, ...] = (event.stream, event.version)
        for table in (f"{_service(event)}.event", f"{_service(event)}.log", f"{self.schema}.event"):
            await self.connection.execute(f"DELETE FROM {table} WHERE stream = $1 AND version = $2", *of_it)


def event_of(row: asyncpg.Record, body: bytes) -> Event:
    """The event of a leaf's row."""
    return Event(row["index"], row["event_id"], row["service"], row["stream"], row["version"], body)


def _service(event: Event) -> str:
    if event.service not in SERVICES:
        raise ValueError(f"{event.service} has no store")
    return event.service


@asynccontextmanager
async def superuser(settings: Settings, retained: Checkpoint) -> AsyncIterator[Ground]:
    """The database of these settings with triggers and foreign keys off."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        schema = await connection.fetchval(
            "SELECT name || '_g' || number FROM projection.generation WHERE live AND name = 'audit_trail'"
        )
        yield Ground(settings, connection, schema, retained)
    finally:
        await connection.close(timeout=5)


@asynccontextmanager
async def copied(settings: Settings, name: str) -> AsyncIterator[Settings]:
    """Settings of a fresh copy of the database, dropped afterwards. Ends every other session of the original."""
    parts = urlsplit(settings.database_url)
    original = parts.path.lstrip("/")
    admin = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", original)
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
        try:
            yield settings.model_copy(update={"database_url": urlunsplit(parts._replace(path=f"/{name}"))})
        finally:
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close(timeout=5)
