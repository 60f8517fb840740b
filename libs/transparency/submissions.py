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
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from http_message_signatures import HTTPMessageSignaturesException
from pydantic import ValidationError

from libs.transparency.align import Finding
from libs.transparency.lines import Seen
from libs.transparency.registry import Registry, Submitter

BASE, SIGNATURE, BODY = "submissionbase", "submissionsignature", "submissionbody"
"""The envelope's attributes: CloudEvents Binary, as base64; the body is a ciphertext."""

SUBMITTERS_STREAM = "log-submitters"
SUBMITTERS_TYPE = "org.opennrm.log.submitters.v1"
"""A leaf of the log's own: an organisation's public keys as listed from here on, so that none is exchanged unseen."""

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
        self._logged: dict[str, tuple[str, str]] = {}
        self._used: dict[str, str] = {}
        self.signed = 0

    def check(self, lines: Iterable[Seen]) -> Iterator[Finding]:
        """Name every event whose signature is not its submitter's for it."""
        nobody = not self._registry.submitters
        for seen in lines:
            if seen.envelope.get("type") == SUBMITTERS_TYPE:
                yield from self._listed(seen)
            if nobody and SIGNATURE not in seen.envelope:
                continue
            if what := self.fault(seen.envelope):
                yield Finding(seen.event_id, what)

    def _listed(self, seen: Seen) -> Iterator[Finding]:
        """Name a leaf that lists another key than an earlier leaf, or than the keys that are believed."""
        try:
            entry = Submitter.model_validate_json(orjson.dumps(seen.envelope["data"]))
        except ValidationError:
            yield Finding(seen.event_id, "forged: what it lists of a submitter cannot be read")
            return
        for key in entry.keys:
            logged = self._logged.setdefault(key.keyid, (entry.organisation, key.public_key))
            if logged != (entry.organisation, key.public_key):
                yield Finding(seen.event_id, f"exchanged: the key {key.keyid} was another one before in this log")
            believed = self._registry.keys.get(key.keyid)
            one = self._registry.submitters.get(entry.organisation)
            if one and (
                believed is None or (believed[0], believed[1].public_key) != (entry.organisation, key.public_key)
            ):
                yield Finding(
                    seen.event_id, f"exchanged: the log lists a key {key.keyid} that {entry.organisation} did not give"
                )

    def unlisted(self) -> Iterator[Finding]:
        """Name, at the end of a whole log that lists keys, the first event by a key that it does not list."""
        if self._logged:
            for keyid, event_id in self._used.items():
                if keyid not in self._logged:
                    yield Finding(event_id, f"exchanged? its key {keyid} is not listed in this log")

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
        self._used.setdefault(key.keyid, str(envelope["id"]))
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
