"""A large log of whole histories: the demonstration's events, copied under new names, chained and hashed anew.

The relay then gives them positions and publishes them as it does with any others.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from uuid import UUID, uuid4

import asyncpg
import orjson

from libs.runtime.auth import mint
from libs.runtime.ids import new_case_reference
from libs.runtime.settings import SERVICES, Settings
from nrm.demo.histories import EXAMPLES, Names, read_all
from nrm.demo.player import Player

BATCH_COPIES = 20
_NAME = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|KH-[0-9A-Z]{4}-[0-9A-Z]{4}")
_PREVIOUS = re.compile(rb'"prevhash":"([0-9a-f]{64})"')

Row = tuple[str, int, UUID, str, bytes, bytes]
Templates = Mapping[str, list[Row]]


async def play_the_demonstration(settings: Settings) -> None:
    """Record the histories of `examples/` over HTTP, once."""
    import httpx2  # noqa: PLC0415 - only here

    histories = read_all(EXAMPLES)
    async with httpx2.AsyncClient() as client:
        player = Player(client, settings.url, lambda org, role: mint(settings, org, role, 3600), Names(histories))
        performance = await player.play_all(histories, lambda *_: None)
    if performance.failures:
        raise RuntimeError(f"the demonstration could not be recorded: {performance.failures[0]}")


async def templates(url: str) -> Templates:
    """Every stored event by service, in the order of its log."""
    connection = await asyncpg.connect(url)
    try:
        return {
            service: [
                tuple(row)
                for row in await connection.fetch(
                    f"SELECT stream, version, e.id, subject, hash, body FROM {service}.log l "
                    f"JOIN {service}.event e USING (stream, version) ORDER BY l.position"
                )
            ]
            for service in SERVICES
        }
    finally:
        await connection.close()


async def fill(url: str, found: Templates, events: int, tell: Callable[[int], None]) -> int:
    """Add copies until at least so many events are there; how many were added."""
    each = sum(len(rows) for rows in found.values())
    added = 0
    connection = await asyncpg.connect(url)
    try:
        while added < events:
            copies = [_copy(found) for _ in range(min(BATCH_COPIES, -(-(events - added) // each)))]
            for service in SERVICES:
                await _store(connection, service, [row for copy in copies for row in copy[service]])
            added += each * len(copies)
            tell(added)
    finally:
        await connection.close()
    return added


def _copy(found: Templates) -> Templates:
    names: dict[bytes, bytes] = {}

    def renamed(match: re.Match[bytes]) -> bytes:
        old = match[0]
        if old not in names:
            names[old] = (new_case_reference() if old.startswith(b"KH-") else str(uuid4())).encode()
        return names[old]

    return {service: list(_chained(rows, lambda text: _NAME.sub(renamed, text))) for service, rows in found.items()}


def _chained(rows: list[Row], rename: Callable[[bytes], bytes]) -> Iterator[Row]:
    heads: dict[bytes, bytes] = {}
    for _, version, _, _, digest, body in rows:
        text = _PREVIOUS.sub(lambda match: b'"prevhash":"' + heads.get(match[1], match[1]) + b'"', rename(body))
        fresh = sha256(text).digest()
        heads[digest.hex().encode()] = fresh.hex().encode()
        attributes = orjson.loads(text)
        yield attributes["stream"], version, UUID(attributes["id"]), attributes["subject"], fresh, text


async def _store(connection: asyncpg.Connection, service: str, rows: list[Row]) -> None:
    columns = ("stream", "version", "id", "subject", "hash", "body")
    async with connection.transaction():
        await connection.copy_records_to_table("event", schema_name=service, columns=columns, records=rows)
        waiting = [row[:2] for row in rows]
        await connection.copy_records_to_table(
            "outbox", schema_name=service, columns=("stream", "version"), records=waiting
        )
