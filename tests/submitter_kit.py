"""A submitting organisation as it would sign: by the library that others use, with a key of its own."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from libs.transparency.submissions import REQUIRED


class Message:
    """A request as the library takes it."""

    def __init__(self, url: str, headers: dict[str, str], method: str = "POST") -> None:
        self.method, self.url, self.headers = method, url, headers


class Submitter:
    """An organisation, its key, and what it says of itself."""

    def __init__(self, organisation: str, seed: bytes = b"S" * 32, keyid: str = "") -> None:
        self.organisation = organisation
        self.keyid = keyid or f"{organisation}-2026"
        self.key = Ed25519PrivateKey.from_private_bytes(seed)

    def entry(self, signs_from: str | None = None, valid_until: str | None = None) -> dict[str, Any]:
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        key = {
            "keyid": self.keyid,
            "algorithm": "ed25519",
            "public_key": pem,
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": valid_until,
        }
        return {"organisation": self.organisation, "keys": [key], "signs_from": signs_from}

    def headers(
        self, url: str, raw: bytes, key: str, created: datetime | None = None, covers: tuple[str, ...] = REQUIRED
    ) -> dict[str, str]:
        message = Message(url, {"Idempotency-Key": key, "Content-Type": "application/json"})
        resolver = MappingKeyResolver(public_keys={}, private_keys={self.keyid: self.key})
        signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver)
        signer.sign(message, key_id=self.keyid, created=created, covered_component_ids=covers, body=raw)
        return message.headers

    def attributes(self, path: str, raw: bytes, created: str, key: str = "k-1") -> dict[str, str]:
        """The attributes of an event whose request it signed."""
        message = Message(f"http://nrm.example{path}", {"Idempotency-Key": key})
        signer = HTTPMessageSigner(
            signature_algorithm=ED25519,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={self.keyid: self.key}),
        )
        moment = datetime.fromisoformat(created).astimezone(UTC)
        prepared = signer.prepare(
            message, key_id=self.keyid, created=moment, covered_component_ids=REQUIRED, body=raw
        )  # fmt: skip
        return {
            "submissionbase": base64.b64encode(prepared.signature_base).decode(),
            "submissionsignature": base64.b64encode(self.key.sign(prepared.signature_base)).decode(),
        }


def registry(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"version": 1, "submitters": entries}).encode()
