"""Tokens of an OpenID Connect issuer that serves its keys over HTTP: rotation, pinned algorithms, audience, expiry."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from libs.runtime import auth
from libs.runtime.auth import BadToken, IssuerAway, Tokens
from libs.runtime.settings import Settings

Key = OKPKey | ECKey | RSAKey


class Issuer(ThreadingHTTPServer):
    """An issuer: its keys, and how often it was asked for them."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.asked = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jwks"

    def token(self, key: Key, algorithm: str, **changes: Any) -> str:
        claims = {
            "iss": "https://id.example", "aud": "opennrm", "sub": "somchai", "org": "mosvy",
            "roles": ["social_affairs"],
            "exp": int(time.time()) + 300, **changes,
        }  # fmt: skip
        head = {"alg": algorithm, "kid": key.kid}
        return jwt.encode(head, {k: v for k, v in claims.items() if v is not None}, key, algorithms=[algorithm])


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Issuer)
        self.server.asked += 1
        body = json.dumps({"keys": [key.as_dict(private=False) for key in self.server.keys]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def tokens(issuer: Issuer, tmp_path: Path) -> Tokens:
    return Tokens(Settings(jwks_url=issuer.url, issuer="https://id.example", data_dir=tmp_path))


def ed25519(kid: str) -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def said(tokens: Tokens, token: str) -> str:
    with pytest.raises(BadToken) as refused:
        await tokens.caller(f"Bearer {token}")
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ed25519("ed"), "Ed25519"),
        (ECKey.generate_key("P-256", {"kid": "ec"}), "ES256"),
        (RSAKey.generate_key(2048, {"kid": "rsa"}), "RS256"),
    ],
    ids=["Ed25519", "ES256", "RS256"],
)
async def test_a_token_of_each_pinned_algorithm_is_good(
    issuer: Issuer, tokens: Tokens, key: Key, algorithm: str
) -> None:
    issuer.keys = [key]
    caller = await tokens.caller(f"Bearer {issuer.token(key, algorithm)}")
    assert (caller.organisation, caller.roles, caller.subject) == ("mosvy", frozenset({"social_affairs"}), "somchai")


async def test_a_new_key_of_the_issuer_is_taken_up_and_an_old_one_left(
    issuer: Issuer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ed25519("2025"), ed25519("2026")
    issuer.keys = [old]
    await tokens.caller(f"Bearer {issuer.token(old, 'Ed25519')}")
    issuer.keys = [new]
    assert issuer.asked == 1
    monkeypatch.setattr(auth, "JWKS_RETRY_S_MIN", 0)
    assert (await tokens.caller(f"Bearer {issuer.token(new, 'Ed25519')}")).subject == "somchai"
    assert issuer.asked == 2
    await said(tokens, issuer.token(old, "Ed25519", sub="another token, so that none is remembered"))


async def test_the_issuer_is_not_asked_at_every_bad_token(issuer: Issuer, tokens: Tokens) -> None:
    issuer.keys = [ed25519("a")]
    for number in range(20):
        await said(tokens, issuer.token(ed25519(f"stranger-{number}"), "Ed25519"))
    assert issuer.asked == 1


async def test_what_an_issuer_did_not_say_of_itself_is_refused(issuer: Issuer, tokens: Tokens) -> None:
    key = ed25519("a")
    issuer.keys = [key]
    now = int(time.time())
    for changes in (
        {"aud": "another-api"}, {"aud": None}, {"iss": "https://evil.example"}, {"exp": now - 60}, {"exp": None},
        {"nbf": now + 3600}, {"sub": None}, {"org": None}, {"org": "Not A Slug"}, {"roles": "social_affairs"},
        {"roles": None}, {"exp": "tomorrow"},
    ):  # fmt: skip
        await said(tokens, issuer.token(key, "Ed25519", **changes))


async def test_the_algorithm_is_ours_to_choose(issuer: Issuer, tokens: Tokens) -> None:
    """`none`, a MAC with the public key as its secret, and a strong algorithm that nobody pinned."""
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    issuer.keys = [rsa]
    for token in (issuer.token(rsa, "PS256"), issuer.token(rsa, "RS512")):
        await said(tokens, token)
    head, payload, _ = issuer.token(rsa, "RS256").split(".")
    signed = f"{_b64(json.dumps({'alg': 'HS256', 'kid': 'rsa'}).encode())}.{payload}"
    mac = hmac.digest(rsa.as_pem(private=False), signed.encode(), "sha256")
    await said(tokens, f"{signed}.{_b64(mac)}")
    await said(tokens, f"eyJhbGciOiJub25lIn0.{payload}.")
    await said(tokens, f"{head}.{payload}.")
    other = RSAKey.generate_key(2048, {"kid": "rsa"})
    await said(tokens, issuer.token(other, "RS256"))


async def test_an_issuer_that_is_away_is_said_so_and_its_known_keys_stay_good(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ed25519("a")
    issuer.keys = [key]
    gone = Tokens(Settings(jwks_url="http://127.0.0.1:9/jwks", issuer="https://id.example", data_dir=tmp_path))
    with pytest.raises(IssuerAway):
        await gone.caller(f"Bearer {issuer.token(key, 'Ed25519')}")
    known = Tokens(Settings(jwks_url=issuer.url, issuer="https://id.example", data_dir=tmp_path))
    await known.caller(f"Bearer {issuer.token(key, 'Ed25519')}")
    issuer.shutdown()
    issuer.server_close()
    monkeypatch.setattr(auth, "JWKS_AGE_S_MAX", -1)
    assert await known.caller(f"Bearer {issuer.token(key, 'Ed25519', sub='later')}")
