"""Trees, proofs and tiles against RFC 6962 written down again in its recursive form."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.transparency.merkle import (
    EMPTY_ROOT,
    ProofError,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_root,
    verify_consistency,
    verify_inclusion,
)
from libs.transparency.tiles import (
    Tile,
    TileReader,
    bundle_path,
    growth,
    pack_entries,
    parse_path,
    tile_bytes,
    unpack_entries,
)
from tests.transparency_kit import dice


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


class Stored:
    def __init__(self, size: int) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.tree = Tree()
        self.roots = [EMPTY_ROOT]
        for number in range(size):
            for level, index, node in self.tree.append(leaf_hash(str(number).encode())):
                self.nodes[level, index] = node
            self.roots.append(self.tree.root())

    def get(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


STORED = Stored(1100)


def test_roots_are_those_of_the_recursive_definition() -> None:
    leaves = [str(number).encode() for number in range(140)]
    assert [mth(leaves[:size]) for size in range(141)] == STORED.roots[:141]
    assert all(range_root(0, size, STORED) == STORED.roots[size] for size in range(1101))


def test_every_proof_of_every_small_tree_holds_and_no_other() -> None:
    for size in range(1, 70):
        for index in range(size):
            proof, leaf = inclusion_proof(index, size, STORED), STORED.get(0, index)
            verify_inclusion(index, size, leaf, proof, STORED.roots[size])
            with pytest.raises(ProofError):
                verify_inclusion((index + 1) % (size + 1), size, leaf, proof, STORED.roots[size])
        for old in range(size + 1):
            proof = consistency_proof(old, size, STORED)
            verify_consistency(old, STORED.roots[old], size, STORED.roots[size], proof)


@given(st.integers(0, 2**32))
@settings(max_examples=4000, deadline=None)
def test_a_proof_with_one_bit_changed_is_refused(seed: int) -> None:
    rng = dice(seed)
    size = rng.randint(2, 1100)
    index, old = rng.randrange(size), rng.randint(1, size - 1)
    included, consistent = inclusion_proof(index, size, STORED), consistency_proof(old, size, STORED)
    for proof in (included, consistent):
        at = rng.randrange(len(proof))
        bit = rng.randrange(256)
        proof[at] = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
    with pytest.raises(ProofError):
        verify_inclusion(index, size, STORED.get(0, index), included, STORED.roots[size])
    with pytest.raises(ProofError):
        verify_consistency(old, STORED.roots[old], size, STORED.roots[size], consistent)


@given(st.integers(1, 1100), st.integers(-2, 2))
@settings(max_examples=500)
def test_proofs_that_are_too_short_or_too_long_are_refused(size: int, extra: int) -> None:
    index = size // 2
    proof = inclusion_proof(index, size, STORED)
    changed = proof[:extra] if extra < 0 else proof + [EMPTY_ROOT] * extra
    if changed != proof:
        with pytest.raises(ProofError):
            verify_inclusion(index, size, STORED.get(0, index), changed, STORED.roots[size])


def test_a_tree_goes_on_from_its_edge_and_from_storage() -> None:
    for size in (0, 1, 7, 256, 1000):
        again = Tree.read(size, STORED)
        assert again.root() == STORED.roots[size]
        assert Tree(size, again.edge).root() == STORED.roots[size]
        again.append(STORED.get(0, size))
        assert again.root() == STORED.roots[size + 1]


def test_an_edge_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="edge"):
        Tree(3, [EMPTY_ROOT])


def test_tile_paths_are_those_of_the_text() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(1, 0, 17).path == "tile/1/000.p/17"
    assert bundle_path(273, 112) == "tile/entries/273.p/112"
    assert parse_path("tile/0/x001/x234/067") == Tile(0, 1234067)
    assert parse_path("tile/entries/273.p/112") == (273, 112)
    for bad in ("tile/0/1", "tile/0/x000/001", "tile/64/000", "tile/0/000.p/256", "tile/00/000", "x", "tile/0/../0"):
        with pytest.raises(ValueError, match="not a tile path"):
            parse_path(bad)


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_text() -> None:
    tiles = list(growth(0, 70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(growth(0, 256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(growth(256, 256)) == []


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_proofs_read_out_of_tiles_are_the_same(steps: list[int]) -> None:
    written: dict[Tile, bytes] = {}
    size = 0
    for step in steps:
        if size + step > 1100:
            break
        for tile in growth(size, size + step):
            written[tile] = tile_bytes(tile, TileFriendly())
        size += step
        reader = TileReader(size, written.__getitem__)
        assert range_root(0, size, reader) == STORED.roots[size]
        assert inclusion_proof(size // 3, size, reader) == inclusion_proof(size // 3, size, STORED)
        assert consistency_proof(size // 2, size, reader) == consistency_proof(size // 2, size, STORED)


class TileFriendly:
    def get(self, level: int, index: int) -> bytes:
        return STORED.get(level, index)


def test_entry_bundles_come_back_and_short_ones_are_refused() -> None:
    entries = [b"", b"a" * 65_535, b"b"]
    packed = pack_entries(entries)
    assert list(unpack_entries(packed)) == entries
    assert packed[:4] == b"\x00\x00\xff\xff"
    with pytest.raises(ValueError, match="cut short"):
        list(unpack_entries(packed[:-1]))
    with pytest.raises(ValueError, match="fit"):
        pack_entries([b"a" * 65_536])


def test_nodes_are_hashed_in_order() -> None:
    assert node_hash(b"a" * 32, b"b" * 32) != node_hash(b"b" * 32, b"a" * 32)
