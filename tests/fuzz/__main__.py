"""`python -m tests.fuzz`: a system of its own, the corpus, then schemathesis on every process; 1 on any finding."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from tests.faults.scenes import say, system
from tests.fuzz.attack import Attack
from tests.fuzz.schemas import PROCESSES, failures, fuzz


def main() -> int:
    """Run; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=50, help="generated for each operation and phase")
    parser.add_argument("--seconds", type=int, default=0, help="longest for each process; 0: no end but the examples'")
    parser.add_argument("--corpus-only", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the data folder with its logs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nrm-fuzz-"))
    say(f"seed {options.seed}, data in {folder}")
    try:
        return asyncio.run(_all(options, folder))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


async def _all(options: argparse.Namespace, folder: Path) -> int:
    found = 0
    async with system(folder) as running, httpx2.AsyncClient(timeout=90) as client:
        attack = Attack(running, client)
        started = time.monotonic()
        await attack.all()
        seconds = time.monotonic() - started
        say(
            f"corpus: {attack.sent} requests in {seconds:.0f} s, the slowest {attack.slowest_s:.1f} s, "
            f"memory {attack.memory()} MiB, {len(attack.wrong) or 'none'} wrong"
        )
        for one in attack.wrong:
            say(f"  WRONG {one}")
        found += len(attack.wrong)
        for process in () if options.corpus_only else PROCESSES:
            started = time.monotonic()
            run = await fuzz(
                running.settings,
                process,
                seed=options.seed,
                examples=options.examples,
                seconds=options.seconds,
                folder=folder,
            )
            said = "FAILED" if run.failed else "ok"
            say(f"{process}: {run.cases} cases in {time.monotonic() - started:.0f} s, {said}")
            if run.failed or not run.cases:
                found += 1
                say(failures(run))
    say(f"found: {found or 'nothing'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
