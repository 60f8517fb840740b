"""The manifest leaf: every stream's head and every case's fold at one size of the log, under one root.

An inclusion proof proves presence, not completeness. A manifest is an event of its own (`MANIFEST_TYPE`, stream
`MANIFEST_STREAM`), and so a leaf of the log; its data is `{"size", "entries", "root"}`: how many leaves lie before
it, and the count and root of a Merkle map of the heads of those leaves (manifests themselves left out):

- `stream/<stream>`: the last version and the head's event hash;
- `subject/<case>` : how many events concern the case, and the fold of their leaf hashes in log order
  (fold' = SHA-256(fold || leaf hash), from 32 zero bytes), so that not one of them can be left out. An event concerns
  its subject and every case that its data name (a court case of several victims, the other case of a link); a
  manifest of the first type, and the leaves before it, counted the subject alone.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from libs.transparency.canonical import Envelope, canonical
from libs.transparency.merkle import ProofError

MANIFEST_TYPE_1 = "org.opennrm.log.manifest.v1"
MANIFEST_TYPE = "org.opennrm.log.manifest.v2"
MANIFEST_TYPES = (MANIFEST_TYPE, MANIFEST_TYPE_1)
MANIFEST_STREAM = "log-manifest"
NO_FOLD = bytes(32)
_EMPTY = bytes(32)
_BITS = 256
_FEW = 8


@dataclass(frozen=True, slots=True)
class Head:
    """One entry of the manifest."""

    name: str
    count: int
    digest: bytes

    @property
    def key(self) -> bytes:
        """Where the entry stands in the map: spread evenly, and telling nothing of its neighbours."""
        return sha256(self.name.encode()).digest()

    @property
    def leaf(self) -> bytes:
        """SHA-256(0x02 || key || SHA-256(canonical [name, count, digest])); 0x00 and 0x01 are RFC 6962's."""
        value = sha256(canonical([self.name, self.count, self.digest.hex()])).digest()
        return sha256(b"\x02" + self.key + value).digest()


def concerned(subject: object, data: object) -> list[str]:
    """What an event is about: its subject first, then every case that its data name, each once."""
    named = [subject]
    if isinstance(data, Mapping):
        case, other, cases = data.get("case_id"), data.get("other_case_id"), data.get("case_ids")
        if subject and isinstance(subject, str) and (case is None or case == subject) and other is None and not cases:
            return [subject]  # nearly every event, and there are millions
        named += [case, other, *(cases if isinstance(cases, list | tuple) else ())]
    return list(dict.fromkeys(str(one) for one in named if one))


def fold(digest: bytes, leaf: bytes) -> bytes:
    """Take one more leaf hash into a subject's fold."""
    return sha256(digest + leaf).digest()


def _join(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x03" + left + right).digest()


def _bit(key: bytes, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


class _Node:
    """An inner node of the map, or, with a head, the only entry below this place."""

    __slots__ = ("hashed", "head", "key", "sides")

    def __init__(self, head: Head | None = None) -> None:
        self.head = head
        self.key = head.key if head else b""
        self.hashed: bytes | None = None
        self.sides: list[_Node | None] = [None, None]


class HeadMap:
    """The Merkle map: a binary trie over SHA-256(name); an entry sits where it is alone. Updates cost its depth."""

    def __init__(self) -> None:
        self._root: _Node | None = None
        self._entries = 0

    def __len__(self) -> int:
        """Count the entries."""
        return self._entries

    def put(self, head: Head) -> None:
        """Set an entry."""
        new = _Node(head)
        place, side, depth = self._root, -1, 0
        parent: _Node | None = None
        while place is not None and place.head is None:
            place.hashed = None
            parent, side = place, _bit(new.key, depth)
            place, depth = place.sides[side], depth + 1
        if place is not None and place.key != new.key:
            new = _fork(place, new, depth)
        if place is None or place.key != new.key:
            self._entries += 1
        if parent is None:
            self._root = new
        else:
            parent.sides[side] = new

    def root(self) -> bytes:
        """Give the map's root; 32 zero bytes where it is empty."""
        return _hash(self._root)

    def prove(self, name: str) -> list[bytes]:
        """Give the siblings of an entry, from the root's children down."""
        key = sha256(name.encode()).digest()
        path = []
        place, depth = self._root, 0
        while place is not None and place.head is None:
            side = _bit(key, depth)
            path.append(_hash(place.sides[1 - side]))
            place, depth = place.sides[side], depth + 1
        if place is None or place.key != key:
            raise ProofError(f"the manifest has no entry {name}")
        return path


def _fork(old: _Node, new: _Node, depth: int) -> _Node:
    """Part two entries at the first bit that differs, from `depth` on."""
    top = place = _Node()
    while (side := _bit(new.key, depth)) == _bit(old.key, depth):
        below = _Node()
        place.sides[side] = below
        place, depth = below, depth + 1
    place.sides[side], place.sides[1 - side] = new, old
    return top


def _hash(node: _Node | None) -> bytes:
    if node is None:
        return _EMPTY
    if node.hashed is None:
        node.hashed = node.head.leaf if node.head else _join(_hash(node.sides[0]), _hash(node.sides[1]))
    return node.hashed


def map_root(heads: Iterable[Head]) -> bytes:
    """Give the root of a map of these heads at once, without making the map."""
    leaves = sorted([(head.key, head.leaf) for head in heads])
    return _range_root(leaves, 0, len(leaves), 0)


def _range_root(leaves: list[tuple[bytes, bytes]], start: int, end: int, depth: int) -> bytes:
    if end - start <= 1:
        return leaves[start][1] if end > start else _EMPTY
    middle = start
    if end - start <= _FEW:
        while middle < end and not _bit(leaves[middle][0], depth):
            middle += 1
    else:
        middle = bisect_left(leaves, 1, start, end, key=lambda leaf: _bit(leaf[0], depth))
    return _join(_range_root(leaves, start, middle, depth + 1), _range_root(leaves, middle, end, depth + 1))


def verify_head(head: Head, path: Sequence[bytes], root: bytes) -> None:
    """Return only where the map with this root holds this entry."""
    if len(path) >= _BITS:
        raise ProofError("the manifest's path is too long")
    hashed = head.leaf
    for depth in range(len(path) - 1, -1, -1):
        hashed = _join(path[depth], hashed) if _bit(head.key, depth) else _join(hashed, path[depth])
    if hashed != root:
        raise ProofError(f"the manifest does not hold this entry for {head.name}")


class Heads:
    """What a manifest is made from: takes every leaf in log order, gives the map."""

    def __init__(self) -> None:
        self.size = 0
        self.map = HeadMap()
        self.found: dict[str, Head] = {}

    def add(self, envelope: Envelope, leaf: bytes) -> None:
        """Take the next leaf's envelope and leaf hash."""
        self.size += 1
        if envelope["type"] in MANIFEST_TYPES:
            return
        self._put(Head(f"stream/{envelope['stream']}", envelope["streamversion"], bytes.fromhex(envelope["hash"])))
        for subject in concerned(envelope.get("subject"), envelope.get("data")):
            name = f"subject/{subject}"
            before = self.found.get(name, Head(name, 0, NO_FOLD))
            self._put(Head(name, before.count + 1, fold(before.digest, leaf)))

    def _put(self, head: Head) -> None:
        self.found[head.name] = head
        self.map.put(head)

    def entry(self, name: str) -> tuple[Head, list[bytes]]:
        """Give an entry and its path, for an export made at this size."""
        if name not in self.found:
            raise ProofError(f"the manifest has no entry {name}")
        return self.found[name], self.map.prove(name)

    def manifest_data(self) -> dict[str, Any]:
        """Give the `data` of the manifest event that becomes the next leaf."""
        return {"size": self.size, "entries": len(self.map), "root": self.map.root().hex()}
