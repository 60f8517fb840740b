"""How many are in no list at all, from how the lists overlap (multiple-systems estimation). Pure; always an estimate.

Two lists: Chapman (1951) for Lincoln and Petersen's estimate, with Sadinle's (2009) transformed-logit interval. Three
or four: hierarchical log-linear models of the lists and their pairwise dependences (Fienberg 1972), the one of least
AIC, its variance as in Rivest and Lévesque (2001), its interval log-normal (Chao 1987).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

Z_95 = 1.959964
OVERLAP_MIN = 7
"""Persons that two lists must share: with fewer, Chapman's estimate is biased low (Robson and Regier 1964)."""

LISTS_MIN, LISTS_MAX = 2, 4
"""More lists would need more models than their data could tell apart."""

NEWTON_STEPS_MAX = 60
STEP_MIN = 1e-9
UNSEEN_MAX = 1e7
"""A model that says more is not supported by the data at all."""

History = tuple[bool, ...]
"""In which of the lists a person stands, in their order."""

ASSUMPTIONS = (
    "the population is closed: nobody enters or leaves it in the period",
    "every record is matched to its person: no missed link, no false one",
    "every person has a chance to be in every list",
    "the lists count by one definition of the person",
)
INDEPENDENT = "being in one list does not change the chance of being in another"
PAIRWISE = "dependences between three lists at once are nil; those between two are as the chosen model says"


class CannotEstimate(Exception):
    """The data do not carry an estimate. `rule` is stable."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many persons there are, known or not: the estimate, its interval of 95 %, and what it assumes."""

    method: str
    model: str
    known: int
    total: float
    low: float
    high: float
    standard_error: float
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """A log-linear model fitted to the histories: the unseen cell, its variance, and Akaike's criterion."""

    pairs: tuple[tuple[int, int], ...]
    unseen: float
    variance: float
    aic: float


def lincoln_petersen(first: int, second: int, both: int) -> float:
    """The maximum-likelihood estimate of two independent lists; infinite where none is in both."""
    return math.inf if both == 0 else first * second / both


def chapman(first: int, second: int, both: int) -> Estimate:
    """The estimate of two independent lists that is nearly unbiased, with a transformed-logit interval."""
    total = (first + 1) * (second + 1) / (both + 1) - 1
    variance = (first + 1) * (second + 1) * (first - both) * (second - both) / ((both + 1) ** 2 * (both + 2))
    one, two, half = first - both, second - both, 0.5
    spread = math.sqrt(
        1 / (both + half) + 1 / (one + half) + 1 / (two + half) + (both + half) / ((one + half) * (two + half))
    )
    known, middle = first + second - both, (one + half) * (two + half) / (both + half)
    low, high = (known - half + middle * math.exp(sign * Z_95 * spread) for sign in (-1, 1))
    return Estimate(
        "chapman", "independence", known, total, max(low, known), high, math.sqrt(variance), (*ASSUMPTIONS, INDEPENDENT)
    )


def estimate(histories: Mapping[History, int], overlap_min: int = OVERLAP_MIN) -> Estimate:
    """The estimate that the number of lists allows. Raises CannotEstimate."""
    lists = len(next(iter(histories), ()))
    if not LISTS_MIN <= lists <= LISTS_MAX:
        raise CannotEstimate("lists-wanted", f"{LISTS_MIN} to {LISTS_MAX} lists give an estimate")
    for one, two in combinations(range(lists), 2):
        shared = sum(count for history, count in histories.items() if history[one] and history[two])
        if shared < overlap_min:
            raise CannotEstimate(
                "overlap-too-small",
                f"two of the lists share fewer than {overlap_min} persons: link their records first",
            )
    if lists == LISTS_MIN:
        inside = Counter({history: count for history, count in histories.items() if any(history)})
        both = inside[True, True]
        return chapman(inside[True, False] + both, inside[False, True] + both, both)
    return _log_linear(histories, lists)


def fit(histories: Mapping[History, int], pairs: Sequence[tuple[int, int]]) -> Fit | None:
    """One log-linear model: the lists, and the dependences between these pairs. None where it has no finite fit."""
    cells = [(history, histories.get(history, 0)) for history in _all_histories(len(next(iter(histories))))]
    rows = [[1.0, *map(float, history), *(float(history[i] and history[j]) for i, j in pairs)] for history, _ in cells]
    counts = [float(count) for _, count in cells]
    beta = [math.log(max(sum(counts) / len(counts), 0.5)), *[0.0] * (len(rows[0]) - 1)]
    for _ in range(NEWTON_STEPS_MAX):
        means = [math.exp(min(_dot(row, beta), 30.0)) for row in rows]
        gradient = [
            sum(row[i] * (y - mu) for row, y, mu in zip(rows, counts, means, strict=True)) for i in range(len(beta))
        ]
        step = _solved(_information(rows, means), gradient)
        if step is None:
            return None
        beta = [value + max(min(change, 2.0), -2.0) for value, change in zip(beta, step, strict=True)]
        if max(map(abs, step)) < STEP_MIN:
            break
    else:
        return None
    means = [math.exp(_dot(row, beta)) for row in rows]
    first = _solved(_information(rows, means), [1.0, *[0.0] * (len(beta) - 1)])
    unseen = math.exp(beta[0])
    if first is None or unseen > UNSEEN_MAX:
        return None
    likelihood = sum(y * math.log(mu) - mu - math.lgamma(y + 1) for y, mu in zip(counts, means, strict=True))
    return Fit(tuple(pairs), unseen, unseen + unseen**2 * first[0], 2 * len(beta) - 2 * likelihood)


def _log_linear(histories: Mapping[History, int], lists: int) -> Estimate:
    pairs = list(combinations(range(lists), 2))
    models = chain.from_iterable(combinations(pairs, size) for size in range(len(pairs) + 1))
    fits = [found for model in models if (found := fit(histories, model))]
    if not fits:
        raise CannotEstimate("no-model-fits", "no log-linear model of these lists has a finite estimate")
    best = min(fits, key=lambda one: one.aic)
    known = sum(count for history, count in histories.items() if any(history))
    factor = math.exp(Z_95 * math.sqrt(math.log(1 + best.variance / best.unseen**2)))
    model = "independence" if not best.pairs else "+".join(f"{i + 1}x{j + 1}" for i, j in best.pairs)
    return Estimate(
        "log-linear", model, known, known + best.unseen, known + best.unseen / factor, known + best.unseen * factor,
        math.sqrt(best.variance), (*ASSUMPTIONS, PAIRWISE),
    )  # fmt: skip


def _all_histories(lists: int) -> list[History]:
    """Every history but that of the persons whom no list has."""
    return [tuple(bool(number >> place & 1) for place in range(lists)) for number in range(1, 2**lists)]


def _dot(one: Sequence[float], two: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


def _information(rows: Sequence[Sequence[float]], means: Sequence[float]) -> list[list[float]]:
    size = range(len(rows[0]))
    return [[sum(mu * row[i] * row[j] for row, mu in zip(rows, means, strict=True)) for j in size] for i in size]


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """The solution of a small linear system by elimination; None where it has none."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for place in range(len(rows)):
        pivot = max(range(place, len(rows)), key=lambda at: abs(rows[at][place]))
        rows[place], rows[pivot] = rows[pivot], rows[place]
        if abs(rows[place][place]) < STEP_MIN:
            return None
        for other in range(len(rows)):
            if other != place:
                ratio = rows[other][place] / rows[place][place]
                rows[other] = [a - ratio * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[-1] / row[place] for place, row in enumerate(rows)]
