"""Reading `proofs.ndjson`: turning its lines into leaves that the checkpoint vouches for."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from libs.transparency.align import Block
from libs.transparency.bundle import FORMAT
from libs.transparency.checkpoint import Checkpoint
from libs.transparency.merkle import HASH_BYTES, ProofError, Tree, perfect_root, root_from_inclusion
from libs.transparency.note import decode
from libs.transparency.tiles import HEIGHT, WIDTH

LINE_BYTES_MAX = 4 * 1024 * 1024
"""A manifest's line holds a path for every stream of one case; everything else is far shorter."""


class ProofsError(ValueError):
    """Raised when `proofs.ndjson` is not what the format says, or does not lead to the checkpoint's root."""


class Proofs:
    """The proofs of one export. Every reading starts at the file's beginning and keeps one line at a time."""

    def __init__(self, file: Path, checkpoint: Checkpoint) -> None:
        self._file = file
        self._checkpoint = checkpoint
        self.header = next(self._lines(), {})
        self.scope = self.header.get("scope")
        good = {"whole": set(), "subject": {"subject"}, "range": {"first", "end"}}
        if self.header.get("format") != FORMAT or self.scope not in good:
            raise ProofsError("proofs.ndjson has no header that we know")
        if self.header.keys() != {"format", "scope", "size"} | good[self.scope]:
            raise ProofsError("the header of proofs.ndjson is not complete")
        if self.header["size"] != checkpoint.size:
            raise ProofsError(f"proofs.ndjson is for size {self.header['size']}, the checkpoint for {checkpoint.size}")

    def _lines(self) -> Iterator[dict[str, Any]]:
        with self._file.open("rb") as source:
            for number, line in enumerate(iter(partial(source.readline, LINE_BYTES_MAX), b""), 1):
                try:
                    value = orjson.loads(line)
                except ValueError as error:
                    raise ProofsError(f"proofs.ndjson, line {number}, is not readable") from error
                if not isinstance(value, dict) or orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n" != line:
                    raise ProofsError(f"proofs.ndjson, line {number}, is not written in canonical form")
                yield value

    def consistency(self, old: int) -> list[bytes] | None:
        """Give the proof from an earlier size, where the export brings one."""
        for line in self._lines():
            if (found := line.get("consistency")) and found.get("from") == old:
                return read_hashes(found.get("proof"))
        return None

    def manifest(self) -> dict[str, Any]:
        """Give the manifest part of a subject's export."""
        for line in self._lines():
            if isinstance(found := line.get("manifest"), dict):
                return found
        raise ProofsError("there is no manifest in proofs.ndjson")

    def blocks(self) -> Iterator[Block]:
        """Give the leaves in log order, tile by tile or proof by proof."""
        return self._tiles() if self.scope == "whole" else self._paths()

    def _tiles(self) -> Iterator[Block]:
        start, size = 0, self._checkpoint.size
        for line in self._lines():
            if "tile" not in line:
                continue
            block = _tile(line, start, min(WIDTH, size - start))
            start += len(block.ids)
            yield block
        if start != size:
            raise ProofsError(f"proofs.ndjson ends at leaf {start}, the checkpoint counts {size}")

    def _paths(self) -> Iterator[Block]:
        last, first, end = -1, self.header.get("first", 0), self.header.get("end", self._checkpoint.size)
        for line in self._lines():
            if "leaf" not in line:
                continue
            block = self._path(line)
            if block.indices[0] <= last or not first <= block.indices[0] < end:
                raise ProofsError(f"the proof of {block.ids[0]} is out of order")
            if self.scope == "range" and block.indices[0] != max(first, last + 1):
                raise ProofsError(f"the proofs between leaf {max(first, last + 1)} and {block.ids[0]} are missing")
            last = block.indices[0]
            yield block
        if self.scope == "range" and max(last + 1, first) != end:
            raise ProofsError(f"the proofs from leaf {max(last + 1, first)} to the range's end are missing")

    def _path(self, line: dict[str, Any]) -> Block:
        match line:
            case {"index": int(at), "id": str(event_id), "position": int() | None as position}:
                pass
            case _:
                raise ProofsError("a proof's line is not complete")
        leaf = read_hashes([line["leaf"]])[0]
        try:
            root = root_from_inclusion(at, self._checkpoint.size, leaf, read_hashes(line.get("proof")))
        except ProofError as error:
            raise ProofsError(f"the proof of {event_id}: {error}") from error
        if root != self._checkpoint.root:
            raise ProofsError(f"the proof of {event_id} leads to another root than the checkpoint's")
        return Block([at], [event_id], [position], leaf)

    def root(self, prefix: int) -> tuple[bytes, bytes | None]:
        """Give the root that the tiles lead to, and the root of their first `prefix` leaves (None: not so many)."""
        tree = Tree()
        before = tree.root() if prefix == 0 else None
        for block in self._tiles():
            if tree.size < prefix <= tree.size + len(block.ids):
                before = grow(Tree(tree.size, tree.edge), block.hashes, prefix - tree.size).root()
            grow(tree, block.hashes, len(block.ids))
        return tree.root(), before


def grow(tree: Tree, hashes: bytes, count: int) -> Tree:
    """Append the first `count` of some leaf hashes, a full tile at once."""
    if count == WIDTH and tree.size % WIDTH == 0:
        tree.push(HEIGHT, perfect_root(hashes))
        return tree
    for at in range(0, count * HASH_BYTES, HASH_BYTES):
        tree.push(0, hashes[at : at + HASH_BYTES])
    return tree


def _tile(line: dict[str, Any], start: int, width: int) -> Block:
    match line:
        case {"tile": int(at), "ids": list(ids), "positions": list(positions), "hashes": str(hashes)}:
            raw = decode(hashes)
        case _:
            raise ProofsError(f"the tile at leaf {start} is not complete")
    if at * WIDTH != start or not len(ids) == len(positions) == width or len(raw) != width * HASH_BYTES:
        raise ProofsError(f"the tile at leaf {start} is not the one that belongs there")
    if not all(isinstance(one, str) and one.isprintable() for one in ids):
        raise ProofsError(f"the ids of the tile at leaf {start} are not names")
    return Block(range(start, start + width), ids, positions, raw)


def read_hashes(texts: object) -> list[bytes]:
    """Read a list of base64 hashes."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ProofsError("a proof is a list of hashes")
    found = [decode(text) for text in texts]
    if any(len(one) != HASH_BYTES for one in found):
        raise ProofsError("a hash in proofs.ndjson is not 32 bytes long")
    return found
