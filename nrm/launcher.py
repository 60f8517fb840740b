"""`make run`: everything up, one table of addresses, `ready`; all of it down on Ctrl-C, SIGTERM or a hang-up."""

import asyncio
import contextlib
import logging
import signal
import sys
import time

import structlog
from rich.console import Console
from rich.table import Table

from libs.runtime.settings import Settings
from nrm.parts.processes import PartFailed, PartMissing
from nrm.system import System
from portal.sign_in import link

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

__all__ = ["System", "launch", "main", "serve"]


class Terminal:
    """Progress to standard error, the table and `ready` to standard output; silent once the terminal is gone."""

    def __init__(self, *, json_only: bool = False) -> None:
        self._began = time.monotonic()
        self._json_only = json_only
        self._out = Console(soft_wrap=True, highlight=False)
        self._err = Console(stderr=True, soft_wrap=True, highlight=False)

    def say(self, text: str) -> None:
        """One line of progress."""
        if not self._json_only:
            self._print(self._err, f"[dim]{time.monotonic() - self._began:5.1f} s[/]  {text}")

    def fail(self, text: str) -> None:
        """Why it does not start."""
        self._print(self._err, text, markup=False)

    def ready(self, system: System) -> None:
        """The addresses, then the word that scripts wait for."""
        if self._json_only:
            self._print(self._out, (system.data_dir / "run.json").read_text(), markup=False)
            return
        table = Table(title="OpenNRM", title_justify="left")
        table.add_column("process", no_wrap=True)
        table.add_column("address", no_wrap=True, overflow="fold")
        for name in sorted(system.processes, key=system.url):
            table.add_row(name, system.url(name))
        for part in system.parts.values():
            table.add_row(part.name, f"{_without_password(part.server.address)} ({part.kind})")
        self._print(self._out, table)
        self._print(self._out, f"data {system.data_dir}, logs {system.data_dir / 'logs'}")
        if address := link(system.settings):
            self._print(self._out, f"pages, for an hour: {address}", markup=False)
        self._print(self._out, "ready")

    def _print(self, console: Console, what: str | Table, *, markup: bool = True) -> None:
        with contextlib.suppress(OSError):  # the terminal hung up, or the reader of our pipe left
            console.print(what, markup=markup)
            console.file.flush()


def _without_password(address: str) -> str:
    scheme, separator, rest = address.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]


async def serve(system: System, terminal: Terminal) -> int:
    """Run until told to stop; 0 after a clean stop, 1 where it could not start."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, asked.set)
    starting = asyncio.create_task(system.start(), name="start")
    stopping = asyncio.create_task(asked.wait(), name="asked to stop")
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            terminal.ready(system)
            await stopping
        terminal.say("stopping")
    except (PartFailed, PartMissing) as reason:
        terminal.fail(str(reason))
        return 1
    finally:
        starting.cancel()
        stopping.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await system.stop()
    terminal.say(f"stopped; the data stay in {system.data_dir}")
    return 0


def launch(settings: Settings, *, json_only: bool = False) -> int:
    """Run the system in the foreground; the exit code."""
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)  # the terminal gets our lines; the logs are in files
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    terminal = Terminal(json_only=json_only)
    return asyncio.run(serve(System(settings, say=terminal.say), terminal))


def main() -> None:
    """`python -m nrm.launcher`."""
    sys.exit(launch(Settings()))


if __name__ == "__main__":
    main()
