"""The strongest attack: another history from some event on, with every hash, proof and manifest made to fit it."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import asyncpg
import orjson

from libs.transparency.canonical import FIRST_PREVHASH, canonical
from libs.transparency.checkpoint import Checkpoint, sign_checkpoint
from libs.transparency.manifest import MANIFEST_TYPE, Heads
from libs.transparency.merkle import Tree, leaf_hash
from libs.transparency.tiles import HEIGHT
from nrm.audit_demo.ground import Ground, event_of
from nrm.log import keys, tables

_ALL = """
SELECT l.index, l.event_id, l.service, l.stream, l.version, l.body IS NOT NULL AS own, coalesce(l.body, e.body) AS body
FROM transparency.leaf l LEFT JOIN audit_trail.event e ON e.id = l.event_id ORDER BY l.index
"""
_LEAF = "UPDATE transparency.leaf SET hash = $2, leaf_hash = $3, body = $4 WHERE index = $1"
_NODE = "UPDATE transparency.node SET hash = $3 WHERE level = $1 AND index = $2"


async def rewrite(ground: Ground, event_id: str, organisation: str) -> Checkpoint:
    """Make one event say that another organisation recorded it, and let all that follows fit; gives the tree head."""
    made = _Made()
    for row in await ground.connection.fetch(_ALL):
        envelope = orjson.loads(row["body"])
        if row["event_id"] == event_id:
            envelope["organisation"] = organisation
        raw, leaf, nodes = made.add(envelope)
        if raw != row["body"].encode():
            await _store(ground, row, raw, leaf)
        await ground.connection.executemany(_NODE, nodes)
    origin = keys.origin_of(ground.settings, await tables.installation(ground.connection))
    return Checkpoint(origin, made.tree.size, made.tree.root())


async def sign_again(ground: Ground, head: Checkpoint) -> None:
    """Sign a tree head with the log's key, in place of every checkpoint that there was."""
    note = str(sign_checkpoint(head, *keys.signing_keys(ground.settings, head.origin)))
    at = datetime.now(UTC)
    await ground.connection.execute("DELETE FROM transparency.published")
    await ground.connection.execute("DELETE FROM transparency.checkpoint")
    await ground.connection.execute(
        "INSERT INTO transparency.checkpoint VALUES ($1, $2, $3, $4)", head.size, head.root, note, at
    )
    await tables.publish(ground.connection, head.size, note, at)


async def _store(ground: Ground, row: asyncpg.Record, raw: bytes, leaf: bytes) -> None:
    digest = sha256(raw).digest()
    body = raw.decode() if row["own"] else None
    await ground.connection.execute(_LEAF, row["index"], digest, leaf, body)
    if not row["own"]:
        await ground.put(event_of(row, raw), raw, digest)


class _Made:
    """The other history as it grows."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._heads = Heads()
        self._before: dict[str, str] = {}

    def add(self, envelope: dict[str, Any]) -> tuple[bytes, bytes, list[tuple[int, int, bytes]]]:
        """Fit the next event to those before it; gives its bytes, its leaf hash, and the nodes that it completes."""
        stream = envelope["stream"]
        envelope["prevhash"] = self._before.get(stream, FIRST_PREVHASH)
        if envelope["type"] == MANIFEST_TYPE:
            envelope["data"] = self._heads.manifest_data()
        raw = canonical(envelope)
        leaf = leaf_hash(raw)
        self._before[stream] = sha256(raw).hexdigest()
        self._heads.add({**envelope, "hash": self._before[stream]}, leaf)
        nodes = [node for node in self.tree.push(0, leaf) if node[0] and node[0] % HEIGHT == 0]
        return raw, leaf, nodes
