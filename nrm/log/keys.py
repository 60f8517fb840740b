"""Who this log is: its origin, the keys that sign for it, and the last checkpoint it signed, kept beside the database.

The kept checkpoint is the log's own memory: a database that was restored from an old backup cannot contradict it
unnoticed. Rotation: rename `keys/log-key` to `keys/log-key-old`; both then sign until the old file is taken away.
"""

import contextlib
import os
import secrets
from pathlib import Path

from libs.runtime.keys import signer
from libs.runtime.settings import Settings
from libs.transparency.checkpoint import Checkpoint, parse_checkpoint
from libs.transparency.note import ED25519, SigningKey, parse_note

KEY, OLD_KEY = "log-key", "log-key-old"


def origin_of(settings: Settings, installation: str) -> str:
    """The log's name in every checkpoint."""
    return settings.log_origin or f"opennrm.org/log/{installation}"


def signing_keys(settings: Settings, origin: str) -> tuple[SigningKey, ...]:
    """The key that signs, and during a rotation the one before it."""
    names = [KEY]
    if (settings.data_dir / "keys" / OLD_KEY).exists():
        names.append(OLD_KEY)
    return tuple(SigningKey(origin, ED25519, signer(settings, name)) for name in names)


def kept_file(settings: Settings, installation: str) -> Path:
    """Where the last checkpoint that was signed is kept."""
    return settings.data_dir / "log" / f"{installation}.checkpoint"


def kept(file: Path) -> Checkpoint | None:
    """The last checkpoint that was signed, as this machine remembers it."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    return parse_checkpoint(parse_note(raw).text)


def keep(file: Path, note: str) -> None:
    """Remember a checkpoint: whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(note)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
