"""Who calls: the bearer token's claims, checked with a pinned algorithm. What they may do stands in policy.py."""

import asyncio
import base64
import json
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

import httpx2
from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from libs.runtime.keys import development_signer
from libs.runtime.settings import Settings

ALGORITHMS = ["Ed25519", "ES256", "RS256"]
"""What an issuer may sign with; the development key uses Ed25519 (RFC 9864) only."""

LEEWAY_S = 30
TOKEN_BYTES_MAX = 8_192
SUBJECT_LENGTH_MAX = 200
SLUG = re.compile(r"[a-z0-9][a-z0-9:-]{0,99}")
"""The form of an organisation's name."""
CACHE_TOKENS_MAX = 2_000
JWKS_AGE_S_MAX = 300
JWKS_RETRY_S_MIN = 10


class BadToken(Exception):
    """The token is missing, malformed, expired, for someone else, or not signed by the issuer. Says which."""


class IssuerAway(Exception):
    """The issuer's keys cannot be fetched and none are remembered."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The organisation, roles and subject that a valid token states."""

    organisation: str
    roles: frozenset[str]
    subject: str
    expires_at: int

    def role(self, allowed: frozenset[str]) -> str | None:
        """The first of the caller's roles that is among the allowed, in alphabetical order."""
        return min(self.roles & allowed, default=None)


class Tokens:
    """Verifies bearer tokens; remembers the verified ones until they expire."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._verified: OrderedDict[bytes, Caller] = OrderedDict()
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._lock = asyncio.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(time.time()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            sub={"essential": True},
            org={"essential": True},
            roles={"essential": True},
        )

    async def caller(self, authorization: str | None) -> Caller:
        """The caller in an Authorization header. Raises BadToken or IssuerAway."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise BadToken("send Authorization: Bearer <token>")
        if len(token) > TOKEN_BYTES_MAX:
            raise BadToken("the token is too long")
        fingerprint = sha256(token.encode()).digest()
        known = self._verified.get(fingerprint)
        if known and known.expires_at + LEEWAY_S > time.time():
            return known
        keys = await self._key_set()
        try:
            caller = self._checked(token, keys)
        except BadToken:
            # The issuer may sign with a key that we have not seen yet: ask for it, but not at every bad token.
            if _kid(token) in {key.kid for key in keys.keys} or not await self._fetched_anew():
                raise
            caller = self._checked(token, await self._key_set())
        self._verified[fingerprint] = caller
        if len(self._verified) > CACHE_TOKENS_MAX:
            self._verified.popitem(last=False)
        return caller

    def _checked(self, token: str, keys: KeySet) -> Caller:
        algorithms = ALGORITHMS if self._settings.jwks_url else ["Ed25519"]
        try:
            decoded = jwt.decode(token, keys, algorithms=algorithms)
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as fault:
            raise BadToken(f"the token is not valid: {type(fault).__name__}") from fault
        claims = decoded.claims
        roles, organisation, subject = claims["roles"], claims["org"], claims["sub"]
        typed = isinstance(roles, list) and all(isinstance(role, str) for role in roles)
        if not typed or not isinstance(organisation, str) or not isinstance(subject, str) or not organisation:
            raise BadToken("the token's org, sub or roles have the wrong type")
        if not SLUG.fullmatch(organisation) or not subject.isprintable() or len(subject) > SUBJECT_LENGTH_MAX:
            raise BadToken("the token's org is no lower-case slug, or its sub is not printable")
        return Caller(organisation, frozenset(roles), subject, int(claims["exp"]))

    async def _key_set(self) -> KeySet:
        if not self._settings.jwks_url:
            if self._keys is None:
                self._keys = KeySet([_public(self._settings)])
            return self._keys
        async with self._lock:
            age = time.monotonic() - self._fetched
            if self._keys is None or age > JWKS_AGE_S_MAX:
                await self._fetch()
        if self._keys is None:
            raise IssuerAway
        return self._keys

    async def _fetched_anew(self) -> bool:
        """Whether the issuer's keys were fetched again just now."""
        async with self._lock:
            if not self._settings.jwks_url or time.monotonic() - self._fetched < JWKS_RETRY_S_MIN:
                return False
            await self._fetch()
            return True

    async def _fetch(self) -> None:
        try:
            async with httpx2.AsyncClient(timeout=5) as client:
                answer = await client.get(self._settings.jwks_url)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
                self._fetched = time.monotonic()
        except (httpx2.HTTPError, ValueError, JoseError):
            # The keys we have stay good; ask again soon.
            self._fetched = time.monotonic() - JWKS_AGE_S_MAX + JWKS_RETRY_S_MIN


def mint(settings: Settings, organisation: str, role: str, ttl_s: int) -> str:
    """A token signed by this folder's development key. `role` may be several, separated by commas."""
    key = OKPKey.import_key(
        development_signer(settings).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    issued = int(time.time())
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": f"{organisation}/{role}",
        "org": organisation,
        "roles": role.split(","),
        "iat": issued,
        "nbf": issued,
        "exp": issued + ttl_s,
    }
    return jwt.encode({"alg": "Ed25519", "typ": "at+jwt"}, claims, key, algorithms=["Ed25519"])


def _kid(token: str) -> str | None:
    """The key id in a token's header; None where it has none that can be read."""
    try:
        head = token.partition(".")[0]
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _public(settings: Settings) -> OKPKey:
    public = development_signer(settings).public_key()
    return OKPKey.import_key(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
