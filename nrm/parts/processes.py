"""Operating-system processes that die with us, ports, and the small files that remember both. Knows no server."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

TETHER = Path(__file__).with_name("tether.py")
LOG_BYTES_MAX = 16 * 1024 * 1024  # a longer log moves aside at the next start, so two of these at most
POLL_S = 0.02


class PartMissing(RuntimeError):
    """Raised when a server can be had in no way; the text says what to install."""


class PartFailed(RuntimeError):
    """Raised when a server or process is there and does not start; the text says why and where its log is."""


@dataclass(frozen=True)
class Account:
    """The operating-system user as whom a process runs."""

    uid: int
    gid: int


class Tethered:
    """One child process: starts, stops, and never outlives us, not even our `kill -9`."""

    def __init__(
        self,
        name: str,
        program: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path = Path("/"),
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._program = list(program)
        self._environment = None if environment is None else dict(environment)
        self._folder = folder
        self._account = account
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 before the first start."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the program, its output appended to the log; returns at once. One that runs already is left alone."""
        if self.alive():
            return
        owner = (-1, -1) if self._account is None else (self._account.uid, self._account.gid)
        tether = [sys.executable, "-I", "-S", str(TETHER), *map(str, (os.getpid(), int(self._stop_signal), *owner))]
        with self._open_log() as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
                [*tether, *self._program],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the launcher alone, which then stops all in order
            )

    def _open_log(self) -> IO[bytes]:
        """The log, moved aside where it has grown long; nowhere on a full disk: the process is worth more."""
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
                self.log.replace(self.log.with_suffix(".log.1"))
            return self.log.open("ab")
        except OSError:
            return Path(os.devnull).open("ab")

    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    def exit_code(self) -> int | None:
        """How it ended, as `subprocess` says it; None while it runs or before it ever did."""
        return self._process.poll() if self._process else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self, seconds: float = 15) -> None:
        """Ask it to stop and wait; after that time end it the hard way."""
        if self._process is None:
            return
        self.signal(self._stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tail(self, lines: int = 12) -> str:
        """The last lines of its log."""
        if not self.log.is_file():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 8192))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])


def wait_until(ready: Callable[[], bool], process: Tethered, seconds: float) -> None:
    """Wait until `ready` holds; a process that ends or takes longer is a `PartFailed` with its last words."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.alive():
            raise PartFailed(f"{process.name} ended while starting; {process.log} ends with:\n{process.tail()}")
        if time.monotonic() > deadline:
            raise PartFailed(f"{process.name} is not ready after {seconds:.0f} s; see {process.log}")
        time.sleep(POLL_S)


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait until a process that need not be our child is gone."""
    deadline = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def is_running(pid: int) -> bool:
    """Whether a process of that id exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no /proc here, or gone meanwhile; the signal above is the answer then
        return not Path("/proc/self").exists()


def command_line(pid: int) -> str:
    """The arguments of a running process with spaces between, empty where they cannot be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that only linger do not count
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(remembered: int, ports: range) -> int:
    """The remembered port if it is still free, else any free one of the range (below the ephemeral ports)."""
    if remembered and port_is_free(remembered):
        return remembered
    start = secrets.randbelow(len(ports))
    for step in range(len(ports)):
        port = ports[(start + step) % len(ports)]
        if port_is_free(port):
            return port
    raise PartFailed(f"no free port between {ports.start} and {ports.stop}")


def same_port(port: int) -> int:
    """The port again after a crash: clients hold its address, so another one would not do."""
    if not port_is_free(port):
        raise PartFailed(f"port {port}, which clients hold, is taken now: stop the system and start it again")
    return port


def answers(host: str, port: int, seconds: float = 1) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except OSError:
        return False
    return True


def recall(file: Path) -> dict[str, Any]:
    """What was remembered in that file; empty where there is none or it was cut short."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(file: Path, facts: Mapping[str, Any]) -> None:
    """Replace the file at once, readable by us alone: it may hold a password."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(facts, indent=2) + "\n")
    fresh.replace(file)
