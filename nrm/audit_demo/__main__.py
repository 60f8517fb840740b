"""`python -m nrm.audit_demo`: a register of its own, the seven attacks on it, and what is found of them."""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import httpx2
import structlog
from rich.console import Console

from libs.runtime.settings import PROCESSES
from nrm.audit_demo.auditor import Unexpected
from nrm.audit_demo.report import Outcome, print_json, print_tables
from nrm.audit_demo.stage import Stage, own_settings
from nrm.parts.processes import PartFailed, port_is_free
from nrm.system import System

PORT_BASES = range(29_000, 31_000, 20)
INTERRUPTED = 130


def main() -> int:
    """Run the demonstration; 0 only where every attack was found and named, and the honest export accepted."""
    options = _options()
    for name in [name for name in os.environ if name.startswith("NRM_")]:
        del os.environ[name]  # another register's addresses and keys have no business here
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    folder = Path(tempfile.mkdtemp(prefix="nrm-audit-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    try:
        return asyncio.run(_run(folder, as_json=options.json))
    except (PartFailed, Unexpected, httpx2.HTTPError) as failed:
        Console(stderr=True).print(f"{type(failed).__name__}: {failed}", style="red", markup=False)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    finally:
        if options.keep:
            Console(stderr=True).print(f"The exports and the data are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m nrm.audit_demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the exports")
    return parser.parse_args()


async def _run(folder: Path, *, as_json: bool) -> int:
    me = asyncio.current_task()
    if me is not None:  # `kill` stops it as Ctrl-C does, so that nothing of it stays behind
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    outcome = Outcome()
    with Console(stderr=True).status("starting a register of its own") as status:
        async with System(own_settings(folder / "data", _free_base()), say=status.update) as system:
            await Stage(system, folder, status.update, outcome).run()
            status.update("stopping everything")
    (print_json if as_json else print_tables)(outcome)
    return 0 if outcome.good else 1


def _free_base() -> int:
    """A port base with room for every process."""
    for start in PORT_BASES:
        if all(port_is_free(start + offset) for offset in range(len(PROCESSES))):
            return start
    raise PartFailed(f"no {len(PROCESSES)} free ports between {PORT_BASES.start} and {PORT_BASES.stop}")


if __name__ == "__main__":
    sys.exit(main())
