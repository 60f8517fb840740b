"""`python -m bench.watch BASE [OTHER]`: two commits on the same short work in turn, under two minutes, as ratios.

Run it before a change to the hot path lands. Both are measured by this checkout's own benchmark.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
ROUNDS = 3
WORK = ("append", "post", "--runs", "1", "--seconds", "1.5")
SLOWER_AT = 0.85
"""A ratio below this is worth a look: two runs of one commit differ by less on a quiet machine."""


def main() -> int:
    """Measure both in turn; 1 where the other commit is slower than the base beyond what chance explains."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch", description=__doc__)
    parser.add_argument("base", help="a commit, e.g. HEAD~1")
    parser.add_argument("other", nargs="?", default="HEAD")
    asked = parser.parse_args()
    found: dict[str, dict[tuple[str, str], list[float]]] = {asked.base: {}, asked.other: {}}
    with _checkout(asked.base) as base, _checkout(asked.other) as other:
        for _ in range(ROUNDS):
            for name, folder in ((asked.base, base), (asked.other, other)):
                for key, value in _measured(folder).items():
                    found[name].setdefault(key, []).append(value)
    return _show(found[asked.base], found[asked.other], (asked.base, asked.other))


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nrm-watch-"))
    folder.chmod(0o755)
    _git("worktree", "add", "--detach", "--force", str(folder), commit)
    shutil.rmtree(folder / "bench", ignore_errors=True)
    shutil.copytree(HERE, folder / "bench", ignore=shutil.ignore_patterns("results", "__pycache__"))
    try:
        yield folder
    finally:
        _git("worktree", "remove", "--force", str(folder))


def _measured(folder: Path) -> dict[tuple[str, str], float]:
    """Our own medians of one short run of the benchmark in a checkout."""
    words = [sys.executable, "-m", "bench", *WORK]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2_000:])
    newest = max((folder / "bench" / "results").glob("*.json"))
    figures = json.loads(newest.read_text(encoding="utf-8"))["figures"]
    return {(one["measure"], one["unit"]): one["runs"][0] for one in figures if one["subject"] == "OpenNRM"}


def _show(
    base: dict[tuple[str, str], list[float]], other: dict[tuple[str, str], list[float]], names: tuple[str, str]
) -> int:
    table = Table("measure", *names, "unit", "speed")
    worst = 1.0
    for (measure, unit), before_runs in base.items():
        before, after = statistics.median(before_runs), statistics.median(other[measure, unit])
        ratio = after / before if unit == "1/s" else before / after
        worst = min(worst, ratio)
        table.add_row(measure, f"{before:,.1f}", f"{after:,.1f}", unit, f"{ratio:.2f} ×")
    Console().print(table)
    return 1 if worst < SLOWER_AT else 0


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)  # noqa: S603, S607 - git, words of ours


if __name__ == "__main__":
    sys.exit(main())
