"""The export folder: what is in it, and writing it. Reading it is `verify`'s.

- `events.ndjson`: an envelope a line in canonical JSON (RFC 8785), in log order.
- `checkpoint.txt`: the log's signed note with its cosignatures. `key.txt`: verifier keys, one a line.
- `proofs.ndjson`: first a header `{"format", "scope", "size", ...}`, then
  - `{"consistency": {"from", "proof"}}`: from an earlier size to this one, for a partial export;
  - scope `whole` (leaves 0 to size - 1): per 256 leaves `{"tile", "ids", "positions", "hashes"}`, hashes being the
    level 0 tile (C2SP tlog-tiles) in base64; together they give the root, each names its events;
  - scopes `subject` (one case: every event that concerns it) and `range` (leaves `first` to `end` - 1): per event
    `{"index", "id", "position", "leaf", "proof"}`, an RFC 6962 inclusion proof;
  - scope `subject`: `{"manifest": {"index", "envelope", "proof", "heads"}}`, the last leaf of the checkpoint's tree,
    with an entry proof for the case and for each of its streams (see `manifest`).
Hashes are in base64, as in C2SP tlog-proof.

- `submitters.json`, where organisations sign what they post: their public keys (see `submissions`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import orjson

from libs.transparency.canonical import canonical
from libs.transparency.checkpoint import Checkpoint, parse_checkpoint
from libs.transparency.manifest import Head
from libs.transparency.merkle import HashReader, consistency_proof, inclusion_proof
from libs.transparency.note import VerifierKey, encode, parse_note
from libs.transparency.tiles import WIDTH

EVENTS = "events.ndjson"
CHECKPOINT = "checkpoint.txt"
PROOFS = "proofs.ndjson"
KEY = "key.txt"
SUBMITTERS = "submitters.json"
FORMAT = "org.opennrm.proofs.v1"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf to export: its index, its event's id as the log keeps it, and the envelope (None: the store lost it)."""

    index: int
    event_id: str
    envelope: bytes | None


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of the log an export holds."""

    kind: Literal["whole", "subject", "range"] = "whole"
    subject: str | None = None
    first: int = 0
    end: int = 0

    def header(self, size: int) -> dict[str, Any]:
        """Give the first line of `proofs.ndjson`."""
        head: dict[str, Any] = {"format": FORMAT, "scope": self.kind, "size": size}
        if self.kind == "subject":
            head["subject"] = self.subject
        if self.kind == "range":
            head |= {"first": self.first, "end": self.end}
        return head


class HeadProver(Protocol):
    """Where manifest entries come from, as they stood when the manifest was made."""

    def entry(self, name: str) -> tuple[Head, Sequence[bytes]]:
        """Give the entry of this name and its path in the map."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest leaf that a subject's export stands on: it must be the last leaf of the checkpoint's tree."""

    index: int
    envelope: bytes
    heads: HeadProver


@dataclass(frozen=True, slots=True)
class Export:
    """What to write: a checkpoint, the keys that check it, the stored hashes, and how much of the log."""

    checkpoint: str
    keys: Sequence[VerifierKey]
    reader: HashReader
    scope: Scope = field(default_factory=Scope)
    manifest: Manifest | None = None
    consistency_from: Sequence[int] = ()
    submitters: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse an export that no verifier could find complete."""
        if self.scope.kind == "subject" and (self.manifest is None or self.manifest.index != self.head.size - 1):
            raise ValueError("a subject's export needs a checkpoint whose last leaf is a manifest")

    @property
    def head(self) -> Checkpoint:
        """The checkpoint, read."""
        return parse_checkpoint(parse_note(self.checkpoint).text)


def write_bundle(folder: Path, leaves: Iterable[Leaf], export: Export) -> int:
    """Write the export folder from leaves in log order, streaming; gives the number of events written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CHECKPOINT).write_text(export.checkpoint, encoding="utf-8")
    (folder / KEY).write_text("".join(f"{key}\n" for key in export.keys), encoding="utf-8")
    if export.submitters is not None:
        (folder / SUBMITTERS).write_bytes(export.submitters)
    with (folder / EVENTS).open("wb") as events, (folder / PROOFS).open("wb") as proofs:
        _put(proofs, export.scope.header(export.head.size))
        for old in export.consistency_from:
            proof = [encode(part) for part in consistency_proof(old, export.head.size, export.reader)]
            _put(proofs, {"consistency": {"from": old, "proof": proof}})
        write = _write_tiles if export.scope.kind == "whole" else _write_paths
        return write(iter(leaves), export, events, proofs)


def _put(out: IO[bytes], value: object) -> None:
    out.write(canonical(value) + b"\n")


def _write_event(leaf: Leaf, out: IO[bytes]) -> dict[str, Any]:
    if leaf.envelope is None:
        return {}
    envelope: dict[str, Any] = orjson.loads(leaf.envelope)
    _put(out, envelope)
    return envelope


def _write_tiles(leaves: Iterator[Leaf], export: Export, events: IO[bytes], proofs: IO[bytes]) -> int:
    size, written = export.head.size, 0
    for start in range(0, size, WIDTH):
        block = list(islice(leaves, min(WIDTH, size - start)))
        if [leaf.index for leaf in block] != list(range(start, min(start + WIDTH, size))):
            raise ValueError(f"the leaves from {start} on are not all there")
        envelopes = [_write_event(leaf, events) for leaf in block]
        written += sum(map(bool, envelopes))
        tile = {
            "tile": start // WIDTH,
            "ids": [leaf.event_id for leaf in block],
            "positions": [envelope.get("position") for envelope in envelopes],
            "hashes": encode(b"".join(export.reader.get(0, leaf.index) for leaf in block)),
        }
        _put(proofs, tile)
    return written


def _write_paths(leaves: Iterator[Leaf], export: Export, events: IO[bytes], proofs: IO[bytes]) -> int:
    written = 0
    streams: dict[str, None] = {}
    for leaf in leaves:
        envelope = _write_event(leaf, events)
        written += bool(envelope)
        if envelope:
            streams[envelope["stream"]] = None
        _put(proofs, _path(leaf, envelope, export))
    if export.manifest is not None and export.scope.kind == "subject":
        names = [f"subject/{export.scope.subject}", *(f"stream/{stream}" for stream in streams)]
        _put(proofs, {"manifest": _manifest(export.manifest, names, export)})
    return written


def _path(leaf: Leaf, envelope: dict[str, Any], export: Export) -> dict[str, Any]:
    return {
        "index": leaf.index,
        "id": leaf.event_id,
        "position": envelope.get("position"),
        "leaf": encode(export.reader.get(0, leaf.index)),
        "proof": [encode(part) for part in inclusion_proof(leaf.index, export.head.size, export.reader)],
    }


def _manifest(manifest: Manifest, names: Iterable[str], export: Export) -> dict[str, Any]:
    heads = []
    for name in names:
        head, path = manifest.heads.entry(name)
        heads.append(
            {"name": name, "count": head.count, "digest": encode(head.digest), "path": [encode(part) for part in path]}
        )
    return {
        "index": manifest.index,
        "envelope": {name: value for name, value in orjson.loads(manifest.envelope).items() if name != "position"},
        "proof": [encode(part) for part in inclusion_proof(manifest.index, export.head.size, export.reader)],
        "heads": heads,
    }
