"""`make bench`: starts the system on a folder of its own, measures, prints ratios, writes bench/results/<time>.json."""

import argparse
import asyncio
import json
import platform
import shutil
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.http import http_figures
from bench.measure import Figure
from bench.store import prepare, store_figures
from libs.runtime.settings import Settings
from nrm.system import System

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("fastapi", "uvicorn", "asyncpg", "aiokafka", "pydantic", "orjson")


async def measure(runs: int, seconds: float) -> list[Figure]:
    """Every figure, on a fresh system."""
    folder = _folder()
    try:
        async with System(Settings(data_dir=folder, port_base=17_000)) as system:
            await prepare(system.settings)
            figures = await http_figures(system.settings, runs, seconds)
            return figures + await store_figures(system.settings, runs, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    """A data folder that PostgreSQL's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-bench-"))
    folder.chmod(0o711)
    return folder


def show(figures: list[Figure]) -> None:
    """The figures, and next to each second subject the ratio of the first to it."""
    table = Table("measure", "subject", "min", "median", "max", "unit", "ratio")
    ratios = {
        id(b): f"{a.median / b.median:.2f} ×" for a, b in pairwise(figures) if a.measure == b.measure and a.unit != "ms"
    }
    for figure in figures:
        numbers = (f"{number:,.1f}" for number in (min(figure.runs), figure.median, max(figure.runs)))
        table.add_row(figure.measure, figure.subject, *numbers, figure.unit, ratios.get(id(figure), ""))
    Console().print(table)


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.runs, asked.seconds))
    show(figures)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    result = {
        "at": moment,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "figures": [asdict(figure) for figure in figures],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{moment}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
