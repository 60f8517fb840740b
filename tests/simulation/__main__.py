"""`python -m tests.simulation`: play many schedules; exit 1 with the first failing seed, and how to play it again."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import structlog

from tests.simulation.mutants import MUTANTS
from tests.simulation.schedule import run

CHUNK = 250


@dataclass
class Sum:
    """Many schedules together."""

    schedules: int = 0
    steps: int = 0
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failing: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "Sum") -> None:
        self.schedules += other.schedules
        self.steps += other.steps
        self.events += other.events
        self.faults += other.faults
        self.failing |= other.failing


def some(first: int, count: int, mutant: str = "") -> Sum:
    """Play schedules one after the other."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    done = Sum()
    for seed in range(first, first + count):
        result = run(seed, mutant)
        done.schedules += 1
        done.steps += result.steps
        done.events += result.events
        done.faults += result.faults
        if result.found:
            done.failing[seed] = result.found
    return done


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one alone, and print each step of it")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="", help="with this mistake in the code")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.seed is not None:
        return _one(options.seed, options.mutant)
    started, total = time.monotonic(), Sum()
    starts = range(options.first, options.first + options.schedules, CHUNK)
    end = options.first + options.schedules
    with ProcessPoolExecutor(options.jobs) as pool:
        parts = [pool.submit(some, start, min(CHUNK, end - start), options.mutant) for start in starts]
        for part in parts:
            total.add(part.result())
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{total.schedules} of {options.schedules} schedules, {len(total.failing)} failing")
    return _tell(total, time.monotonic() - started, options.mutant)


def _tell(total: Sum, seconds: float, mutant: str) -> int:
    faults = ", ".join(f"{count} {name}" for name, count in total.faults.most_common())
    sys.stdout.write(
        f"{total.schedules} schedules in {seconds:.0f} s: {total.steps} steps, {total.events} events; {faults}\n"
        f"{len(total.failing) or 'none'} failing\n"
    )
    for seed, found in list(total.failing.items())[:3]:
        sys.stdout.write(f"seed {seed}: {found[0]}\n")
        again = f" --mutant {mutant}" if mutant else ""
        sys.stdout.write(f"  again, step by step: python -m tests.simulation --seed {seed}{again}\n")
    return 1 if total.failing else 0


def _one(seed: int, mutant: str) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    result = run(seed, mutant, traced=True)
    sys.stdout.write("\n".join(result.trace) + "\n")
    sys.stdout.write(
        "\n".join(f"WRONG {one}" for one in result.found) + "\n" if result.found else "every promise held\n"
    )
    return 1 if result.found else 0


if __name__ == "__main__":
    sys.exit(main())
