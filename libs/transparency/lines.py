"""A line of `events.ndjson` as the verifier sees it: its leaf hash, and whether it is written as it must be."""

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from libs.transparency.tiles import ENTRY_BYTES_MAX

LINE_BYTES_MAX = ENTRY_BYTES_MAX + 256
"""The longest leaf, its hash and its position; a longer line is read in pieces, so memory stays bounded."""

TAIL_BYTES = 2 * LINE_BYTES_MAX


class Seen(NamedTuple):
    """One line, taken apart; `fault` says what is wrong with it by itself ("" where nothing is)."""

    leaf: bytes
    envelope: dict[str, Any]
    hash: str
    position: int | None
    fault: str

    @property
    def event_id(self) -> str:
        """The id it states, "-" where it states none."""
        stated = self.envelope.get("id")
        return stated if isinstance(stated, str) and stated.isprintable() and stated else "-"


_UNREADABLE = Seen(b"", {}, "", None, "is not readable")


def see(line: bytes) -> Seen:
    """Read one line: parse, encode again without `hash` and `position`, hash."""
    try:
        envelope = orjson.loads(line)
        stated = envelope.pop("hash")
        position = envelope.pop("position", None)
        leaf = orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return _UNREADABLE
    fault = ""
    if sha256(leaf).hexdigest() != stated:
        fault = "its hash is not the hash of its content"
    elif _rest(line, stated, position) != leaf and not _canonical(line, envelope, stated, position):
        fault = "is not written in canonical form"
    return Seen(sha256(b"\x00" + leaf).digest(), envelope, stated, position, fault)


def _rest(line: bytes, stated: str, position: object) -> bytes:
    """Take the two attributes outside the hash out of a canonical line; quick, and only ever wrong by refusing."""
    rest = _without(line[:-1], b'"hash":"%b",' % stated.encode())
    return rest if position is None else _without(rest, b'"position":%b,' % str(position).encode())


def _without(line: bytes, member: bytes) -> bytes:
    """Take the last such member out: what stands behind an event's data is short."""
    at = line.rfind(member)
    return line if at < 0 else line[:at] + line[at + len(member) :]


def _canonical(line: bytes, envelope: dict[str, Any], stated: str, position: object) -> bool:
    whole = {**envelope, "hash": stated} | ({} if position is None else {"position": position})
    return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS) + b"\n" == line


def read_lines(source: IO[bytes]) -> Iterator[Seen]:
    """See every line of an open file."""
    return map(see, iter(partial(source.readline, LINE_BYTES_MAX), b""))


def last_event_id(file: Path) -> str:
    """Give the id that the file's last line states: what a finding about the whole history is named by."""
    with file.open("rb") as source:
        source.seek(max(0, file.stat().st_size - TAIL_BYTES))
        lines = source.read().splitlines()
    return see(lines[-1] + b"\n").event_id if lines else "-"
