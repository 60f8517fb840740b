"""What a projection's generation keeps, and the transaction in which it changes, whoever keeps it. No IO."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from libs.events.batch import Batch, Dead, Place
from libs.events.consume import Change


class DoesNotFit(Exception):
    """A change names a table or column that is not there, or a value that is no value of its column."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where some streams stand: head (version, hash), the version of a dead letter, and what waits."""

    heads: dict[str, tuple[int, str]]
    blocked: dict[str, int]
    parked: dict[tuple[str, int], bytes]


class Parked(NamedTuple):
    """A stored event of a stream that was not applied: a dead letter, or one that waits for its turn."""

    stream: str
    version: int
    raw: bytes


class Shelf(Protocol):
    """The rows of one generation with their bookkeeping. What changes them is called in a transaction."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """All or nothing, and no other writer of this generation beside it. Raises DoesNotFit."""

    async def offsets(self) -> Mapping[tuple[str, int], int]:
        """Topic and partition → where to go on reading."""

    async def standing(self, streams: Iterable[str]) -> Standing:
        """Where these streams stand."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Make row changes. Raises DoesNotFit."""

    async def progress(self, batch: Batch) -> None:
        """Record which events are applied, and which wait or wait no more."""

    async def bury(self, dead: Dead) -> None:
        """Keep an event that cannot be applied."""

    async def refuse(self, refused: Sequence[tuple[Place, str]]) -> None:
        """Remember records that are no event of their stream."""

    async def resume_at(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Record where to go on reading."""

    async def next_parked(self, stream: str) -> Parked | None:
        """What waits for no other event than the head of its stream, if that stream is not blocked."""

    async def dead_letters(self) -> Sequence[Parked]:
        """Every event that could not be applied, by stream and version."""

    async def forget_dead_letter(self, stream: str, version: int) -> None:
        """Take back that an event cannot be applied."""
