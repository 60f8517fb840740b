"""The figures and the floors: tables for the terminal, JSON with every version for the file."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from bench.measure import Figure, Scale

RESULTS = Path(__file__).parent / "results"
FLOORS = Path(__file__).parent / "floors.yaml"
PACKAGES = ("fastapi", "uvicorn", "asyncpg", "aiokafka", "pydantic", "orjson", "eventsourcing", "psycopg")


def judged(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Each floor whose figures were taken, with the ratio and whether it holds."""
    medians = {(figure.measure, figure.subject): figure.median for figure in figures}
    found = []
    for floor in yaml.safe_load(FLOORS.read_text(encoding="utf-8")):
        ours = medians.get((floor["measure"], floor["subject"]))
        theirs = medians.get((floor["measure"], floor["against"])) if "against" in floor else 1.0
        if ours is None or theirs is None:
            continue
        ratio = ours / theirs
        holds = ratio >= floor["at_least"] if "at_least" in floor else ratio <= floor["at_most"]
        found.append({**floor, "ratio": round(ratio, 3), "holds": holds})
    return found


def show(figures: Sequence[Figure]) -> None:
    """What was measured, then what had to hold."""
    console = Console()
    table = Table("measure", "subject", "min", "median", "max", "unit")
    for figure in figures:
        numbers = (f"{number:,.1f}" for number in (min(figure.runs), figure.median, max(figure.runs)))
        table.add_row(figure.measure, figure.subject, *numbers, figure.unit)
    console.print(table)
    floors = Table("floor", "against", "must be", "is", "")
    for one in judged(figures):
        bound = f"≥ {one['at_least']}" if "at_least" in one else f"≤ {one['at_most']}"
        sign = " ×" if "against" in one else ""
        name = f"{one['measure']}: {one['subject']}"
        verdict = "[green]holds" if one["holds"] else "[red]MISSED"
        floors.add_row(name, one.get("against", ""), bound + sign, f"{one['ratio']:,.2f}{sign}", verdict)
    console.print(floors)


def keep(figures: Sequence[Figure], scale: Scale) -> Path:
    """Write the result with what it was measured on; where it is."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    result = {
        "at": moment,
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "packages": {name: version(name) for name in PACKAGES},
        "scale": asdict(scale),
        "figures": [asdict(figure) for figure in figures],
        "floors": judged(figures),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{moment}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path
