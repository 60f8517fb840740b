"""The log's rows: reading the stored tree, taking it up again, and storing an epoch. SQL and nothing else."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
import orjson

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.events.rows import Connection
from libs.transparency.checkpoint import Checkpoint, parse_checkpoint
from libs.transparency.merkle import HASH_BYTES, HashReader
from libs.transparency.note import parse_note
from libs.transparency.submissions import SUBMITTERS_STREAM
from libs.transparency.tiles import HEIGHT, WIDTH, Tile, TileReader, tile_of
from nrm.log.growth import Epoch, Restored, Row

PAGE_LEAVES = 5_000
"""Leaves read at once: memory stays flat, and others get their turn between two pages."""

Source: TypeAlias = "asyncpg.Pool | asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"

ACCESS_COLUMNS = (
    "seq, id, at, process, organisation, actor, role, action, case_id, resource, reason, outcome, emergency"
)
_LEVEL_0 = """
SELECT t.index, string_agg(l.leaf_hash, ''::bytea ORDER BY l.index) AS hashes
FROM unnest($1::bigint[], $2::integer[]) AS t (index, width)
JOIN transparency.leaf l ON l.index >= t.index * 256 AND l.index < t.index * 256 + t.width
GROUP BY t.index
"""
_ABOVE = """
SELECT t.level, t.index, string_agg(n.hash, ''::bytea ORDER BY n.index) AS hashes
FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS t (level, index, width)
JOIN transparency.node n ON n.level = t.level * 8 AND n.index >= t.index * 256 AND n.index < t.index * 256 + t.width
GROUP BY t.level, t.index
"""
_SAVE_LEAVES = """
INSERT INTO transparency.leaf
    (index, event_id, hash, leaf_hash, service, position, stream, version, subject, body, concerns)
SELECT index, event_id, hash, leaf_hash, service, position, stream, version, subject, body,
    string_to_array(named, E'\x1f')
FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::bigint[], $7::text[],
    $8::integer[], $9::text[], $10::text[], $11::text[]) AS new (
    index, event_id, hash, leaf_hash, service, position, stream, version, subject, body, named)
"""


@dataclass(frozen=True, slots=True)
class Signed:
    """A stored checkpoint and its note."""

    head: Checkpoint
    note: str


async def installation(source: Source) -> str:
    """The log's own id."""
    return str(await source.fetchval("SELECT id FROM transparency.installation"))


async def is_case(source: Source, case_id: str) -> bool:
    """Whether any event is about this case."""
    return bool(await source.fetchval("SELECT EXISTS (SELECT FROM audit_trail.concern WHERE subject = $1)", case_id))


async def published(source: Source, size: int | None = None) -> Signed | None:
    """The newest checkpoint that is shown (or the one of a size), with its cosignatures."""
    note = await source.fetchval(
        "SELECT note FROM transparency.published WHERE $1::bigint IS NULL OR size = $1 ORDER BY size DESC LIMIT 1", size
    )
    return _signed(note)


async def published_sizes(source: Source, newest: int) -> list[int]:
    """The sizes of the newest checkpoints that were shown."""
    rows = await source.fetch("SELECT size FROM transparency.published ORDER BY size DESC LIMIT $1", newest)
    return [row["size"] for row in rows]


async def last_signed(source: Source) -> Signed | None:
    """The newest checkpoint that was signed, shown or not."""
    return _signed(await source.fetchval("SELECT note FROM transparency.checkpoint ORDER BY size DESC LIMIT 1"))


def _signed(note: str | None) -> Signed | None:
    return Signed(parse_checkpoint(parse_note(note).text), note) if note else None


async def publish(source: Source, size: int, note: str, at: datetime) -> None:
    """Show a checkpoint."""
    await source.execute(
        "INSERT INTO transparency.published (size, note, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", size, note, at
    )


async def save(connection: Connection, epoch: Epoch, signed: Signed, at: datetime, *, show: bool) -> None:
    """Store an epoch and its checkpoint: all of it, or nothing."""
    columns = [list(column) for column in zip(*map(_columns, epoch.leaves), strict=True)]
    async with connection.transaction():
        await connection.execute(_SAVE_LEAVES, *columns)
        await connection.executemany("INSERT INTO transparency.node VALUES ($1, $2, $3)", epoch.nodes)
        await connection.execute(
            "INSERT INTO transparency.checkpoint (size, root, note, at) VALUES ($1, $2, $3, $4)",
            signed.head.size, signed.head.root, signed.note, at,
        )  # fmt: skip
        if show:
            await publish(connection, signed.head.size, signed.note, at)


def _columns(leaf: Any) -> tuple[object, ...]:  # noqa: ANN401 - a NewLeaf, attribute by attribute
    return (
        leaf.index, leaf.event_id, leaf.hash, leaf.leaf_hash, leaf.service, leaf.position, leaf.stream, leaf.version,
        leaf.subject, leaf.body, "\x1f".join(leaf.concerns) or None,
    )  # fmt: skip


async def stored_size(source: Source) -> int:
    """How many leaves are stored."""
    return int(await source.fetchval("SELECT coalesce(max(index) + 1, 0) FROM transparency.leaf"))


async def positions(source: Source) -> dict[str, int]:
    """The last position of each service that is in the log."""
    rows = await source.fetch("SELECT service, max(position) AS position FROM transparency.leaf GROUP BY service")
    return {row["service"]: row["position"] for row in rows}


async def own_heads(source: Source, streams: Sequence[str]) -> Mapping[str, tuple[int, str, str]]:
    """Version, hash and body of the last leaf of each of the log's own streams."""
    rows = await source.fetch(
        "SELECT DISTINCT ON (stream) stream, version, hash, body FROM transparency.leaf WHERE stream = ANY($1) "
        "ORDER BY stream, version DESC",
        list(streams),
    )
    return {row["stream"]: (row["version"], row["hash"].hex(), row["body"]) for row in rows}


async def submitters(source: Source) -> dict[str, Mapping[str, JSON]]:
    """What the log holds of each organisation that signs, as last listed."""
    rows = await source.fetch(
        "SELECT body FROM transparency.leaf WHERE stream = $1 ORDER BY version", SUBMITTERS_STREAM
    )
    entries = [orjson.loads(row["body"])["data"] for row in rows]
    return {entry["organisation"]: entry for entry in entries}


async def heads_below(source: Source, size: int) -> Restored:
    """How every stream and case stood after the first `size` leaves."""
    restored, done = Restored(), 0
    while done < size:
        rows = await source.fetch(
            "SELECT stream, version, hash, subject, leaf_hash, concerns FROM transparency.leaf "
            "WHERE index >= $1 AND index < $2 ORDER BY index",
            done, min(size, done + PAGE_LEAVES),
        )  # fmt: skip
        if not rows:
            raise LookupError(f"the log's leaves from {done} on are missing")
        for row in rows:
            restored.take(*row)
        done += len(rows)
    return restored


async def next_rows(source: Source, service: str, after: int, limit: int) -> list[Row]:
    """A service's events behind a position, in order, as the audit_trail rows hold them."""
    rows = await source.fetch(
        "SELECT service, position, id, hash, body FROM audit_trail.event WHERE service = $1 AND position > $2 "
        "ORDER BY position LIMIT $3",
        service, after, limit,
    )  # fmt: skip
    return [Row(row["service"], row["position"], row["id"], row["hash"], row["body"].encode()) for row in rows]


async def access_entries(source: Source, after: int, limit: int) -> list[dict[str, JSON]]:
    """Access entries behind one, in order, as they are hashed and shown."""
    rows = await source.fetch(
        f"SELECT {ACCESS_COLUMNS} FROM access.entry WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit
    )
    return [access_entry(row) for row in rows]


def access_entry(row: asyncpg.Record) -> dict[str, JSON]:
    """One access entry as JSON."""
    entry = {**dict(row), "id": str(row["id"]), "at": rfc3339(row["at"])}
    if entry["emergency"] is None:
        del entry["emergency"]  # entries from before had no such column, and their digests are in the log
    return entry


async def hashes(source: Source, size: int, use: Callable[[HashReader], object]) -> TileReader:
    """A reader of every stored hash of the tree of `size` that `use` asks for; they are fetched in two queries."""
    wanted = _Wanted(size)
    use(wanted)
    found = await tiles(source, wanted.tiles)
    return TileReader(size, found.__getitem__)


async def tiles(source: Source, wanted: set[Tile]) -> dict[Tile, bytes]:
    """The bytes of some tiles. Raises LookupError where the stored tree does not reach them."""
    lowest, above = [one for one in wanted if not one.level], [one for one in wanted if one.level]
    found: dict[tuple[int, int], bytes] = {}
    if lowest:
        for row in await source.fetch(_LEVEL_0, [one.index for one in lowest], [one.width for one in lowest]):
            found[0, row["index"]] = row["hashes"]
    if above:
        columns = zip(*((one.level, one.index, one.width) for one in above), strict=True)
        for row in await source.fetch(_ABOVE, *map(list, columns)):
            found[row["level"], row["index"]] = row["hashes"]
    cut = {one: found.get((one.level, one.index), b"")[: one.width * HASH_BYTES] for one in wanted}
    if any(len(content) != one.width * HASH_BYTES for one, content in cut.items()):
        raise LookupError("the stored tree has a hole")
    return cut


class _Wanted:
    """Notes which tiles a computation needs; which hashes it asks for does not depend on what they are."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.tiles: set[Tile] = set()

    def get(self, level: int, index: int) -> bytes:
        """Note the tile that holds this hash."""
        self.tiles.add(tile_of(level // HEIGHT, (index << (level % HEIGHT)) // WIDTH, self._size))
        return bytes(HASH_BYTES)


@dataclass(frozen=True, slots=True)
class Found:
    """Which leaves to list, of those below `size`; None does not choose."""

    size: int
    first: int = 0
    types: Sequence[str] | None = None
    organisation: str | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None
    subject: str | None = None
    own: bool = True
    """Whether the log's own leaves are wanted too."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One leaf with its event's bytes; None where the rows have lost them."""

    index: int
    event_id: str
    hash: bytes
    position: int
    body: str | None


_LIST = """
SELECT l.index, l.event_id, l.hash, l.position, coalesce(l.body, e.body) AS body
FROM transparency.leaf l LEFT JOIN audit_trail.event e ON e.id = l.event_id
WHERE l.index >= $1 AND l.index < $2
    AND ($3::text IS NULL OR l.subject = $3 OR l.concerns @> ARRAY[$3])
    AND ($4::boolean OR l.body IS NULL)
    AND ($5::text[] IS NULL OR e.type = ANY($5) OR split_part(e.type, '.', 4) = ANY($5))
    AND ($6::text IS NULL OR e.organisation = $6)
    AND ($7::timestamptz IS NULL OR e.recorded_at >= $7)
    AND ($8::timestamptz IS NULL OR e.recorded_at < $8)
ORDER BY l.index LIMIT $9
"""


async def listed(source: Source, found: Found, page: int = 1_000) -> AsyncIterator[list[Listed]]:
    """Leaves in log order, a page at a time: nothing is held between two pages, so a slow reader costs nothing."""
    at = found.first
    while at < found.size:
        rows = await source.fetch(
            _LIST, at, found.size, found.subject, found.own, found.types, found.organisation,
            found.recorded_from, found.recorded_to, page,
        )  # fmt: skip
        if rows:
            yield [Listed(row["index"], row["event_id"], row["hash"], row["position"], row["body"]) for row in rows]
        if len(rows) < page:
            return
        at = rows[-1]["index"] + 1
