"""The whole system as one object: parts, migrations, every process; started, watched, hurt and stopped from code."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from libs.runtime.settings import SERVICES, Settings
from nrm.parts.kafka import Kafka
from nrm.parts.part import Part
from nrm.parts.postgres import Postgres
from nrm.parts.processes import PartFailed, Tethered, port_is_free, remember
from nrm.ready import wait_ready
from nrm.running import FILE, running
from nrm.supervisor import WATCH_S, Supervisor

STOP_S = 15
MODULES: Mapping[str, str] = {
    **{service: f"services.{service}.main" for service in SERVICES},
    "relay": "nrm.relay",
    "views": "nrm.views",
    "audit": "nrm.audit",
    "portal": "nrm.portal",
}
Say = Callable[[str], None]
Migrate = Callable[[Settings], Awaitable[None]]


async def run_migrations(settings: Settings) -> None:
    """Create or bring up to date the roles, schemas and topics."""
    from nrm.migrate import migrate  # noqa: PLC0415 - the parts can be used and tested without the services

    await migrate(settings)


class System:
    """`async with System(settings) as system:` runs everything; `system.settings` has the addresses in use.

    Enter it on the event loop of a thread that lives as long: children die with the thread that started them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        say: Say = lambda _: None,
        modules: Mapping[str, str] = MODULES,
        migrate: Migrate = run_migrations,
    ) -> None:
        self.data_dir = settings.data_dir.resolve()
        self.settings = settings.model_copy(update={"data_dir": self.data_dir})
        self.postgres = Postgres(self.data_dir, settings.database_url)
        self.kafka = Kafka(self.data_dir, settings.kafka_bootstrap_servers)
        self.processes: dict[str, Tethered] = {}
        self._say = say
        self._modules = modules
        self._migrate = migrate
        self._lock: IO[str] | None = None
        self._supervisor: Supervisor | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """PostgreSQL and Kafka by name."""
        return {part.name: part for part in (self.postgres, self.kafka)}

    async def start(self) -> None:
        """Start everything in order; returns when every process says that it is ready, or leaves nothing running."""
        self._take_folder()
        try:
            self._check_ports()
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        await _together(self._start_part(part) for part in self.parts.values())
        addresses = {"database_url": self.postgres.url, "kafka_bootstrap_servers": self.kafka.bootstrap}
        self.settings = self.settings.model_copy(update=addresses)
        self._say("migrations")
        await self._migrate(self.settings)
        self.processes = {name: self._process(name, module) for name, module in self._modules.items()}
        for process in self.processes.values():
            process.start()
        self._say(f"{len(self.processes)} processes")
        await _together(self.wait_ready(name) for name in self.processes)
        self._write_run_file()
        self._supervisor = Supervisor(self.processes, self.parts, self._say, self._write_run_file)
        self._supervisor.start()

    async def _start_part(self, part: Part) -> None:
        await part.start_async()
        self._say(f"{part.name}: {part.kind}")

    def _take_folder(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        lock = (self.data_dir / "launcher.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            found = running(self.data_dir)
            who = f" (process {found['launcher']})" if found else ""
            text = f"OpenNRM already runs on {self.data_dir}{who}"
            raise PartFailed(f"{text}: stop it, or set NRM_DATA_DIR and NRM_PORT_BASE for a second one") from None
        self._lock = lock

    def _check_ports(self) -> None:
        bind = self.settings.bind
        ports = {name: self.settings.port(name) for name in self._modules}
        taken = [f"{port} ({name})" for name, port in ports.items() if not port_is_free(port, bind)]
        if taken:
            text = f"already in use on {bind}: port {', '.join(sorted(taken))}"
            raise PartFailed(f"{text}; move all of them with NRM_PORT_BASE, e.g. NRM_PORT_BASE=18000")

    def _process(self, name: str, module: str) -> Tethered:
        given = {f"NRM_{key.upper()}": str(value) for key, value in self.settings.model_dump().items() if value != ""}
        return Tethered(
            name,
            [sys.executable, "-m", module],
            log=self.data_dir / "logs" / f"{name}.log",
            environment={**os.environ, **given, "PYTHONUNBUFFERED": "1"},
            folder=Path.cwd(),
        )

    async def wait_ready(self, name: str, seconds: float = 60) -> None:
        """Wait until a process answers 200 at `/health/ready`."""
        url = f"http://{self._host()}:{self.settings.port(name)}/health/ready"
        await wait_ready(self.processes[name], url, seconds)

    def _host(self) -> str:
        return "127.0.0.1" if self.settings.bind in ("0.0.0.0", "::") else self.settings.bind  # noqa: S104 - compared

    def _write_run_file(self) -> None:
        addresses = self.settings.model_dump(include={"database_url", "kafka_bootstrap_servers", "port_base"})
        facts = {
            "launcher": os.getpid(),
            "settings": addresses,
            "parts": {
                part.name: {"kind": part.kind, "pid": part.pid, "log": str(part.log)} for part in self.parts.values()
            },
            "processes": {
                name: {"pid": process.pid, "url": self.url(name), "log": str(process.log)}
                for name, process in self.processes.items()
            },
        }
        remember(self.data_dir / FILE, facts)

    def url(self, process: str) -> str:
        """Base URL of a process."""
        return f"http://{self._host()}:{self.settings.port(process)}"

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process or part by name; the supervisor starts again what dies of it."""
        if name in self.parts:
            self.parts[name].kill()
        else:
            self.processes[name].signal(number)

    async def hold(self, name: str) -> None:
        """Stop a process or part and keep it down until `release`."""
        if self._supervisor is not None:
            self._supervisor.held.add(name)
        await asyncio.to_thread(self._by_name(name).stop)

    async def release(self, name: str) -> None:
        """Start what was held, and wait until it is ready."""
        if name in self.parts:
            await self.parts[name].start_async()
        else:
            self.processes[name].start()
            await self.wait_ready(name)
        if self._supervisor is not None:
            self._supervisor.held.discard(name)
        self._write_run_file()

    @property
    def healthy(self) -> bool:
        """Whether every part and process runs now."""
        parts, processes = self.parts.values(), self.processes.values()
        return all(part.alive() for part in parts) and all(process.alive() for process in processes)

    async def until(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something holds, for tests of faults; `TimeoutError` after that time."""
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(WATCH_S)

    def _by_name(self, name: str) -> Part | Tethered:
        return self.parts[name] if name in self.parts else self.processes[name]

    async def stop(self) -> None:
        """Stop the processes, then the parts, all of a kind at once; the data stay."""
        if self._supervisor is not None:
            await self._supervisor.stop()
            self._supervisor = None
        await asyncio.gather(*(asyncio.to_thread(process.stop, STOP_S) for process in self.processes.values()))
        await asyncio.gather(*(asyncio.to_thread(part.stop) for part in self.parts.values()))
        if self._lock is not None:
            (self.data_dir / FILE).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()


async def _together(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all at once; the first failure ends the others before it is raised, so that none starts something later."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
