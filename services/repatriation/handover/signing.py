"""The register's signature under a hand-over file: a detached JWS (RFC 7515, appendix F), Ed25519 (RFC 9864)."""

from typing import Final

from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import OKPKey

from libs.events.event import JSON
from libs.runtime.keys import signer
from libs.runtime.settings import Settings

KEY, OLD_KEY = "handover-key", "handover-key-old"
ALGORITHM: Final = "Ed25519"


class Seal:
    """Signs with the register's key. Rotation: rename its file to `handover-key-old`; both are published."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def sign(self, payload: bytes) -> str:
        """The signature, `<header>..<signature>`: the payload between the dots is the file itself."""
        key = self._key(KEY)
        header = {"alg": ALGORITHM, "kid": key.thumbprint()}
        head, _, signature = jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM]).split(".")
        return f"{head}..{signature}"

    @property
    def key_id(self) -> str:
        """The name of the key that signs: its RFC 7638 thumbprint."""
        return str(self._key(KEY).thumbprint())

    def published(self) -> dict[str, JSON]:
        """The public keys (JWKS), for whoever holds a file and checks it without the register."""
        old = self._settings.data_dir / "keys" / OLD_KEY
        keys = [self._key(name) for name in (KEY, OLD_KEY) if name == KEY or old.exists()]
        stated = {"alg": ALGORITHM, "use": "sig"}
        return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), **stated} for key in keys]}

    def _key(self, name: str) -> OKPKey:
        private = signer(self._settings, name)
        return OKPKey.import_key(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
