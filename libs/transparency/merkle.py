"""RFC 6962 Merkle trees: hashes, proofs and their verification. Nothing here reads or stores anything."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""RFC 6962, 2.1: the hash of an empty list is the hash of the empty string."""


class ProofError(ValueError):
    """Raised when a proof cannot be made or does not prove what it claims."""


class HashReader(Protocol):
    """Where stored hashes come from: the hash of a perfect subtree, by level (0: leaves) and index in the level."""

    def get(self, level: int, index: int) -> bytes:
        """Give MTH(D[index * 2**level : (index + 1) * 2**level])."""


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962, 2.1: MTH({d0}) = SHA-256(0x00 || d0)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """Fold a power-of-two run of concatenated hashes into the hash of their subtree."""
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 2 * HASH_BYTES)]
        )
    return hashes


class Tree:
    """A growing tree that keeps its right edge only: one hash per set bit of its size."""

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Start empty, or where `size` and `edge` (the widest subtree first) of an earlier tree left off."""
        if size.bit_count() != len(edge) or any(len(part) != HASH_BYTES for part in edge):
            raise ValueError(f"a tree of size {size} has an edge of {size.bit_count()} hashes")
        self.size = size
        self._edge = list(edge)

    @classmethod
    def read(cls, size: int, reader: HashReader) -> "Tree":
        """Take up a stored tree again at `size`."""
        edge = []
        start = 0
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                edge.append(reader.get(level, start >> level))
                start += 1 << level
        return cls(size, edge)

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The subtrees that make up the tree, widest first; enough to go on from."""
        return tuple(self._edge)

    def append(self, hashed: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add one leaf hash; gives every (level, index, hash) that became final, the leaf's first."""
        return iter(self.push(0, hashed))

    def push(self, level: int, hashed: bytes) -> list[tuple[int, int, bytes]]:
        """Add a whole perfect subtree of 2**level leaves; the tree must be a multiple of that size."""
        if self.size & ((1 << level) - 1):
            raise ValueError(f"a subtree of level {level} cannot start at {self.size}")
        final = [(level, self.size >> level, hashed)]
        rest = self.size >> level
        while rest & 1:
            hashed = node_hash(self._edge.pop(), hashed)
            level, rest = level + 1, rest >> 1
            final.append((level, rest, hashed))
        self._edge.append(hashed)
        self.size += 1 << final[0][0]
        return final

    def root(self) -> bytes:
        """Give the tree's root, MTH(D[size])."""
        if not self._edge:
            return EMPTY_ROOT
        hashed = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            hashed = node_hash(left, hashed)
        return hashed


def _split(count: int) -> int:
    """RFC 6962, 2.1: k is the largest power of two smaller than n."""
    return 1 << ((count - 1).bit_length() - 1)


def range_root(start: int, end: int, reader: HashReader) -> bytes:
    """MTH(D[start:end]) of a range that is a subtree of some RFC 6962 tree."""
    count = end - start
    if count == 0:
        return EMPTY_ROOT
    if count.bit_count() == 1:
        level = count.bit_length() - 1
        return reader.get(level, start >> level)
    middle = start + _split(count)
    return node_hash(range_root(start, middle, reader), range_root(middle, end, reader))


def inclusion_proof(index: int, size: int, reader: HashReader) -> list[bytes]:
    """RFC 6962, 2.1.1: PATH(index, D[size]), from the leaf's sibling up to the root's child."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of size {size}")
    start, end = 0, size
    path = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(middle, end, reader))
            end = middle
        else:
            path.append(range_root(start, middle, reader))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, reader: HashReader) -> list[bytes]:
    """RFC 6962, 2.1.2: PROOF(old, D[size]); empty where the old tree is empty or the same."""
    if not 0 <= old <= size:
        raise ProofError(f"a tree of size {size} does not extend one of size {old}")
    if old in (0, size):
        return []
    start, end, whole = 0, size, True
    path = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_root(middle, end, reader))
            end = middle
        else:
            path.append(range_root(start, middle, reader))
            start, whole = middle, False
    if not whole:
        path.append(range_root(start, end, reader))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2 (the same tree, written as a loop): the root that the proof leads to."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of size {size}")
    node, last, hashed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if node & 1 or node == last:
            hashed = node_hash(sibling, hashed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("the inclusion proof is too short")
    return hashed


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Return only where the proof shows the leaf hash at this index of the tree with this root."""
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise ProofError("the inclusion proof leads to another root")


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162, 2.1.4.2: return only where the tree of `size` begins with the tree of `old`."""
    if not 0 <= old <= size:
        raise ProofError(f"a tree of size {size} does not extend one of size {old}")
    if old in (0, size):
        if proof:
            raise ProofError("the consistency proof must be empty")
        if old_root != (EMPTY_ROOT if old == 0 else root):
            raise ProofError("two roots for one size")
        return
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not proof or not path:
        raise ProofError("the consistency proof is empty")
    if _fold_consistency(old, size, path) != (old_root, root):
        raise ProofError("the new tree does not begin with the old one")


def _fold_consistency(old: int, size: int, path: list[bytes]) -> tuple[bytes, bytes]:
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for hashed in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(hashed, first), node_hash(hashed, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, hashed)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is too short")
    return first, second
