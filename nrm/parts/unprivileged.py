"""PostgreSQL refuses to run as root: which user it runs as then, and a place that this user can reach."""

import hashlib
import os
import pwd
from pathlib import Path

from nrm.parts.processes import Account, PartFailed

NOBODY = 65534
ELSEWHERE = Path("/var/lib/opennrm")  # used by root alone, when the data folder lies below a private one


def account_for(existing: Path) -> Account | None:
    """The user to run as: None to stay who we are; as root the owner of the data, else `postgres`, else nobody."""
    if os.geteuid() != 0:
        _refuse_foreign(existing)
        return None
    if existing.exists() and existing.stat().st_uid != 0:
        found = existing.stat()
        return Account(found.st_uid, found.st_gid)
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        return Account(NOBODY, NOBODY)
    return Account(entry.pw_uid, entry.pw_gid)


def _refuse_foreign(existing: Path) -> None:
    try:
        owner = existing.stat().st_uid
    except PermissionError:
        raise PartFailed(f"{existing} cannot be read by this user: set NRM_DATA_DIR to a folder of your own") from None
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        raise PartFailed(f"{existing} belongs to user {owner}: run as that user, or set NRM_DATA_DIR to another folder")


def home_for(data_dir: Path, name: str, account: Account | None) -> Path:
    """Where the data go: in the data folder where the account can reach it, else elsewhere with a link to it."""
    here = data_dir / name
    if here.is_symlink():
        return here.resolve()
    if account is None or here.exists() or reachable(data_dir, account):
        return here
    mark = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    there = ELSEWHERE / mark / name
    try:
        there.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        here.symlink_to(there)
    except OSError as reason:
        text = f"PostgreSQL cannot run as root, and its user cannot reach {data_dir} (a folder above is private)"
        raise PartFailed(f"{text}; set NRM_DATA_DIR to a folder outside of it ({reason})") from reason
    return there


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may walk through every folder down to the path."""
    for folder in (path, *path.parents):
        found = folder.stat()
        if found.st_uid == account.uid:
            bit = 0o100
        elif found.st_gid == account.gid:
            bit = 0o010
        else:
            bit = 0o001
        if not found.st_mode & bit:
            return False
    return True
