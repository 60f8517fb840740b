"""Who is signed in: the bearer token, sealed in a cookie (JWE, A256GCM) that no script can read; the portal keeps none.

CSRF (OWASP cheat sheet): the cookie is SameSite=Lax, and every form carries a token that is derived from the session.
"""

import hmac
import secrets
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final

import orjson
from fastapi import Request, Response
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from libs.runtime.auth import Caller
from libs.runtime.settings import Settings
from portal.client import Json

COOKIE: Final = "nrm_session"
LANGUAGE_COOKIE: Final = "nrm_language"
LANGUAGE_AGE_S: Final = 365 * 86_400
_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in caller; `token` is what the services check again at every request."""

    id: str
    token: str
    organisation: str
    roles: tuple[str, ...]
    subject: str
    expires_at: int
    chooses: bool = False
    """A development session that came by the printed link: it may take any party's place."""


class Seal:
    """Seals and opens small values for cookies; its key is the setting's, else new at each start."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.portal_secret.encode() or secrets.token_bytes(32)
        self._key = OctKey.import_key(sha256(b"portal cookies" + secret).digest())
        self._csrf = sha256(b"portal forms" + secret).digest()
        self._secure = bool(settings.public_host)

    def seal(self, value: Json) -> str:
        """The value as a compact JWE."""
        return jwe.encrypt_compact(_HEADER, orjson.dumps(value), self._key)

    def open(self, text: str) -> Json:
        """The value; None where the text is none of ours."""
        try:
            return orjson.loads(jwe.decrypt_compact(text, self._key).plaintext or b"null")
        except (JoseError, ValueError, TypeError):
            return None

    def session(self, request: Request) -> Session | None:
        """The session of a request, if it has a valid one."""
        found = self.open(request.cookies.get(COOKIE, ""))
        if not isinstance(found, dict) or found.get("expires_at", 0) <= time.time():
            return None
        return Session(**{**found, "roles": tuple(found["roles"])})

    def sign_in(self, response: Response, session: Session) -> None:
        """Put the session into the answer's cookie."""
        self.put(response, COOKIE, self.seal(asdict(session)), int(session.expires_at - time.time()))

    def put(self, response: Response, name: str, value: str, age_s: int) -> None:
        """A cookie that scripts cannot read."""
        response.set_cookie(name, value, max_age=age_s, httponly=True, samesite="lax", secure=self._secure, path="/")

    def csrf(self, session: Session) -> str:
        """The token that the session's forms carry."""
        return hmac.new(self._csrf, session.id.encode(), sha256).hexdigest()

    def is_csrf(self, session: Session, text: str) -> bool:
        """Whether a form's token is the session's."""
        return hmac.compare_digest(self.csrf(session).encode(), text.encode())


def session_of(token: str, caller: Caller, *, chooses: bool = False) -> Session:
    """A new session for a checked token."""
    return Session(
        secrets.token_hex(16), token, caller.organisation, tuple(sorted(caller.roles)), caller.subject,
        caller.expires_at, chooses,
    )  # fmt: skip
