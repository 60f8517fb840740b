"""C2SP tlog-checkpoint: what a log says about itself, and the policy that decides when to believe it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from libs.transparency.merkle import HASH_BYTES
from libs.transparency.note import (
    COSIGNATURE_V1,
    ED25519,
    Note,
    NoteError,
    SignatureError,
    SigningKey,
    VerifierKey,
    decode,
    encode,
    parse_note,
    sign_note,
    verified,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES_MIN = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's name, its size and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """tlog-checkpoint, "Note text": origin, decimal size and base64 root, a line each; we write no extensions."""
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"


def parse_size(text: str) -> int:
    """tlog-checkpoint, "Note text": ASCII decimal with no leading zeroes."""
    if not _SIZE.fullmatch(text):
        raise NoteError(f"not a tree size: {text[:40]!r}")
    return int(text)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint; extension lines are allowed and not looked at."""
    lines = text.split("\n")[:-1]
    if len(lines) < _LINES_MIN or not all(lines) or not text.endswith("\n"):
        raise NoteError("a checkpoint has at least three lines, none empty")
    root = decode(lines[2])
    if len(root) != HASH_BYTES:
        raise NoteError("a checkpoint's root is 32 bytes long")
    return Checkpoint(lines[0], parse_size(lines[1]), root)


def sign_checkpoint(checkpoint: Checkpoint, *keys: SigningKey) -> Note:
    """Sign a tree head; during a key rotation with the old and the new key at once."""
    return sign_note(checkpoint.text, *keys)


@dataclass(frozen=True, slots=True)
class Group:
    """tlog-policy: at least `needed` of `members` (witnesses or groups, by their names in the policy)."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Which logs are believed, and whose cosignatures it takes."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = "none"

    @classmethod
    def of(cls, logs: Iterable[VerifierKey], witnesses: Iterable[VerifierKey] = (), needed: int = 0) -> "Policy":
        """Make the flat policy: any of these logs, `needed` of these witnesses (e.g. 2 of 3)."""
        named = {f"w{at}": key for at, key in enumerate(witnesses, 1)}
        if not 0 <= needed <= len(named):
            raise ValueError(f"{needed} of {len(named)} witnesses cannot be had")
        groups = {"q": Group(needed, tuple(named))} if needed else {}
        return cls(tuple(logs), named, groups, "q" if needed else "none")

    def open(self, raw: bytes | str) -> Checkpoint:
        """Give the checkpoint of a note that this policy believes; raises `NoteError` otherwise."""
        note = parse_note(raw)
        checkpoint = parse_checkpoint(note.text)
        # tlog-checkpoint, "Signatures": the log's key name should match the origin line; ours always does.
        logs = [key for key in self.logs if key.name == checkpoint.origin]
        if not logs:
            raise SignatureError(f"no key is known for the log {checkpoint.origin}")
        good = verified(note, [*logs, *self.witnesses.values()])
        if not any(key in good for key in logs):
            raise SignatureError(f"the log {checkpoint.origin} did not sign this checkpoint")
        seen = {name for name, key in self.witnesses.items() if key in good}
        if self.quorum != "none" and not self._holds(self.quorum, seen):
            raise SignatureError(f"the witnesses who cosigned ({len(seen)}) are no quorum")
        return checkpoint

    def _holds(self, name: str, seen: set[str]) -> bool:
        """tlog-policy, "Defining a witness group": at least k of the n members witnessed the checkpoint."""
        group = self.groups.get(name)
        if group is None:
            return name in seen
        return sum(self._holds(member, seen) for member in group.members) >= group.needed


def parse_policy(text: str) -> Policy:
    """Read a C2SP tlog-policy file, or a plain list of verifier keys (any of them is the log's, no quorum)."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if all(len(words) == 1 for words in lines):
        return _plain([words[0] for words in lines])
    logs: list[VerifierKey] = []
    witnesses: dict[str, VerifierKey] = {}
    groups: dict[str, Group] = {}
    quorums: list[str] = []
    for words in lines:
        match words:
            case ["log", key, *_]:
                logs.append(VerifierKey.parse(key))
            case ["witness", name, key, *_] if name not in {*witnesses, *groups, "none"}:
                witnesses[name] = VerifierKey.parse(key)
            case ["group", name, needed, *members] if name not in {*witnesses, *groups, "none"}:
                groups[name] = _group(needed, tuple(members), {*witnesses, *groups})
            case ["quorum", name] if name in {*witnesses, *groups, "none"}:
                quorums.append(name)
            case _:
                raise NoteError(f"not a policy line: {' '.join(words)[:80]!r}")
    if len(quorums) != 1:
        raise NoteError("a policy has exactly one quorum line")
    if len({key.public for key in witnesses.values()}) != len(witnesses):
        raise NoteError("two witnesses of the policy have one key")
    return Policy(tuple(logs), witnesses, groups, quorums[0])


def _plain(keys: list[str]) -> Policy:
    parsed = [VerifierKey.parse(key) for key in keys]
    logs = [key for key in parsed if key.kind == ED25519]
    if not logs:
        raise NoteError("there is no log's key in the key file")
    return Policy.of(logs, [key for key in parsed if key.kind == COSIGNATURE_V1])


def _group(needed: str, members: tuple[str, ...], defined: set[str]) -> Group:
    """tlog-policy, "Defining a witness group": all, any, or a decimal k with 1 <= k <= n."""
    count = {"all": str(len(members)), "any": "1"}.get(needed, needed)
    if not members or not set(members) <= defined or not count.isdecimal() or not 1 <= int(count) <= len(members):
        raise NoteError("a group needs k of n members that are defined before it")
    return Group(int(count), members)
