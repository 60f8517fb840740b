"""The C2SP tlog-tiles layout: which tiles there are, what they are called, and reading a tree out of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from libs.transparency.merkle import HASH_BYTES, HashReader, perfect_root

WIDTH = 256
HEIGHT = 8
"""tlog-tiles, "Merkle Tree": a full tile is exactly 256 hashes wide, the leaves of a subtree of height 8."""

ENTRY_BYTES_MAX = 65_535
"""tlog-tiles, "Log entries": each entry has a big-endian uint16 length prefix."""

LEVEL_MAX = 63


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile: its level (in steps of eight tree levels), index in the level, and width (256: full)."""

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        """Refuse what tlog-tiles does not know."""
        if not 0 <= self.level <= LEVEL_MAX or self.index < 0 or not 0 < self.width <= WIDTH:
            raise ValueError(f"no such tile: {self.level}, {self.index}, {self.width}")

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`."""
        return f"tile/{self.level}/{_place(self.index, self.width)}"


def _place(index: int, width: int) -> str:
    """tlog-tiles: <N> in zero-padded 3-digit elements, all but the last with an x: 1234067 is x001/x234/067."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    place = "/".join(reversed(parts))
    return place if width == WIDTH else f"{place}.p/{width}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """`tile/entries/<N>[.p/<W>]`."""
    return f"tile/entries/{_place(index, width)}"


def parse_path(path: str) -> Tile | tuple[int, int]:
    """Read a tile's path back; an entry bundle's gives its (index, width). Only the one right spelling is taken."""
    try:
        kind, level, place = path.split("/", 2)
        name, _, width = place.partition(".p/")
        index = int("".join(part.removeprefix("x") for part in name.split("/")))
        found = Tile(0 if level == "entries" else int(level), index, int(width) if width else WIDTH)
    except ValueError as error:
        raise ValueError(f"not a tile path: {path!r}") from error
    spelled = bundle_path(found.index, found.width) if level == "entries" else found.path
    if kind != "tile" or spelled != path:
        raise ValueError(f"not a tile path: {path!r}")
    return (found.index, found.width) if level == "entries" else found


def tile_of(level: int, index: int, size: int) -> Tile:
    """Find the tile at this place in a tree of `size`: tlog-tiles, "Partial Tiles": floor(s / 256**l) mod 256 wide."""
    return Tile(level, index, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def growth(old: int, new: int) -> Iterator[Tile]:
    """Every tile that a growth from `old` to `new` leaves must write, partial ones at the new right edge included."""
    level = 0
    while new >> (HEIGHT * level):
        before, after = old >> (HEIGHT * level), new >> (HEIGHT * level)
        if after > before:
            for index in range(before // WIDTH, (after + WIDTH - 1) // WIDTH):
                yield tile_of(level, index, new)
        level += 1


def tile_bytes(tile: Tile, reader: HashReader) -> bytes:
    """Give a tile's content: its hashes, one after the other."""
    first = tile.index * WIDTH
    return b"".join(reader.get(tile.level * HEIGHT, at) for at in range(first, first + tile.width))


class TileReader:
    """A `HashReader` over the tiles of a log of `size` leaves; `fetch` gives a tile's bytes."""

    def __init__(self, size: int, fetch: Callable[[Tile], bytes]) -> None:
        self._size = size
        self._fetch = fetch
        self._seen: dict[Tile, bytes] = {}

    def get(self, level: int, index: int) -> bytes:
        """Fold the hash out of the tile that holds its subtree's leaves (tlog-tiles: levels between are recomputed)."""
        above = level % HEIGHT
        first = index << above
        tile = tile_of(level // HEIGHT, first // WIDTH, self._size)
        start = first % WIDTH
        hashes = self._tile(tile)[start * HASH_BYTES : (start + (1 << above)) * HASH_BYTES]
        if len(hashes) != HASH_BYTES << above:
            raise ValueError(f"{tile.path} does not reach the node {level}, {index}")
        return perfect_root(hashes)

    def _tile(self, tile: Tile) -> bytes:
        if tile not in self._seen:
            content = self._fetch(tile)
            if len(content) != tile.width * HASH_BYTES:
                raise ValueError(f"{tile.path} is {len(content)} bytes long, not {tile.width * HASH_BYTES}")
            self._seen[tile] = content
        return self._seen[tile]


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """tlog-tiles, "Log entries": a bundle is a sequence of big-endian uint16 length-prefixed entries."""
    parts = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry of {len(entry)} bytes does not fit into a bundle")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def unpack_entries(bundle: bytes) -> Iterator[bytes]:
    """Give a bundle's entries; one that is cut short is refused."""
    at = 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 + length > len(bundle):
            raise ValueError("the entry bundle is cut short")
        yield entry
        at += 2 + length
