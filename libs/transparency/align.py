"""Laying the lines of an export beside the leaves that its proofs show, and naming every difference."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from libs.transparency.lines import Seen
from libs.transparency.merkle import HASH_BYTES

LOOK_AHEAD = 512
"""How far a moved event is looked for; beyond it, both of its places are named instead."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be, named by the event it concerns."""

    event_id: str
    what: str

    def __str__(self) -> str:
        """Give the contract's line."""
        return f"BAD {self.event_id}: {self.what}"


class Expected(NamedTuple):
    """A leaf that the proofs show: where, whose, and with what leaf hash."""

    at: int
    event_id: str
    position: int | None
    leaf: bytes


class Block(NamedTuple):
    """Some leaves in log order."""

    indices: list[int] | range
    ids: list[str]
    positions: list[int | None]
    hashes: bytes

    def expected(self) -> Iterator[Expected]:
        """Give them one by one."""
        for at, (index, event_id, position) in enumerate(zip(self.indices, self.ids, self.positions, strict=True)):
            yield Expected(index, event_id, position, self.hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES])


class Match(NamedTuple):
    """Leaves that are there, whole and in order: their place in the log and their lines."""

    indices: list[int] | range
    lines: list[Seen]


class Alignment:
    """Walks both sides once. Whole blocks that agree pass at once; a difference is looked at leaf by leaf."""

    def __init__(self, blocks: Iterable[Block], lines: Iterator[Seen]) -> None:
        self._blocks = iter(blocks)
        self._lines = lines
        self._expected: deque[Expected] = deque()
        self._seen: deque[Seen] = deque()
        self.differs = False

    def walk(self) -> Iterator[Finding | Match]:
        """Give every match and every finding, in log order."""
        for block in self._blocks:
            count = len(block.ids)
            lines = [self._seen.popleft() for _ in range(min(count, len(self._seen)))]
            lines += islice(self._lines, count - len(lines))
            if b"".join([seen.leaf for seen in lines]) == block.hashes:
                yield from _outside(block, lines)
                yield Match(block.indices, lines)
                continue
            self._expected.extend(block.expected())
            self._seen.extendleft(reversed(lines))
            yield from self._walk_apart()
        self._fill()
        for seen in self._extra():
            self.differs = True
            yield Finding(seen.event_id, "inserted: the log ends before this event")

    def _extra(self) -> Iterator[Seen]:
        while self._seen:
            yield self._seen.popleft()
        yield from self._lines

    def _fill(self) -> None:
        """Look ahead on both sides."""
        while len(self._expected) < LOOK_AHEAD and (block := next(self._blocks, None)):
            self._expected.extend(block.expected())
        # As far on one side as on the other: of a pair that was swapped, both places are in sight or neither is.
        ahead = max(LOOK_AHEAD, len(self._expected))
        self._seen.extend(islice(self._lines, max(0, ahead - len(self._seen))))

    def _walk_apart(self) -> Iterator[Finding | Match]:
        while self._expected:
            if self._seen and self._seen[0].leaf == self._expected[0].leaf:
                expected, seen = self._expected.popleft(), self._seen.popleft()
                block = Block([expected.at], [expected.event_id], [expected.position], expected.leaf)
                yield from _outside(block, [seen])
                yield Match(block.indices, [seen])
                continue
            self._fill()
            if self._seen:
                yield from self._difference()
            elif self._expected:
                yield self._cut()

    def _cut(self) -> Finding:
        self.differs = True
        first = self._expected.popleft()
        missing = 1 + len(self._expected) + sum(len(block.ids) for block in self._blocks)
        self._expected.clear()
        return Finding(first.event_id, f"cut off: missing from here to the end, {missing} in all (leaf {first.at})")

    def _difference(self) -> Iterator[Finding]:
        """Name what makes the two fronts differ, and set it right, so that the walk goes on behind it."""
        expected, seen = self._expected[0], self._seen[0]
        if seen.leaf == expected.leaf:
            return
        self.differs = True
        there = next((at for at, one in enumerate(self._seen) if one.leaf == expected.leaf), -1)
        here = next((at for at, one in enumerate(self._expected) if one.leaf == seen.leaf), -1)
        if there >= 0 and here >= 0:
            yield from self._moved(there, here)
        elif here >= 0 or (there < 0 and self._known(seen.event_id, expected.event_id)):
            self._expected.popleft()
            yield Finding(expected.event_id, f"deleted: leaf {expected.at} of the log is not here")
        elif there >= 0 or any(one.event_id == expected.event_id for one in islice(self._seen, 1, None)):
            self._seen.popleft()
            yield Finding(seen.event_id, f"inserted: it is not leaf {expected.at} of the log, nor near it")
        else:
            self._expected.popleft()
            self._seen.popleft()
            yield from _changed(expected, seen)

    def _known(self, event_id: str, front: str) -> bool:
        """Whether a line that was also changed stands for a leaf behind the front one."""
        return event_id != front and any(one.event_id == event_id for one in self._expected)

    def _moved(self, there: int, here: int) -> Iterator[Finding]:
        expected, seen = self._expected[0], self._seen[0]
        if there == here:
            yield Finding(expected.event_id, f"swapped with {seen.event_id}: it is leaf {expected.at} of the log")
            yield Finding(seen.event_id, f"swapped with {expected.event_id}: it is not leaf {expected.at}")
            self._seen[0], self._seen[there] = self._seen[there], self._seen[0]
            return
        # The fewer places an event went, the likelier it is the one that was moved forward; else this one went back.
        if here > there:
            yield Finding(seen.event_id, f"moved: it stands in the place of leaf {expected.at} of the log")
            self._seen.popleft()
            self._seen.insert(here, seen)
        else:
            yield Finding(expected.event_id, f"moved: leaf {expected.at} of the log stands elsewhere")
            moved = self._seen[there]
            del self._seen[there]
            self._seen.appendleft(moved)


def _changed(expected: Expected, seen: Seen) -> Iterator[Finding]:
    if seen.event_id in (expected.event_id, "-"):
        why = seen.fault or "its content is not what the log holds"
        yield Finding(expected.event_id, f"changed: {why} (leaf {expected.at})")
        return
    yield Finding(expected.event_id, f"replaced: {seen.event_id} stands in its place (leaf {expected.at})")
    yield Finding(seen.event_id, f"inserted: it is not leaf {expected.at} of the log")


def _outside(block: Block, lines: list[Seen]) -> Iterator[Finding]:
    """Check what the leaf hash does not cover: the line's form, its `hash` and its `position`."""
    stated = [seen.position for seen in lines]
    ids = [seen.envelope.get("id") for seen in lines]
    if ids == block.ids and stated == block.positions and not any(seen.fault for seen in lines):
        return
    for seen, event_id, position in zip(lines, block.ids, block.positions, strict=True):
        if seen.fault:
            yield Finding(seen.event_id, f"changed: {seen.fault}")
        if seen.envelope.get("id") != event_id:
            yield Finding(seen.event_id, f"{event_id!r} is what the proofs call this event")
        if seen.position != position:
            yield Finding(seen.event_id, f"changed: its position is {seen.position}, {position} by the proofs")
