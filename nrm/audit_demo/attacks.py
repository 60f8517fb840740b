"""The attacks on the database and on the export. Each says what it did, and which events a verifier must name."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from pathlib import Path

import orjson

from libs.runtime.ids import new_id
from libs.transparency.bundle import EVENTS
from libs.transparency.canonical import FIRST_PREVHASH, canonical, seal
from nrm.audit_demo.fork import rewrite, sign_again
from nrm.audit_demo.ground import Done, Event, Ground, event_of

FORGER = "cnp-elsewhere"
"""Whom the forged events name as the organisation that recorded them."""

_REWIND = (
    "DELETE FROM transparency.leaf WHERE index >= $1",
    "DELETE FROM transparency.node WHERE (index + 1) << level > $1",
    "DELETE FROM transparency.checkpoint WHERE size > $1",
    "DELETE FROM transparency.published WHERE size > $1",
)


async def change_a_byte(ground: Ground) -> Done:
    """Make one digit of the date on which something happened another one."""
    event = (await ground.longest_case())[1]
    body = event.body.replace(b'"occurredat":"202', b'"occurredat":"201', 1)
    await ground.put(event, body, sha256(event.body).digest())
    return Done(f"one digit of the year in {event.id}", (event.id,))


async def delete_an_event(ground: Ground) -> Done:
    """Take one event out of every table that holds it."""
    event = (await ground.longest_case())[1]
    await ground.remove(event)
    return Done(f"the rows of {event.id}", (event.id,))


async def swap_a_pair(ground: Ground) -> Done:
    """Let two events of a case stand in each other's place."""
    one, two = (await ground.longest_case())[1:3]
    await _put_and_hash(ground, one, two.body)
    await _put_and_hash(ground, two, one.body)
    return Done(f"{one.id} stands where {two.id} stood", (one.id, two.id))


async def forge_a_stream(ground: Ground) -> Done:
    """Write a case anew from its first event, each with the right hash and the hash of the one before it."""
    before, events = FIRST_PREVHASH, await ground.longest_case()
    for event in events:
        forged = {**orjson.loads(event.body), "organisation": FORGER, "prevhash": before}
        before = await _put_and_hash(ground, event, canonical(forged))
    return Done(f"all {len(events)} events of {events[0].stream}, well chained", tuple(one.id for one in events))


async def forge_with_leaves(ground: Ground) -> Done:
    """Write one event and all that follows from it anew, the log's leaves too; the log's key is not to be had."""
    event = (await ground.longest_case())[1]
    await rewrite(ground, event.id, FORGER)
    last = await ground.connection.fetchval("SELECT max(size) FROM transparency.published")
    return Done(f"{event.id} and every hash after it, not the signature", (await ground.event_id(last - 1),))


async def rewind(ground: Ground) -> Done:
    """Bring back the state of an earlier checkpoint, as a restored backup would."""
    size = await ground.connection.fetchval(
        "SELECT max(size) FROM transparency.published WHERE size < $1", ground.retained.size
    )
    rows = await ground.connection.fetch(
        "SELECT index, event_id, service, stream, version FROM transparency.leaf "
        "WHERE index >= $1 AND body IS NULL ORDER BY index",
        size,
    )
    for row in rows:
        await ground.remove(event_of(row, b""))
    for statement in _REWIND:
        await ground.connection.execute(statement, size)
    last = await ground.event_id(size - 1)
    return Done(f"everything after {last}, with its checkpoints", (last,))


async def fork(ground: Ground) -> Done:
    """Write history anew and sign it with the log's own key: what only the operator can do, or who stole the key."""
    event = (await ground.longest_case())[1]
    await sign_again(ground, await rewrite(ground, event.id, FORGER))
    last = await ground.event_id(ground.retained.size - 1)
    return Done(f"{event.id} and every hash after it, signed with the log's key", (last,))


def insert_an_event(folder: Path) -> Done:
    """Put an event that never was between two others, with a hash that fits."""
    lines = _lines(folder)
    at = len(lines) // 2
    model = {name: value for name, value in orjson.loads(lines[at]).items() if name != "hash"}
    forged = seal({**model, "id": new_id(), "organisation": FORGER})
    lines.insert(at, canonical(forged) + b"\n")
    _write(folder, lines)
    return Done(f"{forged['id']}, made up", (forged["id"],))


def cut_the_tail(folder: Path) -> Done:
    """Leave out the last events."""
    lines = _lines(folder)
    at = len(lines) - 5
    first = orjson.loads(lines[at])["id"]
    _write(folder, lines[:at])
    return Done(f"the last 5 events, from {first} on", (first,))


ON_DATABASE: Mapping[str, Callable[[Ground], Awaitable[Done]]] = {
    "changed byte": change_a_byte,
    "deleted event": delete_an_event,
    "swapped pair": swap_a_pair,
    "cut-off tail, rewound": rewind,
    "forged stream": forge_a_stream,
    "forged stream, leaves too": forge_with_leaves,
    "forked log": fork,
}
ON_EXPORT: Mapping[str, Callable[[Path], Done]] = {
    "inserted event": insert_an_event,
    "cut-off tail": cut_the_tail,
}
ORDER = (
    "changed byte", "deleted event", "swapped pair", "inserted event", "cut-off tail", "cut-off tail, rewound",
    "forged stream", "forged stream, leaves too", "forked log",
)  # fmt: skip
"""The seven, two of them in two strengths."""


async def _put_and_hash(ground: Ground, event: Event, body: bytes) -> str:
    """Write content and every plain hash of it; the leaf hash, which the signed root covers, stays."""
    digest = sha256(body).digest()
    await ground.put(event, body, digest)
    await ground.connection.execute("UPDATE transparency.leaf SET hash = $1 WHERE index = $2", digest, event.index)
    return digest.hex()


def _lines(folder: Path) -> list[bytes]:
    return (folder / EVENTS).read_bytes().splitlines(keepends=True)


def _write(folder: Path, lines: list[bytes]) -> None:
    (folder / EVENTS).write_bytes(b"".join(lines))
