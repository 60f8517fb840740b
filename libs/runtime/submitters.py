"""Requests that their sender signs (RFC 9421, RFC 9530): checked at the edge, never ignored, kept in the event.

A signature covers the method, the path, the digest of the body and the idempotency key, so that it is good for one
request, or for one batch or file, whose every event keeps it. The body of a signed request, and every event of a
signed batch, has a `salt`: 128 random bits or more, chosen by the sender. Without it, whoever reads the digest could
guess a name against it even after the person's key is destroyed.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import structlog
from fastapi import Request
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    VerifyResult,
)

from libs.events.event import JSON
from libs.events.handle import Submission
from libs.runtime.auth import Caller
from libs.runtime.ids import now
from libs.runtime.problems import Problem
from libs.runtime.requests import check_json, unfit
from libs.runtime.settings import Settings
from libs.transparency.bundle import SUBMITTERS
from libs.transparency.registry import BadRegistry, Registry
from libs.transparency.submissions import AGE_S_MAX, ALLOWED, KEYID, REQUIRED, SKEW_S, covers_well, digest_of

HEADERS = frozenset({b"signature", b"signature-input", b"content-digest"})
SALT_LENGTH_MIN, SALT_LENGTH_MAX = 22, 200
"""22 characters of base64url are 128 bits."""

log = structlog.get_logger()


def registry_of(settings: Settings) -> Registry:
    """The organisations' public keys. Raises BadRegistry, OSError: the process does not start."""
    file = registry_file(settings)
    try:
        return Registry.read(file) if file else Registry()
    except (BadRegistry, OSError) as fault:
        log.error("submitters.unusable", file=str(file), why=str(fault))
        raise


def registry_file(settings: Settings) -> Path | None:
    """Where the organisations' public keys stand: the set file, else the data folder's where there is one."""
    file = Path(settings.submitter_keys) if settings.submitter_keys else settings.data_dir / SUBMITTERS
    return file if settings.submitter_keys or file.exists() else None


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature holds; `made_at` is when its sender says that it signed it."""

    submission: Submission
    made_at: datetime

    def check_fresh(self) -> None:
        """Raises 401 `stale-signature`. Asked for what is recorded anew only: the first answer may be had again."""
        if not -SKEW_S <= (now() - self.made_at).total_seconds() <= AGE_S_MAX:
            what = f"`created` lies more than {AGE_S_MAX} s back, or ahead of our clock; sign the request anew"
            raise Problem(401, "stale-signature", what)


def is_signed(request: Request) -> bool:
    """Whether a request carries any part of a signature."""
    return any(name in HEADERS for name, _ in request.scope["headers"])


def proof(request: Request, raw: bytes, registry: Registry, caller: Caller) -> Signed | None:
    """The signature of a request, checked; None where it has none.

    Raises as `signed` does, and 401 where the organisation has said that it signs everything, and this is not.
    """
    if is_signed(request):
        return signed(request, raw, registry, caller)
    if registry.must_sign(caller.organisation, now()):
        raise Problem(401, "signature-required", "your organisation signs what it posts (RFC 9421); this is not signed")
    return None


def signed(request: Request, raw: bytes, registry: Registry, caller: Caller) -> Signed:
    """The signature of a request, checked. Raises 400 where it is incomplete, 401 where it does not hold."""
    headers = request.headers
    if headers.get("content-digest", digest_of(raw)) != digest_of(raw):
        raise Problem(400, "bad-content-digest", "Content-Digest is not `sha-256=:…:` of this body (RFC 9530)")
    if not {"signature", "signature-input", "content-digest"} <= set(headers):
        raise Problem(400, "incomplete-signature", "send Signature-Input, Signature and Content-Digest together")
    named = KEYID.search(headers["signature-input"])
    known = registry.keys.get(named[1]) if named else None
    if named is None or known is None or known[0] != caller.organisation:
        log.warning("submission.unknown_key", organisation=caller.organisation)
        raise Problem(401, "unknown-signature-key", "keyid names no registered key of your organisation")
    _, key, _ = known
    verifier = HTTPMessageVerifier(
        signature_algorithm=key.algorithm_class,
        key_resolver=MappingKeyResolver(public_keys={key.keyid: key.public_key.encode()}, private_keys={}),
    )
    # How old it may be is asked later, and for what is recorded anew only.
    verifier.max_clock_skew = timedelta(seconds=SKEW_S)
    result = _verified(verifier, request, caller)
    made_at = datetime.fromtimestamp(int(result.parameters["created"]), UTC)
    if not key.good_at(made_at):
        raise Problem(401, "unknown-signature-key", "this key is not in use any more, or not yet")
    base = "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())
    signature = _signature(headers["signature"])
    return Signed(Submission(base64.b64encode(base.encode()).decode(), signature), made_at)


def unsalted(raw: bytes) -> bytes:
    """The body without its salt, as a model knows it. Raises 422 where there is none."""
    document = check_json(raw)
    require_salt(document)
    return orjson.dumps({name: value for name, value in document.items() if name != "salt"})


def require_salt(document: JSON) -> None:
    """Raises 422 where a signed body, or an event of a signed batch, has no salt."""
    salt = document.get("salt") if isinstance(document, dict) else None
    if not isinstance(salt, str) or not SALT_LENGTH_MIN <= len(salt) <= SALT_LENGTH_MAX:
        raise unfit("/salt", f"what is signed has a `salt`: random text of {SALT_LENGTH_MIN} characters or more")


@dataclass(frozen=True, slots=True)
class _Message:
    """What the library asks of a request."""

    method: str
    url: str
    headers: Mapping[str, str]


def _verified(verifier: HTTPMessageVerifier, request: Request, caller: Caller) -> VerifyResult:
    scope: dict[str, Any] = dict(request.scope)
    path = scope.get("raw_path", request.url.path.encode()).decode("latin-1")
    message = _Message(request.method, f"{request.url.scheme}://{request.url.netloc}{path}", request.headers)
    try:
        [result] = verifier.verify(message, max_age=None)
    except (InvalidSignature, HTTPMessageSignaturesException) as fault:
        log.warning("submission.bad_signature", organisation=caller.organisation, fault=type(fault).__name__)
        what = "the signature does not hold for this request: other content, another key, or not one signature"
        raise Problem(401, "bad-signature", what) from None
    names = {name.strip('"'): value for name, value in result.covered_components.items()}
    if not covers_well(names):
        extra = ", ".join(sorted(ALLOWED - set(REQUIRED)))
        raise Problem(400, "incomplete-signature", f"cover {', '.join(REQUIRED)}; besides, only {extra} may be covered")
    return result


def _signature(header: str) -> str:
    """The one signature's base64: the library has checked that there is one, and that it is a byte sequence."""
    return header.partition("=:")[2].partition(":")[0]
