"""PostgreSQL as the register needs it: durable, on the loopback address only, one password per data folder."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from nrm.parts import docker
from nrm.parts.part import Given, Part, Server
from nrm.parts.postgres_programs import Programs, programs
from nrm.parts.processes import (
    Account,
    PartFailed,
    Tethered,
    command_line,
    free_port,
    is_running,
    recall,
    remember,
    same_port,
    wait_gone,
    wait_until,
)
from nrm.parts.unprivileged import account_for, home_for

DATABASE = "nrm"
PORTS = range(21000, 24000)
START_S = 120  # recovery after a crash reads the write-ahead log first
OLD_ONE_S = 30
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # its path would have to be shorter than 108 bytes
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_timezone": "UTC",
    # a log holds no personal fields: neither the statement nor the DETAIL with the values
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


class Postgres(Part):
    """The database server; `.url` is the administrator's."""

    name = "postgres"

    @property
    def url(self) -> str:
        """URL of the database `nrm` for its owner, who may create databases and roles."""
        return self.server.address

    def _from_address(self, address: str) -> Server:
        parts = urlsplit(address)
        return Given("PostgreSQL", address, [(parts.hostname or "127.0.0.1", parts.port or 5432)])

    def _in_docker(self) -> Server:
        return docker.DockerPostgres(self.data_dir, keep=self._keep)

    def _local(self) -> Server:
        return LocalPostgres(self.data_dir, self.log)

    def _has_local_data(self) -> bool:
        return (self.data_dir / "postgres").exists()


class LocalPostgres:
    """PostgreSQL from this machine's programs, its data in `<data_dir>/postgres`."""

    kind = "local"

    def __init__(self, data_dir: Path, log: Path) -> None:
        self.address = ""
        self._data_dir = data_dir
        self._log = log
        self._notes = data_dir / "postgres.json"
        self._account: Account | None = None
        self._cluster = data_dir / "postgres"
        self._process: Tethered | None = None

    def prepare(self) -> None:
        """Find the programs and make the cluster at the first start; clear away what a crash left."""
        self._account = account_for(self._cluster)
        self._cluster = home_for(self._data_dir, "postgres", self._account)
        version = self._cluster / "PG_VERSION"
        found = programs(version.read_text().strip() if version.exists() else "", self._data_dir, self._account)
        notes = recall(self._notes)
        if not version.exists():
            notes["password"] = secrets.token_urlsafe(24)
            remember(self._notes, notes)
            self._create(found, notes["password"])
        elif "password" not in notes:
            raise PartFailed(f"{self._notes} is gone, and with it the password of {self._cluster}")
        self._clear_stale_pid()
        notes["port"] = same_port(notes["port"]) if self._process else free_port(notes.get("port", 0), PORTS)
        remember(self._notes, notes)
        self.address = f"postgresql://postgres:{notes['password']}@127.0.0.1:{notes['port']}/{DATABASE}"
        self._process = self._server(found, notes["port"])

    def _server(self, found: Programs, port: int) -> Tethered:
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        return Tethered(
            "PostgreSQL",
            [str(found.folder / "postgres"), "-D", str(self._cluster), "-p", str(port), *options],
            log=self._log,
            environment=found.environment(),
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast shutdown": ends sessions, writes a checkpoint
        )

    def _create(self, found: Programs, password: str) -> None:
        """Make the cluster beside its place and move it there whole, so that a half-made one is never taken."""
        fresh = self._cluster.with_name(self._cluster.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        handle, file = tempfile.mkstemp(prefix="nrm-")
        try:
            with os.fdopen(handle, "w") as secret:
                secret.write(password)
            if self._account is not None:
                os.chown(fresh, self._account.uid, self._account.gid)
                os.chown(file, self._account.uid, self._account.gid)
            options = ["--username=postgres", f"--pwfile={file}", "--auth=scram-sha-256", "--data-checksums"]
            words = ["--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8"]
            self._run([str(found.folder / "initdb"), "-D", str(fresh), *options, *words], found)
        finally:
            Path(file).unlink()
        single = [str(found.folder / "postgres"), "--single", "-D", str(fresh), "postgres"]
        self._run(single, found, f"CREATE DATABASE {DATABASE}\n")
        fresh.replace(self._cluster)

    def _run(self, words: list[str], found: Programs, text: str = "") -> None:
        account = self._account
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            words,
            input=text.encode(),
            capture_output=True,
            check=False,
            cwd="/",
            env=found.environment(),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise PartFailed(f"{words[0]} failed on {self._cluster}: {said}")

    def _clear_stale_pid(self) -> None:
        """Wait for a server that still stops on this folder; forget one that a crash or a reboot ended.

        PostgreSQL refuses to start when the pid in its file now belongs to an unrelated process of the same user,
        which is common in containers, where process ids are few.
        """
        file = self._cluster / "postmaster.pid"
        pid = _first_line(file)
        if not pid:
            return
        ours = str(self._cluster) in command_line(pid)
        if ours and is_running(pid) and not wait_gone(pid, OLD_ONE_S):
            raise PartFailed(f"another PostgreSQL (process {pid}) runs on {self._cluster}: stop it first")
        if not ours or not is_running(pid):
            file.unlink(missing_ok=True)

    def launch(self) -> None:
        """Start the server."""
        self._running().start()

    def wait(self) -> None:
        """Wait for the word `ready` in its own state file, as pg_ctl does."""
        process = self._running()
        wait_until(self._is_ready, process, START_S)

    def _is_ready(self) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid()) and lines[7].strip() == "ready"  # noqa: PLR2004 - line 8

    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.alive()

    def stop(self) -> None:
        """Shut down in the "fast" way."""
        if self._process is not None:
            self._process.stop(60)

    def kill(self) -> None:
        """End the server process as a crash would; its sessions notice at once and end too."""
        self._running().kill()

    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._process.pid if self._process else 0

    def _running(self) -> Tethered:
        if self._process is None:
            raise PartFailed("PostgreSQL has not been prepared")
        return self._process


def _first_line(file: Path) -> int:
    try:
        return int(file.read_text().split("\n")[0])
    except (OSError, ValueError):
        return 0
