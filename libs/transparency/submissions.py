"""What a submitter signed (RFC 9421 HTTP Message Signatures), checked again without its server: pure, for any year.

An event of a signed request carries the signature base (base64), the signature (base64) and, sealed with the person's
key, the request's body. The base names the key, the method, the path and the digest of the body (RFC 9530), so a
signature proves: this organisation's key signed a request with this body to this path at this time. Whoever holds
the person's key, or the submitter with its own copy, can hold the body against the event.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import HTTPMessageSignaturesException
from http_message_signatures.algorithms import (
    ECDSA_P256_SHA256,
    ED25519,
    RSA_PSS_SHA512,
    HTTPSignatureAlgorithm,
)
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from libs.transparency.align import Finding
from libs.transparency.lines import Seen

BASE, SIGNATURE, BODY = "submissionbase", "submissionsignature", "submissionbody"
"""The envelope's attributes: CloudEvents Binary, as base64; the body is a ciphertext."""

REQUIRED = ("@method", "@path", "content-digest", "idempotency-key")
"""What a signature covers at least: which request, with which body, once."""

ALLOWED = frozenset({*REQUIRED, "@authority", "@scheme", "content-type", "content-length", "date"})
"""What it may cover. Nothing else, for the base is kept for ever: no token, no query, no free text."""

AGE_S_MAX = 300
"""How old a signature may be when its request arrives."""

SKEW_S = 60
"""How far the two clocks may differ, and how long recording may take."""

KEYID = re.compile(r';keyid="([A-Za-z0-9._:/#-]{1,120})"')
_CREATED = re.compile(r";created=([0-9]{1,12})(?:;|$)")
_LINE = re.compile(r'"([^"]+)": (.*)')
_SEVERAL = re.compile(r"^/v1/(?:(inbox)|imports/[a-z0-9-]+)$")
"""A batch or a file: what is recorded of it may follow much later, when what it waits for has come."""

_CASE = re.compile(r"^/v1/cases/([^/]+)/")
_NO_SYMBOL = re.compile(r"[^A-Z0-9]")
_SHA_256 = re.compile(r"sha-256=:([A-Za-z0-9+/=]{44}):")
_CROCKFORD = str.maketrans("OIL", "011")
_KEYS = {"ed25519": ed25519.Ed25519PublicKey, "ecdsa-p256-sha256": ec.EllipticCurvePublicKey,
         "rsa-pss-sha512": rsa.RSAPublicKey}  # fmt: skip
_ALGORITHMS: Mapping[str, type[HTTPSignatureAlgorithm]] = {
    one.algorithm_id: one for one in (ED25519, ECDSA_P256_SHA256, RSA_PSS_SHA512)
}
RSA_BITS_MIN = 2048


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubmitterKey(_Entry):
    """A public key that an organisation signs with, and from when until when. A retired key stays listed."""

    keyid: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/#-]{1,120}$")]
    algorithm: Literal["ed25519", "ecdsa-p256-sha256", "rsa-pss-sha512"]
    public_key: str
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None

    @property
    def verifier(self) -> HTTPSignatureAlgorithm:
        """What checks its signatures. Raises ValueError where the key is not of the algorithm."""
        public = load_pem_public_key(self.public_key.encode())
        weak = isinstance(public, rsa.RSAPublicKey) and public.key_size < RSA_BITS_MIN
        if not isinstance(public, _KEYS[self.algorithm]) or weak:
            raise ValueError(f"{self.keyid} is no key for {self.algorithm}")
        return self.algorithm_class(public_key=public)

    @property
    def algorithm_class(self) -> type[HTTPSignatureAlgorithm]:
        """The library's implementation of its algorithm."""
        return _ALGORITHMS[self.algorithm]

    def good_at(self, moment: datetime) -> bool:
        """Whether it was in use then."""
        return self.valid_from <= moment and (self.valid_until is None or moment < self.valid_until)


class Submitter(_Entry):
    """An organisation that signs. From `signs_from` on it signs everything: what is unsigned is not its own."""

    organisation: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9:-]{0,99}$")]
    keys: Annotated[tuple[SubmitterKey, ...], Field(min_length=1)]
    signs_from: AwareDatetime | None = None


class _File(_Entry):
    version: Annotated[int, Field(ge=1)]
    submitters: tuple[Submitter, ...]


class BadRegistry(ValueError):
    """The file of submitters' keys cannot be used. Says why."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Who signs, by which keys."""

    submitters: Mapping[str, Submitter] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, SubmitterKey, HTTPSignatureAlgorithm]] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes) -> "Registry":
        """Read the file. Raises BadRegistry; nothing is guessed or skipped."""
        try:
            found = _File.model_validate_json(raw)
            keys = {
                key.keyid: (one.organisation, key, key.verifier) for one in found.submitters for key in one.keys
            }  # fmt: skip
        except ValidationError as fault:
            raise BadRegistry(
                "; ".join(f"/{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in fault.errors())
            ) from None
        except (ValueError, HTTPMessageSignaturesException) as fault:
            raise BadRegistry(f"a key cannot be read: {fault}") from None
        organisations = {one.organisation: one for one in found.submitters}
        if len(organisations) != len(found.submitters) or len(keys) != sum(len(one.keys) for one in found.submitters):
            raise BadRegistry("an organisation or a key id is listed twice")
        return cls(organisations, keys)

    @classmethod
    def read(cls, file: Path) -> "Registry":
        """Read the file where it is there. Raises BadRegistry, OSError."""
        try:
            return cls.parse(file.read_bytes())
        except BadRegistry as fault:
            raise BadRegistry(f"{file.name}: {fault}") from None

    def must_sign(self, organisation: str, moment: datetime) -> bool:
        """Whether everything that this organisation posted then had to be signed."""
        one = self.submitters.get(organisation)
        return one is not None and one.signs_from is not None and one.signs_from <= moment


def covered(base: str) -> dict[str, str]:
    """The components of a signature base by name, `@signature-params` among them. Raises ValueError."""
    parts = [_LINE.fullmatch(line) for line in base.split("\n")]
    if any(part is None for part in parts):
        raise ValueError("the signature base is not well formed")
    return {part[1]: part[2] for part in parts if part}


def covers_well(parts: Mapping[str, str]) -> bool:
    """Whether a signature covers all that it must and nothing that must not be kept."""
    return set(REQUIRED) <= parts.keys() and parts.keys() - {"@signature-params"} <= ALLOWED


def digest_of(body: bytes) -> str:
    """The Content-Digest of a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def has_digest(base: str, body: bytes) -> bool:
    """Whether this body is the one whose digest was signed."""
    stated = _SHA_256.search(covered(base).get("content-digest", ""))
    return stated is not None and f"sha-256=:{stated[1]}:" == digest_of(body)


class Submissions:
    """Checks the signatures of events in log order; remembers which request each signature belongs to."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: dict[str, str] = {}
        self.signed = 0

    def check(self, lines: Iterable[Seen]) -> Iterator[Finding]:
        """Name every event whose signature is not its submitter's for it."""
        nobody = not self._registry.submitters
        for seen in lines:
            if nobody and SIGNATURE not in seen.envelope:
                continue
            if what := self.fault(seen.envelope):
                yield Finding(seen.event_id, what)

    def fault(self, envelope: Mapping[str, Any]) -> str:
        """What is wrong with an event's signature, or with its having none; "" where nothing is."""
        signature = envelope.get(SIGNATURE)
        if signature is None:
            return self._unsigned(envelope)
        self.signed += 1
        try:
            base = base64.b64decode(envelope[BASE], validate=True)
            return "; ".join(self._faults(envelope, base, signature))
        except (KeyError, TypeError, ValueError, UnicodeDecodeError, binascii.Error) as error:
            return f"forged: its submitter's signature is not well formed ({type(error).__name__})"

    def _unsigned(self, envelope: Mapping[str, Any]) -> str:
        if BASE in envelope or BODY in envelope:
            return "forged: a submitter's signature was taken off"
        organisation, time = envelope.get("organisation"), envelope.get("time")
        if not isinstance(organisation, str) or organisation not in self._registry.submitters:
            return ""
        if self._registry.must_sign(organisation, datetime.fromisoformat(str(time))):
            return f"forged: {organisation} signs what it posts, and this has no signature"
        return ""

    def _faults(self, envelope: Mapping[str, Any], base: bytes, signature: str) -> Iterator[str]:
        parts = covered(base.decode("ascii"))
        params = parts["@signature-params"]
        keyid, created = KEYID.search(params), _CREATED.search(params)
        known = self._registry.keys.get(keyid[1]) if keyid else None
        if known is None or created is None:
            yield f"its submitter's key {keyid[1] if keyid else ''!r} is not known: give --submitter-keys"
            return
        organisation, key, verifier = known
        try:
            verifier.verify(signature=base64.b64decode(signature, validate=True), message=base)
        except (InvalidSignature, HTTPMessageSignaturesException):
            yield f"forged: the signature of {organisation} does not hold"
        moment, recorded = datetime.fromtimestamp(int(created[1]), UTC), datetime.fromisoformat(envelope["time"])
        if organisation != envelope["organisation"]:
            yield f"forged: it is signed by {organisation}, and recorded as {envelope['organisation']}'s"
        if not key.good_at(moment):
            yield f"forged: the key {key.keyid} was not in use when it was signed"
        late = (recorded - moment).total_seconds()
        if late < -SKEW_S or (late > AGE_S_MAX + SKEW_S and not _SEVERAL.match(parts.get("@path", ""))):
            yield "forged: it was signed at another time than it was recorded"
        if not covers_well(parts):
            yield "forged: the signature does not cover the request"
        yield from self._misplaced(envelope, parts, signature)

    def _misplaced(self, envelope: Mapping[str, Any], parts: Mapping[str, str], signature: str) -> Iterator[str]:
        """A good signature on another event than the one it was made for."""
        request = envelope["correlationid"]
        if self._seen.setdefault(signature, request) != request:
            yield "forged: this signature belongs to another request"
        case = _CASE.search(parts.get("@path", ""))
        wrong = parts.get("@method") != "POST" or (case and not _concerns(envelope, case[1]))
        if wrong or not _of_batch_or_file(envelope, parts):
            yield f"forged: what was signed is {parts.get('@method')} {parts.get('@path')}, another request"


def _of_batch_or_file(envelope: Mapping[str, Any], parts: Mapping[str, str]) -> bool:
    """Whether an event could come of the batch or the file that was signed, where one was."""
    several = _SEVERAL.match(parts.get("@path", ""))
    if several is None:
        return True
    if envelope["source"] != f"/services/{'repatriation' if several[1] else 'identification'}":
        return False
    stated, signed = envelope["data"].get("file_hash"), _SHA_256.search(parts.get("content-digest", ""))
    return stated is None or (signed is not None and base64.b64decode(signed[1]).hex() == stated)


def _concerns(envelope: Mapping[str, Any], case: str) -> bool:
    data = envelope["data"]
    named = (envelope["subject"], data.get("case_id"), data.get("other_case_id"), *(data.get("case_ids") or ()))
    return _symbols(case) in {_symbols(str(one)) for one in named}


def _symbols(reference: str) -> str:
    """A case reference without what may be written in more than one way."""
    return _NO_SYMBOL.sub("", reference.upper()).translate(_CROCKFORD)
