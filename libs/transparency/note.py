"""C2SP signed notes: texts signed by named keys. Ed25519 (0x01) and timestamped cosignatures (0x04), nothing else."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
KEY_BYTES = 32
ID_BYTES = 4
SIGNATURES_MAX = 64
"""signed-note, "Format": verifiers must accept at least 16; more than this is not a note of ours."""

NOTE_BYTES_MAX = 1_000_000
"""The size of a note is bounded by the same rule; Go's sumdb/note has the same limit."""


class NoteError(ValueError):
    """Raised when a note is not well formed."""


class SignatureError(NoteError):
    """Raised when a note carries no good signature of a known key, or a bad one of a known key."""


def decode(text: str) -> bytes:
    """Decode standard base64 in its one canonical spelling, so that a changed character is a changed value."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"not base64: {text[:80]!r}") from error
    if base64.b64encode(raw).decode() != text:
        raise NoteError(f"not canonical base64: {text[:80]!r}")
    return raw


def encode(raw: bytes) -> str:
    """Encode as standard base64, RFC 4648 section 4."""
    return base64.b64encode(raw).decode()


def _check_name(name: str) -> None:
    """signed-note, "Format": key names are non-empty, without Unicode spaces or plus."""
    if not name or "+" in name or any(sign.isspace() or ord(sign) < ord(" ") for sign in name):
        raise NoteError(f"not a key name: {name!r}")


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """signed-note, "Signatures": SHA-256(key name || 0x0A || signature type || public key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:ID_BYTES]


def cosigned_message(text: str, time: int) -> bytes:
    """tlog-cosignature, "Signed message": two header lines, then the whole note text."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        """`— <key name> base64(key ID || signature)`."""
        return f"— {self.name} {encode(self.key_id + self.raw)}\n"

    @property
    def time(self) -> int:
        """tlog-cosignature, "Format": the POSIX time in front of a cosignature; meaningless for other types."""
        return int.from_bytes(self.raw[:8], "big")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key to check signatures with; `str()` gives its vkey."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        """Refuse a key that no note could be signed with."""
        _check_name(self.name)
        if self.kind not in (ED25519, COSIGNATURE_V1) or len(self.public) != KEY_BYTES:
            raise NoteError(f"the key of {self.name} is neither Ed25519 nor a cosigner's")

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """signed-note, "Verifier keys": <key name>+hex(key ID)+base64(signature type || public key)."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:  # noqa: PLR2004 - the three parts of the line above
            raise NoteError(f"not a verifier key: {text[:80]!r}")
        raw = decode(parts[2])
        key = cls(parts[0], raw[0] if raw else 0, raw[1:])
        if key.key_id.hex() != parts[1]:
            raise NoteError(f"the key ID of {key.name} is {key.key_id.hex()}, not {parts[1]}")
        return key

    def __str__(self) -> str:
        """Give the vkey."""
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([self.kind]) + self.public)}"

    @property
    def key_id(self) -> bytes:
        """The four bytes that name this key in a signature line."""
        return key_id(self.name, self.kind, self.public)

    def verifies(self, text: str, signature: Signature) -> bool:
        """Whether this key made this signature over this text."""
        raw, message = signature.raw, text.encode()
        if self.kind == COSIGNATURE_V1:
            raw, message = raw[8:], cosigned_message(text, signature.time)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(raw, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name and signature type; never printed by accident."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> "SigningKey":
        """Make a new key."""
        return cls(name, kind, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes, kind: int = ED25519) -> "SigningKey":
        """Take up a stored 32-byte seed (RFC 8032, 5.1.5)."""
        return cls(name, kind, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read a key in the form Go's sumdb/note stores it: PRIVATE+KEY+name+hash+base64(type || seed)."""
        parts = text.strip().split("+", 4)
        if parts[:2] != ["PRIVATE", "KEY"] or len(parts) != 5:  # noqa: PLR2004 - the five parts of the line above
            raise NoteError("not a signing key")
        raw = decode(parts[4])
        key = cls.from_seed(parts[2], raw[1:], raw[0])
        if key.verifier.key_id.hex() != parts[3]:
            raise NoteError(f"the key ID of {key.name} does not fit")
        return key

    def secret(self) -> str:
        """Give the key's stored form, for a file that only its owner may read."""
        seed = self.private.private_bytes_raw()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{encode(bytes([self.kind]) + seed)}"

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, text: str, time: int | None = None) -> Signature:
        """Sign a note's text; a cosignature (0x04) states its time, an Ed25519 signature (0x01) has none."""
        if (self.kind == COSIGNATURE_V1) != (time is not None):
            raise NoteError("a cosignature has a time, another signature has none")
        if time is None:
            raw = self.private.sign(text.encode())
        else:
            raw = time.to_bytes(8, "big") + self.private.sign(cosigned_message(text, time))
        return Signature(self.name, self.verifier.key_id, raw)


@dataclass(frozen=True, slots=True)
class Note:
    """A well-formed note; nothing about it is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Give the note as it is sent and stored."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)


def parse_note(raw: bytes | str) -> Note:
    """signed-note, "Format": text ending in newline, a blank line (the last one), then signature lines."""
    try:
        whole = raw if isinstance(raw, str) else raw.decode()
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or len(whole) > NOTE_BYTES_MAX:
        raise NoteError("not a signed note")
    if any(ord(sign) < ord(" ") and sign != "\n" for sign in whole):
        raise NoteError("the note holds control characters")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError(f"the note has more than {SIGNATURES_MAX} signatures")
    return Note(text + "\n", tuple(map(_parse_signature, lines)))


def _parse_signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":  # noqa: PLR2004 - dash, name, signature
        raise NoteError(f"not a signature line: {line[:80]!r}")
    _check_name(parts[1])
    raw = decode(parts[2])
    if len(raw) <= ID_BYTES:
        raise NoteError(f"the signature of {parts[1]} is empty")
    return Signature(parts[1], raw[:ID_BYTES], raw[ID_BYTES:])


def sign_note(text: str, *keys: SigningKey) -> Note:
    """Make a note signed by Ed25519 keys."""
    if not text.endswith("\n"):
        raise NoteError("a note's text ends in a newline")
    return Note(text, tuple(key.sign(text) for key in keys))


def verified(note: Note, known: Iterable[VerifierKey]) -> dict[VerifierKey, Signature]:
    """signed-note, "Signatures": unknown keys are ignored, a known key's bad signature rejects, one must be good."""
    keys = {(key.name, key.key_id): key for key in known}
    good: dict[VerifierKey, Signature] = {}
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, signature):
            raise SignatureError(f"the signature of {key.name} ({key.key_id.hex()}) is bad")
        good.setdefault(key, signature)
    if not good:
        raise SignatureError("the note has no signature of a known key")
    return good
