"""`python -m bench.matching.learn`: the points of matching, learned from made-up records of the seed for that.

A logistic regression over the agreements of every pair that is compared (penalised, by Newton's method): features are
weighed together, so that what always comes together is not counted twice. Prints the points as the rules' file has
them; a person puts them there, and measures with other seeds.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console

from bench.matching.measure import Measured, measure
from bench.matching.people import TUNED_ON, records
from libs.matching.scoring import Match
from libs.matching.weights import load_weights

POINTS = 10 / math.log(2)
"""Points of one unit of the natural logarithm of the odds."""
ROUNDS_MAX = 25
SETTLED = 1e-3
SURE = 40.0
"""Beyond such odds, in logarithms, a pair teaches nothing more."""
Feature = tuple[str, str]
Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Pairs that agree in the same features in the same way: how many there are, and how many are one person."""

    columns: tuple[int, ...]
    pairs: int
    same: int


def main() -> None:
    """Learn, and print the points and where `likely` begins."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--precision", type=float, default=0.965, help="of what is called likely, on these records")
    asked = parser.parse_args()
    told = measure(records(TUNED_ON, asked.persons), load_weights())
    base, points = learned(told.pairs)
    console = Console(soft_wrap=True)
    for feature, entries in groupby(sorted(points), key=lambda one: one[0]):
        levels = ", ".join(f"{level}: {round(points[feature, level])}" for _, level in entries)
        console.print(f"{feature}: {{{levels}}}", markup=False, highlight=False)
    console.print(f"likely: {likely_from(told, points, asked.precision)}  # even odds: {round(-base)}")


def learned(pairs: Iterable[tuple[Match, bool]], penalty: float = 1.0) -> tuple[float, Mapping[Feature, float]]:
    """The points of a pair of which nothing is known, and of each agreement of each feature."""
    seen = Counter((tuple((one.feature, one.agreement) for one in match.because), same) for match, same in pairs)
    names = sorted({feature for agreed, _ in seen for feature in agreed})
    column = {feature: number for number, feature in enumerate(names, 1)}
    patterns = [
        Pattern((0, *map(column.__getitem__, agreed)), seen[agreed, True] + seen[agreed, False], seen[agreed, True])
        for agreed in dict.fromkeys(agreed for agreed, _ in seen)
    ]
    weights = [0.0] * (len(names) + 1)
    for _ in range(ROUNDS_MAX):
        step = solved(*_newton(patterns, weights, penalty))
        weights = [old + change for old, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < SETTLED:
            break
    return weights[0] * POINTS, {feature: weights[column[feature]] * POINTS for feature in names}


def likely_from(told: Measured, points: Mapping[Feature, float], precision: float) -> int:
    """The least sum of points from which on so large a share of the pairs is one person."""
    sums = sorted(
        ((sum(points[one.feature, one.agreement] for one in match.because), same) for match, same in told.pairs),
        reverse=True,
    )
    right, lowest = 0, math.inf
    for number, (total, same) in enumerate(sums, 1):
        right += same
        if right >= precision * number:
            lowest = total
    return math.ceil(lowest)


def _newton(patterns: Sequence[Pattern], weights: Sequence[float], penalty: float) -> tuple[Matrix, list[float]]:
    """The curvature and the slope of the likelihood, at these weights."""
    slope = [0.0, *(-penalty * one for one in weights[1:])]
    curve = [[0.0] * len(weights) for _ in weights]
    for number in range(1, len(weights)):
        curve[number][number] = penalty
    for one in patterns:
        odds = sum(weights[number] for number in one.columns)
        chance = 1 / (1 + math.exp(-max(-SURE, min(SURE, odds))))
        error, spread = one.same - one.pairs * chance, one.pairs * chance * (1 - chance)
        for number in one.columns:
            slope[number] += error
            for other in one.columns:
                curve[number][other] += spread
    return curve, slope


def solved(matrix: Matrix, right: Sequence[float]) -> list[float]:
    """The solution of a system of linear equations with a symmetric, positive matrix (Gauss)."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for number, pivot in enumerate(rows):
        for below in rows[number + 1 :]:
            factor = below[number] / pivot[number]
            if factor:
                below[number:] = [a - factor * b for a, b in zip(below[number:], pivot[number:], strict=True)]
    found = [0.0] * len(rows)
    for number in reversed(range(len(rows))):
        rest = sum(rows[number][other] * found[other] for other in range(number + 1, len(rows)))
        found[number] = (rows[number][-1] - rest) / rows[number][number]
    return found


if __name__ == "__main__":
    main()
