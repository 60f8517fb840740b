"""Reasons for reading more than one case: sealed for the auditors (HPKE, RFC 9180), for they are about no one person.

A process that shows no person holds no key that opens one. So a reason is sealed with a public key, whose other half
the audit process alone can unwrap. A reason for reading one case is sealed with that person's key, and goes with it.
"""

import asyncio
import base64

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from libs.runtime.vault import Vault

KEY = "access-log"
"""The key's name in the vault, where it is wrapped anew with the persons' when the master key rotates."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"opennrm reason for reading"
VERSION = "v2."
RETRY_S, AGAIN_S = 1.0, 3_600.0
log = structlog.get_logger()


def sealed_for_auditors(public: bytes, reason: str) -> str:
    """The ciphertext of a reason, as an entry of the access log keeps it."""
    ciphertext = _SUITE.encrypt(reason.encode(), X25519PublicKey.from_public_bytes(public), info=_INFO)
    return VERSION + base64.b64encode(ciphertext).decode()


def opened_by_auditors(private: bytes, sealed: str) -> str:
    """The reason in a ciphertext. Raises InvalidTag or ValueError where it is none of this key's."""
    ciphertext = base64.b64decode(sealed.removeprefix(VERSION), validate=True)
    return _SUITE.decrypt(ciphertext, X25519PrivateKey.from_private_bytes(private), info=_INFO).decode()


async def keep_key(pool: asyncpg.Pool, vault: Vault) -> None:
    """Make the key where there is none, as soon as the database is there; look again, for one may be restored."""
    while True:
        try:
            await _make_key(pool, vault)
            pause = AGAIN_S
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
            log.warning("reasons.waiting", fault=type(fault).__name__)
            pause = RETRY_S
        await asyncio.sleep(pause)


async def _make_key(pool: asyncpg.Pool, vault: Vault) -> None:
    if await pool.fetchval("SELECT EXISTS (SELECT FROM access.reason_key)"):
        return
    key = X25519PrivateKey.generate()
    wrapped = vault.wrapped(KEY, key.private_bytes_raw())
    await pool.execute("SELECT access.keep_reason_key($1, $2)", wrapped, key.public_key().public_bytes_raw())
