"""Writing an export folder from the log's rows: the newest published checkpoint, events in log order, and proofs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from libs.events.envelope import wire_bytes
from libs.events.rows import Connection
from libs.runtime.settings import SERVICES, Settings
from libs.runtime.submitters import registry_file
from libs.transparency.bundle import Export, Leaf, Manifest, Scope, write_bundle
from libs.transparency.manifest import MANIFEST_STREAM
from libs.transparency.tiles import TileReader
from nrm.log import keys, tables
from nrm.log.tables import Found, Listed, Signed
from nrm.log.witnesses import peers_of

SETTLE_S = 20.0
"""How long an export waits for what is recorded but not yet in the log."""

SETTLE_POLL_S = 0.2
CONSISTENCY_MAX = 1_000
"""Earlier checkpoints, the newest ones, that a partial export proves to extend without being asked."""

T = TypeVar("T")


class CannotExport(Exception):
    """There is nothing to export, or not all of it is here. Says which."""


class Nothing(CannotExport):
    """The log holds no event of that case, up to its newest checkpoint."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of the log is exported: one case, or a period by recording time, or all of it."""

    case_id: str | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    kept: Sequence[int] = ()
    """Sizes of checkpoints that the auditor keeps: a partial export proves that it extends them."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    events: int
    size: int
    settled: bool
    """Whether everything that was recorded when the export began is in it."""


async def export(
    settings: Settings, wanted: Wanted, folder: Path, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> Exported:
    """Write `events.ndjson`, `checkpoint.txt`, `proofs.ndjson` and `key.txt`. Raises CannotExport."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        settled = await _settle(connection)
        events, size = await written(connection, settings, wanted, folder, tell)
        return Exported(events, size, settled)
    finally:
        await connection.close(timeout=2)


async def written(
    connection: Connection,
    settings: Settings,
    wanted: Wanted,
    folder: Path,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[int, int]:
    """Write what the newest checkpoint covers; how many events, and the checkpoint's size. Raises CannotExport."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        shown = await tables.published(connection)
        if shown is None:
            raise CannotExport("the log has no checkpoint yet: start the audit process")
        events = await _write(connection, settings, shown, wanted, folder, tell)
        return events, shown.head.size


async def _write(
    connection: Connection,
    settings: Settings,
    shown: Signed,
    wanted: Wanted,
    folder: Path,
    tell: Callable[[int, int], None],
) -> int:
    size, loop = shown.head.size, asyncio.get_running_loop()
    scope, found = await _scope(connection, size, wanted)
    manifest = await _manifest(connection, size) if scope.kind == "subject" else None
    wait = _Waiter(loop)
    reader = TileReader(size, lambda tile: wait.get(tables.tiles(connection, {tile}))[tile])
    installation = await tables.installation(connection)
    signing = keys.signing_keys(settings, keys.origin_of(settings, installation))
    verifiers = [key.verifier for key in signing] + [peer.key for peer in peers_of(settings)]
    if too_large := [one for one in wanted.kept if one > size]:
        raise CannotExport(
            f"a kept checkpoint is of {max(too_large)} leaves, the log has {size}: it was cut or rolled back"
        )
    earlier = await tables.published_sizes(connection, CONSISTENCY_MAX) if scope.kind != "whole" else []
    keys_file = registry_file(settings)
    submitters = keys_file.read_bytes() if keys_file else None
    wanted_bundle = Export(
        shown.note, verifiers, reader, scope, manifest, sorted({*earlier, *wanted.kept} - {0, size}), submitters
    )  # fmt: skip
    leaves = _leaves(wait, tables.listed(connection, found), lambda done: tell(done, size))
    return await asyncio.to_thread(write_bundle, folder, leaves, wanted_bundle)


async def _scope(connection: Connection, size: int, wanted: Wanted) -> tuple[Scope, Found]:
    if wanted.case_id:
        found = Found(size, subject=wanted.case_id)
        if await anext(tables.listed(connection, found, 1), None) is None:
            raise Nothing(f"the log holds no event of {wanted.case_id}")
        return Scope("subject", wanted.case_id), found
    if wanted.recorded_from or wanted.recorded_to:
        first, end = await _period(connection, size, wanted)
        return Scope("range", first=first, end=end), Found(end, first)
    return Scope(), Found(size)


async def _period(connection: Connection, size: int, wanted: Wanted) -> tuple[int, int]:
    """The run of leaves that holds every event of the period: unbroken, or a part could not be proved complete.

    Services record at their own pace, so at either end it may hold some events of a moment before or after.
    """
    row = await connection.fetchrow(
        "SELECT min(l.index) AS first, max(l.index) + 1 AS until FROM transparency.leaf l "
        "JOIN audit_trail.event e ON e.id = l.event_id WHERE l.index < $1 "
        "AND ($2::timestamptz IS NULL OR e.recorded_at >= $2) AND ($3::timestamptz IS NULL OR e.recorded_at < $3)",
        size, wanted.recorded_from, wanted.recorded_to,
    )  # fmt: skip
    return (row["first"], row["until"]) if row and row["first"] is not None else (0, 0)


async def _manifest(connection: Connection, size: int) -> Manifest:
    """The checkpoint's last leaf, and the heads that it states."""
    row = await connection.fetchrow(
        "SELECT stream, hash, position, body FROM transparency.leaf WHERE index = $1", size - 1
    )
    if row is None or row["stream"] != MANIFEST_STREAM:
        raise CannotExport("the checkpoint's last leaf is no manifest: the log was tampered with")
    restored = await tables.heads_below(connection, size - 1)
    envelope = wire_bytes(row["body"].encode(), row["hash"], row["position"])
    return Manifest(size - 1, envelope, await asyncio.to_thread(restored.heads))


async def _settle(connection: Connection) -> bool:
    """Wait until what the services have recorded by now is in a published checkpoint."""
    due = await _recorded(connection)
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while True:
        merged = {
            row["service"]: row["position"]
            for row in await connection.fetch(
                "SELECT service, max(position) AS position FROM transparency.leaf "
                "WHERE index < (SELECT max(size) FROM transparency.published) GROUP BY service"
            )
        }
        if all(merged.get(service, 0) >= position for service, position in due.items()):
            return True
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(SETTLE_POLL_S)


async def _recorded(connection: Connection) -> dict[str, int]:
    """How many events each service has recorded, sequenced or not."""
    found = {}
    for service in SERVICES:
        sql = f"SELECT (SELECT coalesce(max(position), 0) FROM {service}.log) + (SELECT count(*) FROM {service}.outbox)"
        found[service] = await connection.fetchval(sql)
    return found


class _Waiter:
    """Lets the writing thread wait for what only the event loop can fetch."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def get(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine of the loop's."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _leaves(wait: _Waiter, pages: AsyncIterator[list[Listed]], tell: Callable[[int], None]) -> Iterator[Leaf]:
    """The leaves of all pages; an event that the rows have lost is a leaf without an envelope, for all to see."""
    done = 0
    while page := wait.get(_next(pages)):
        for one in page:
            envelope = wire_bytes(one.body.encode(), one.hash, one.position) if one.body is not None else None
            yield Leaf(one.index, one.event_id, envelope)
        done += len(page)
        tell(done)


async def _next(pages: AsyncIterator[list[Listed]]) -> list[Listed]:
    return await anext(pages, [])
