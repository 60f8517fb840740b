"""Whose keys sign what is posted: the organisations' public keys, from when until when, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

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

    def listed(self) -> dict[str, dict[str, Any]]:
        """Every organisation's entry as the log keeps it."""
        return {name: one.model_dump(mode="json", exclude_none=True) for name, one in self.submitters.items()}

    def must_sign(self, organisation: str, moment: datetime) -> bool:
        """Whether everything that this organisation posted then had to be signed."""
        one = self.submitters.get(organisation)
        return one is not None and one.signs_from is not None and one.signs_from <= moment
