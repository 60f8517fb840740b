"""The log over HTTP: checkpoint, proofs, tiles (C2SP tlog-tiles), receipts, and every event in log order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from libs.events.envelope import wire_bytes
from libs.events.event import JSON
from libs.events.handle import parse_time
from libs.runtime.edge import Reader, forbidden, not_found, reading
from libs.runtime.moments import Begin, End
from libs.runtime.problems import Problem
from libs.transparency.merkle import HashReader, consistency_proof, inclusion_proof, range_root
from libs.transparency.receipt import Receipt, sign_receipt
from libs.transparency.tiles import HEIGHT, WIDTH, Tile, pack_entries, parse_path
from nrm.log import keys, tables
from nrm.log.tables import Found, Listed, Signed
from projections.audit_trail.api import AuditDesk

router = APIRouter(tags=["log"])
LogReader = Annotated[Reader, Depends(reading("log.read"))]
Hash = Annotated[str, Query(pattern="^[0-9a-fA-F]{64}$", description="an event's `hash`, as a write's answer gives it")]
Size = Annotated[int, Query(ge=0, le=2**62)]
NDJSON = "application/x-ndjson"
INDEX_DIGITS_MAX = 18
IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(slots=True)
class LogDesk(AuditDesk):
    """What the audit process's routes share."""

    witness_keys: tuple[str, ...]


@router.get("/v1/log/checkpoint", response_class=Response)
async def read_checkpoint(reader: LogReader) -> Response:
    """The newest checkpoint: a C2SP tlog-checkpoint in a signed note, with its cosignatures."""
    shown = await _shown(reader)
    return Response(shown.note, media_type="text/plain; charset=utf-8", headers=NO_STORE)


@router.get("/v1/log/key", response_class=Response)
async def read_key(reader: LogReader) -> Response:
    """The verifier keys, one a line, in signed-note form: the log's (two during a rotation), then the witnesses'."""
    desk = reader.desk
    assert isinstance(desk, LogDesk)  # only the audit process has this router
    origin = keys.origin_of(desk.settings, await tables.installation(desk.pool))
    lines = [str(key.verifier) for key in keys.signing_keys(desk.settings, origin)] + list(desk.witness_keys)
    return Response("".join(f"{line}\n" for line in lines), media_type="text/plain; charset=utf-8", headers=NO_STORE)


@router.get("/v1/log/proofs/inclusion")
async def prove_inclusion(reader: LogReader, hash: Hash) -> Response:  # noqa: A002 - the contract's word
    """The path from an event's leaf to the newest checkpoint's root. 404 unknown, 503 known but not merged yet."""
    pool, shown = reader.desk.pool, await _shown(reader)
    leaf = await pool.fetchrow(
        "SELECT index, event_id, leaf_hash FROM transparency.leaf WHERE hash = $1", bytes.fromhex(hash)
    )
    size = shown.head.size
    if leaf is None or leaf["index"] >= size:
        if leaf is None and not await _arrived(reader, hash):
            raise not_found("event in this log")
        raise Problem(
            503, "not-yet-merged", "the event is accepted, its proof follows with a checkpoint", retry_after_s=1
        )

    def path(hashes: HashReader) -> list[bytes]:
        return inclusion_proof(leaf["index"], size, hashes)

    proof = path(await tables.hashes(pool, size, path))
    return _json(
        {
            "hash": hash.lower(),
            "event_id": leaf["event_id"],
            "index": leaf["index"],
            "leaf_hash": leaf["leaf_hash"].hex(),
            "size": size,
            "path": [one.hex() for one in proof],
            "root": shown.head.root.hex(),
            "checkpoint": shown.note,
        }
    )


@router.get("/v1/log/proofs/consistency")
async def prove_consistency(
    reader: LogReader, from_: Annotated[int, Query(alias="from", ge=0, le=2**62)] = 0, to: Size | None = None
) -> Response:
    """That the tree of size `to` (default: the newest) begins with the tree of size `from`."""
    pool, shown = reader.desk.pool, await _shown(reader)
    size = shown.head.size if to is None else to
    if not from_ <= size <= shown.head.size:
        raise Problem(400, "bad-size", "sizes are 0 <= from <= to <= the newest checkpoint's")

    def prove(hashes: HashReader) -> tuple[list[bytes], bytes, bytes]:
        return consistency_proof(from_, size, hashes), range_root(0, from_, hashes), range_root(0, size, hashes)

    proof, old, new = prove(await tables.hashes(pool, shown.head.size, prove))
    return _json(
        {
            "from": from_,
            "to": size,
            "from_root": old.hex(),
            "to_root": new.hex(),
            "path": [one.hex() for one in proof],
            "checkpoint": shown.note,
        }
    )


@router.get("/v1/log/tile/{path:path}", response_class=Response)
async def read_tile(reader: LogReader, path: Annotated[str, Path(max_length=80)]) -> Response:
    """A tile or an entry bundle by its C2SP tlog-tiles path, e.g. `0/000`, `1/000.p/3`, `entries/000.p/9`."""
    shown = await _shown(reader)
    try:
        asked = parse_path(f"tile/{path}")
    except ValueError:
        raise not_found("tile") from None
    if isinstance(asked, tuple):
        return await _bundle(reader, shown, *asked)
    if asked.index * WIDTH + asked.width > shown.head.size >> (HEIGHT * asked.level):
        raise not_found("tile")
    content = await tables.tiles(reader.desk.pool, {asked})
    return Response(content[Tile(asked.level, asked.index, asked.width)], 200, IMMUTABLE, "application/octet-stream")


@router.get("/v1/log/receipt", response_class=Response)
async def read_receipt(reader: LogReader, hash: Hash) -> Response:  # noqa: A002 - as above
    """The log's signed promise that this event will be merged; with no proof after `mmd` seconds, it was broken."""
    pool, settings = reader.desk.pool, reader.desk.settings
    row = await pool.fetchrow("SELECT id, body FROM audit_trail.event WHERE hash = $1", hash.lower())
    if row is None:
        raise not_found("event here yet")
    origin = keys.origin_of(settings, await tables.installation(pool))
    accepted_at = parse_time(orjson.loads(row["body"])["time"])
    note = sign_receipt(Receipt(origin, row["id"], hash.lower(), accepted_at), keys.signing_keys(settings, origin)[0])
    return Response(str(note), media_type="text/plain; charset=utf-8", headers=NO_STORE)


@router.get("/v1/events", response_class=StreamingResponse)
async def read_events(
    reader: Annotated[Reader, Depends(reading("events.read"))],
    after: Annotated[str, Query(max_length=40, description="the id of the last event received, or a log index")] = "",
    types: Annotated[
        str, Query(max_length=4000, pattern=r"^[^\x00]*$", description="wire names or kinds, by commas")
    ] = "",
    organisation: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")] = None,
    from_: Annotated[Begin, Query(alias="from", description="recorded at or after")] = None,
    to: Annotated[End, Query(description="recorded before; a date lies within")] = None,
) -> StreamingResponse:
    """Every event of every service, a line each, in the order of the log; of any size, in constant memory."""
    pool = reader.desk.pool
    found = Found(
        size=await tables.stored_size(pool),
        first=await _first(reader, after),
        types=[one.strip() for one in types.split(",") if one.strip()] or None,
        organisation=organisation,
        recorded_from=from_,
        recorded_to=to,
        own=False,
    )

    async def lines() -> AsyncIterator[bytes]:
        async for leaves in tables.listed(pool, found):
            yield b"".join(map(_line, leaves))

    return StreamingResponse(lines(), media_type=NDJSON, headers=NO_STORE)


async def _shown(reader: Reader) -> Signed:
    shown = await tables.published(reader.desk.pool)
    if shown is None:
        raise Problem(503, "no-checkpoint-yet", "the log has not published a checkpoint yet", retry_after_s=1)
    return shown


async def _arrived(reader: Reader, hash_: str) -> bool:
    sql = "SELECT EXISTS (SELECT FROM audit_trail.event WHERE hash = $1)"
    return bool(await reader.desk.pool.fetchval(sql, hash_.lower()))


async def _bundle(reader: Reader, shown: Signed, index: int, width: int) -> Response:
    """Entry bundles hold whole events, so they are for those who may read them."""
    if not reader.may("events.read"):
        raise forbidden(reader.caller, "events.read")
    first, end = index * WIDTH, index * WIDTH + width
    if end > shown.head.size:
        raise not_found("tile")
    found = [leaf async for one in tables.listed(reader.desk.pool, Found(end, first)) for leaf in one]
    content = pack_entries(_body(leaf) for leaf in found)
    return Response(content, 200, IMMUTABLE, "application/octet-stream")


async def _first(reader: Reader, after: str) -> int:
    """The index behind the event (by id or index) that was received last. Raises 400 where it is neither."""
    if not after:
        return 0
    if after.isascii() and after.isdecimal():
        return int(after[:INDEX_DIGITS_MAX]) + 1
    try:
        event_id = str(UUID(after))
    except ValueError:
        raise Problem(400, "bad-after", "after is the id of an event in the log, or its index") from None
    index = await reader.desk.pool.fetchval("SELECT index FROM transparency.leaf WHERE event_id = $1", event_id)
    if index is None:
        raise Problem(400, "bad-after", "after is the id of an event in the log, or its index")
    return int(index) + 1


def _line(leaf: Listed) -> bytes:
    return wire_bytes(_body(leaf), leaf.hash, leaf.position) + b"\n"


def _body(leaf: Listed) -> bytes:
    """The event's bytes. Where they are lost the answer breaks off: a list with a silent hole would be a lie."""
    if leaf.body is None:
        raise LookupError(f"the event of leaf {leaf.index} is not here")
    return leaf.body.encode()


def _json(value: dict[str, JSON]) -> Response:
    return Response(orjson.dumps(value), media_type="application/json", headers=NO_STORE)
