"""What must hold between the events of a log: dense versions, hash chains, one position each, true manifests."""

from collections.abc import Iterator
from typing import Any

from libs.transparency.align import Finding
from libs.transparency.canonical import FIRST_PREVHASH
from libs.transparency.lines import Seen
from libs.transparency.manifest import (
    MANIFEST_STREAM,
    MANIFEST_TYPE,
    MANIFEST_TYPES,
    NO_FOLD,
    Head,
    concerned,
    fold,
    map_root,
)

_START = (0, FIRST_PREVHASH, "-")


class Chains:
    """Follows every stream through events that are known to be the log's. Memory grows with streams, not events."""

    def __init__(self, *, dense: bool, from_start: bool) -> None:
        """Take `dense` where no event of a stream may be missing, `from_start` where each begins with version 1."""
        self._dense = dense
        self._from_start = from_start
        self.heads: dict[str, tuple[int, str, str]] = {}
        self.gaps: list[Finding] = []

    def check(self, lines: list[Seen], *, whole: bool) -> Iterator[Finding]:
        """Check lines in log order; `whole` is false once a line before them is known to be missing or changed."""
        heads = self.heads
        for seen in lines:
            envelope = seen.envelope
            stream, version = envelope.get("stream", ""), envelope.get("streamversion", 0)
            before = heads.get(stream, _START)
            if version != before[0] + 1 or envelope.get("prevhash") != before[1]:
                yield from self._broken(seen, before, whole=whole)
            heads[stream] = (version, seen.hash, envelope.get("id", "-"))

    def _broken(self, seen: Seen, before: tuple[int, str, str], *, whole: bool) -> Iterator[Finding]:
        version = seen.envelope.get("streamversion")
        stream = seen.envelope.get("stream")
        if version == before[0] + 1:
            yield Finding(seen.event_id, f"forged: its prevhash is not the hash of {stream} {before[0]} ({before[2]})")
            return
        gap = Finding(seen.event_id, f"forged: {stream} goes from version {before[0]} to {version} here")
        known = before is not _START or self._from_start
        if not isinstance(version, int) or version <= before[0] or (self._dense and whole and known):
            yield gap
        elif known:
            self.gaps.append(gap)


class Positions:
    """Each service gives every position once: finds one that comes twice, and one that never comes.

    Keeps those ahead of the dense run only.
    """

    def __init__(self, *, from_start: bool) -> None:
        """Take `from_start` where each service's positions must begin with 1; else they go on from the first seen."""
        self._from_start = from_start
        self._dense: dict[str, int] = {}
        self._ahead: dict[str, dict[int, str]] = {}

    def check(self, lines: list[Seen]) -> Iterator[Finding]:
        """Take lines in log order; services may be mixed, and partitions of one service, too."""
        for seen in lines:
            position, source = seen.position, seen.envelope.get("source", "")
            done = self._dense.get(source)
            if done is None:
                done = 0 if self._from_start or position is None else position - 1
            if position == done + 1:
                self._dense[source] = position
                if source in self._ahead:
                    self._close_up(source)
            elif position is not None and (position <= done or position in self._ahead.setdefault(source, {})):
                yield Finding(seen.event_id, f"forged: position {position} of {source} was there before")
            elif position is not None:
                self._ahead[source][position] = seen.event_id

    def gaps(self) -> Iterator[Finding]:
        """Name, once all lines are taken, the event behind every hole."""
        for source, ahead in self._ahead.items():
            done = self._dense.get(source, 0)
            for position in sorted(ahead):
                if position > done + 1:
                    missing = f"{done + 1}" if position == done + 2 else f"{done + 1} to {position - 1}"
                    yield Finding(ahead[position], f"missing before this event: position {missing} of {source}")
                done = position

    def _close_up(self, source: str) -> None:
        ahead = self._ahead[source]
        while (following := self._dense[source] + 1) in ahead:
            del ahead[following]
            self._dense[source] = following


class Manifests:
    """Makes the heads again that a whole log's last manifest must state. Keeps one epoch's leaves at a time."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[int, str]] = {}
        self._subjects: dict[str, tuple[int, bytes]] = {}
        self._pending: list[tuple[str, int, str, list[str], bytes]] = []
        self._last: tuple[int, Seen] | None = None

    def take(self, indices: list[int] | range, lines: list[Seen]) -> None:
        """Take matched lines in log order."""
        for at, seen in zip(indices, lines, strict=True):
            envelope = seen.envelope
            kind = envelope.get("type")
            if kind not in MANIFEST_TYPES:
                # What is needed of the event, and not the event: memory stays small, and the processor's cache warm.
                about = concerned(envelope.get("subject"), envelope.get("data"))
                self._pending.append((envelope["stream"], envelope["streamversion"], seen.hash, about, seen.leaf))
                continue
            self._settle(first_type=kind != MANIFEST_TYPE)
            self._last = (at, seen)

    def _settle(self, *, first_type: bool) -> None:
        """Count an epoch in the way of the manifest that closes it."""
        streams, subjects = self._streams, self._subjects
        for stream, version, hashed, about, leaf in self._pending:
            streams[stream] = (version, hashed)
            for subject in about[:1] if first_type else about:
                count, digest = subjects.get(subject, (0, NO_FOLD))
                subjects[subject] = (count + 1, fold(digest, leaf))
        self._pending.clear()

    def check(self) -> Iterator[Finding]:
        """Compare the last manifest with what the log held when it was made."""
        if self._last is None:
            return
        at, seen = self._last
        heads = [
            Head(f"stream/{name}", version, bytes.fromhex(digest)) for name, (version, digest) in self._streams.items()
        ]
        heads += [Head(f"subject/{name}", count, digest) for name, (count, digest) in self._subjects.items()]
        true = {"size": at, "entries": len(heads), "root": map_root(heads).hex()}
        if seen.envelope.get("data") != true or seen.envelope.get("stream") != MANIFEST_STREAM:
            yield Finding(seen.event_id, "forged: this manifest does not state the heads of the log before it")


class SubjectFold:
    """Folds the leaves of one case, to be compared with the manifest's entry for it."""

    def __init__(self) -> None:
        self.count = 0
        self.digest = NO_FOLD

    def add(self, leaf: bytes) -> None:
        """Take the next leaf hash."""
        self.count += 1
        self.digest = fold(self.digest, leaf)


def short_streams(chains: Chains, heads: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Name the last exported event of every stream that the manifest knows to go on."""
    for stream, (version, _, event_id) in chains.heads.items():
        head = heads.get(f"stream/{stream}")
        if head and head["count"] > version:
            yield Finding(event_id, f"cut off: {stream} goes on to version {head['count']} after this event")
