"""C2SP tlog-witness as a pure state machine, and the two places where its state may be kept."""

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Protocol

from libs.transparency.checkpoint import Checkpoint, parse_checkpoint, parse_size
from libs.transparency.merkle import EMPTY_ROOT, HASH_BYTES, ProofError, verify_consistency
from libs.transparency.note import (
    Note,
    NoteError,
    SignatureError,
    SigningKey,
    VerifierKey,
    decode,
    encode,
    parse_note,
    verified,
)

PROOF_LINES_MAX = 63
"""tlog-witness, "add-checkpoint": the client must not send more than 63 consistency proof lines."""

BODY_BYTES_MAX = 256 * 1024
"""63 proof lines and 64 signatures, the longest (ML-DSA-44) under 4 kB each, fit with room."""


@dataclass(frozen=True, slots=True)
class Held:
    """The latest checkpoint a witness cosigned for one log, with the log's signatures and its own."""

    size: int
    root: bytes
    note: str


class WitnessState(Protocol):
    """Where a witness remembers, per log. Losing this is losing the witness: it must survive a crash."""

    def read(self, origin: str) -> Held | None:
        """Give what is held for a log."""

    def advance(self, origin: str, step: Callable[[Held | None], Held]) -> Held:
        """Atomically read, let `step` decide (it raises to refuse) and persist before returning.

        tlog-witness, "add-checkpoint": checking the old size and persisting must be one atomic act, otherwise a
        slow request could roll the log back.
        """


class MemoryState:
    """A `WitnessState` for tests: forgets when the process ends."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._lock = Lock()

    def read(self, origin: str) -> Held | None:
        """Give what is held for a log."""
        return self._held.get(origin)

    def advance(self, origin: str, step: Callable[[Held | None], Held]) -> Held:
        """Decide and remember under one lock."""
        with self._lock:
            self._held[origin] = held = step(self._held.get(origin))
            return held


class FileState:
    """A `WitnessState` in a folder: a file per log, written whole (fsync, rename, fsync of the folder) under a lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.json"

    def read(self, origin: str) -> Held | None:
        """Give what is held for a log; a file that cannot be read stops the witness, it never starts anew."""
        try:
            stored = json.loads(self._file(origin).read_bytes())
        except FileNotFoundError:
            return None
        return Held(stored["size"], bytes.fromhex(stored["root"]), stored["note"])

    def advance(self, origin: str, step: Callable[[Held | None], Held]) -> Held:
        """Decide and persist under the log's file lock, which holds between processes too."""
        with self._file(origin).with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = step(self.read(origin))
            self._write(self._file(origin), held)
            return held

    def _write(self, file: Path, held: Held) -> None:
        new = file.with_suffix(".new")
        with new.open("w") as out:
            json.dump({"size": held.size, "root": held.root.hex(), "note": held.note}, out)
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Refused(Exception):
    """A request the witness does not cosign, with the answer tlog-witness prescribes."""

    def __init__(self, status: HTTPStatus, reason: str, media_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.media_type = media_type


@dataclass(frozen=True, slots=True)
class Request:
    """An add-checkpoint request, taken apart."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


def parse_request(body: bytes) -> Request:
    """tlog-witness, "add-checkpoint": an old size line, proof lines, an empty line, a checkpoint; else 400."""
    try:
        return _parse(body.decode())
    except (NoteError, UnicodeDecodeError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"{error}\n") from error


def _parse(body: str) -> Request:
    head, blank, tail = body.partition("\n\n")
    lines = head.split("\n")
    if not blank or not lines[0].startswith("old ") or len(lines) > 1 + PROOF_LINES_MAX:
        raise NoteError("not an add-checkpoint request")
    proof = tuple(decode(line) for line in lines[1:])
    if any(len(part) != HASH_BYTES for part in proof):
        raise NoteError("a proof line holds one hash")
    note = parse_note(tail)
    return Request(parse_size(lines[0].removeprefix("old ")), proof, note, parse_checkpoint(note.text))


def format_request(old: int, proof: Sequence[bytes], note: Note | str) -> bytes:
    """Write the body that a log sends to its witnesses."""
    lines = [f"old {old}", *map(encode, proof)]
    return ("\n".join(lines) + "\n\n" + str(note)).encode()


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: its cosigning key, the keys of the logs it follows (by origin), and its memory."""

    key: SigningKey
    logs: Mapping[str, tuple[VerifierKey, ...]]
    state: WitnessState

    def add_checkpoint(self, body: bytes, now: int) -> str:
        """Cosign the request's checkpoint at POSIX time `now`: gives the signature line, or raises `Refused`."""
        request = parse_request(body)
        keys = self.logs.get(request.checkpoint.origin)
        if keys is None:
            raise Refused(HTTPStatus.NOT_FOUND, "unknown log\n")
        try:
            log_signatures = verified(request.note, keys).values()
        except SignatureError as error:
            raise Refused(HTTPStatus.FORBIDDEN, f"{error}\n") from error
        if request.old > request.checkpoint.size:
            raise Refused(HTTPStatus.BAD_REQUEST, "the old size is above the checkpoint's\n")
        cosignature = self.key.sign(request.note.text, now)
        note = Note(request.note.text, (*log_signatures, cosignature))

        def step(held: Held | None) -> Held:
            check_growth(held, request)
            return Held(request.checkpoint.size, request.checkpoint.root, str(note))

        self.state.advance(request.checkpoint.origin, step)
        return cosignature.line

    def latest(self, origin_hash: str) -> str | None:
        """tlog-witness, "Monitor Retrieval Mechanism": the latest cosigned checkpoint, by the origin's SHA-256."""
        for origin in self.logs:
            if sha256(origin.encode()).hexdigest() == origin_hash and (held := self.state.read(origin)):
                return held.note
        return None


def check_growth(held: Held | None, request: Request) -> None:
    """tlog-witness, "add-checkpoint": the checks of sizes, roots and proof, in the order of the text."""
    size, root = (held.size, held.root) if held else (0, EMPTY_ROOT)
    if request.old != size:
        raise Refused(HTTPStatus.CONFLICT, f"{size}\n", "text/x.tlog.size")
    if request.checkpoint.size == 0 and request.checkpoint.root != EMPTY_ROOT:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "an empty tree has the root of the empty string\n")
    try:
        verify_consistency(size, root, request.checkpoint.size, request.checkpoint.root, request.proof)
    except ProofError as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}\n") from error
