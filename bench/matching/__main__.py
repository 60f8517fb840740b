"""`python -m bench.matching`: precision and recall over made-up persons, and the time of a search among 100,000.

The weights were set with seed 1. Measure with another one: what a seed was tuned on says nothing.
"""

import argparse
import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.matching.measure import Measured, measure
from bench.matching.people import TUNED_ON, records
from bench.matching.searching import search_ms
from bench.measure import percentile
from libs.matching.weights import load_weights

RESULTS = Path(__file__).parents[1] / "results"

PERCENT = 100


def main() -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=2, help="not 1: that one set the weights")
    parser.add_argument("--register", type=int, default=100_000, help="persons among whom is searched; 0: skip it")
    parser.add_argument("--searches", type=int, default=1_000)
    parser.add_argument("--json", action="store_true", help="the figures alone")
    asked = parser.parse_args()
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        found = records(asked.seed, asked.persons)
        task = progress.add_task("comparing", total=len(found))
        told = measure(found, load_weights(), lambda done: progress.update(task, completed=done))
        figures = shown(asked.seed, asked.persons, told)
        if asked.register:
            task = progress.add_task("indexing", total=asked.register)
            coroutine = search_ms(
                asked.seed, asked.register, asked.searches, lambda done: progress.update(task, completed=done)
            )
            taken = asyncio.run(coroutine)
            figures |= {
                "register": asked.register,
                "searches": len(taken),
                "search_ms": {
                    name: round(percentile(taken, share), 1) for name, share in (("p50", 0.5), ("p99", 0.99))
                },
            }
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"matching-{moment}.json").write_text(json.dumps(figures, indent=1) + "\n")
    Console().print_json(json.dumps(figures)) if asked.json else Console().print(
        *(f"{name}: {value}" for name, value in figures.items()), sep="\n"
    )


def shown(seed: int, persons: int, told: Measured) -> dict[str, object]:
    """The figures as they are printed."""
    return {
        "seed": seed,
        "tuned_on_this_seed": seed == TUNED_ON,
        "persons": persons,
        "records": told.records,
        "pairs_of_one_person": told.true,
        "called_likely": told.likely,
        "precision_percent": round(PERCENT * told.precision, 2),
        "recall_percent": round(PERCENT * told.recall, 2),
        "shown_as_likely_or_possible_percent": round(PERCENT * told.recall_possible, 2),
        "found_by_blocking_percent": round(PERCENT * told.found_by_blocking / told.true, 2),
        "pairs_compared": told.compared,
    }


if __name__ == "__main__":
    main()
