"""The secrets of an installation: from the environment, else made once in the data folder (mode 0600)."""

import base64
import contextlib
import hmac
import os
import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.runtime.settings import Settings

_SECRET_BYTES = 32


def role_password(settings: Settings, role: str) -> str:
    """The password of a database role, derived from the installation's secret."""
    secret = settings.role_secret.encode() or _file(settings, "role-secret", lambda: secrets.token_bytes(_SECRET_BYTES))
    return hmac.new(secret, role.encode(), sha256).hexdigest()


def role_dsn(settings: Settings, role: str) -> str:
    """The database URL of a process's own role."""
    return settings.role_url(role, settings.role_password or role_password(settings, role))


def master_key(settings: Settings) -> bytes:
    """The 32 bytes that wrap every person's key. Losing it loses every name: back it up apart from the database."""
    if settings.master_key:
        return base64.b64decode(settings.master_key, validate=True)
    return _file(settings, "master-key", lambda: secrets.token_bytes(_SECRET_BYTES))


def master_keys(settings: Settings) -> list[bytes]:
    """The current master key, then those of a rotation under way: the next one, and the one before."""
    others = (
        _rotating(settings, settings.master_key_new, "master-key-new"),
        _rotating(settings, settings.master_key_old, "master-key-old"),
    )
    return [master_key(settings), *(key for key in others if key)]


def next_master_key(settings: Settings) -> bytes:
    """The key that a rotation leads to; made as a file where neither the environment nor a file has one."""
    if settings.master_key_new:
        return base64.b64decode(settings.master_key_new, validate=True)
    return _file(settings, "master-key-new", lambda: secrets.token_bytes(_SECRET_BYTES))


def match_key(master: bytes) -> bytes:
    """The key of the blind index over names, derived from a master key: a rotation makes the index anew."""
    return hmac.digest(master, b"opennrm match index", "sha256")


def rotation(settings: Settings) -> str:
    """Where a rotation stands: `next` (a new key is there), `last` (only the key before is still there) or none."""
    if _rotating(settings, settings.master_key_new, "master-key-new"):
        return "next"
    return "last" if _rotating(settings, settings.master_key_old, "master-key-old") else ""


def promote_master_key(settings: Settings) -> None:
    """Make the file `master-key-new` the current one; the one before stays as `master-key-old`, still accepted.

    Raises FileExistsError where the key of an earlier rotation is still there.
    """
    folder = settings.data_dir / "keys"
    current, old = folder / "master-key", folder / "master-key-old"
    if not old.exists():
        os.link(current, old)
    elif old.read_bytes() != current.read_bytes():
        raise FileExistsError(old)
    (folder / "master-key-new").replace(current)


def _rotating(settings: Settings, text: str, name: str) -> bytes | None:
    if text:
        return base64.b64decode(text, validate=True)
    path = settings.data_dir / "keys" / name
    return path.read_bytes() if path.exists() else None


def development_signer(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs this folder's development tokens (used only where no issuer's JWKS URL is set)."""
    return signer(settings, "development-token-key")


def signer(settings: Settings, name: str) -> Ed25519PrivateKey:
    """An Ed25519 key of this installation, by name, made where it is not there."""
    pem = _file(settings, name, _new_pem)
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{name} is not an Ed25519 key")
    return key


def _new_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _file(settings: Settings, name: str, make: Callable[[], bytes]) -> bytes:
    path = settings.data_dir / "keys" / name
    if not path.exists():
        _write_once(path, make())
    return path.read_bytes()


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over another process's file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):  # another process made it first; its file counts
        os.link(draft, path)
    draft.unlink()
