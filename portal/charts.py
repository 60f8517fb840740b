"""Charts as plain geometry: templates draw the SVG, and a table beside it says the same (WCAG 2.2, 1.1.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PLOT: Final = 240
"""The height of a chart's plot, in its own units."""


@dataclass(frozen=True, slots=True)
class Part:
    """One coloured piece of a bar."""

    name: str
    count: int
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A stacked bar: its label, its pieces from the bottom, and their sum."""

    label: str
    parts: tuple[Part, ...]
    total: int


def top_of(largest: int) -> int:
    """The axis' end: a round number at or above the largest value."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * 4 >= largest:
                return step * factor * 4
        step *= 10


def ticks(top: int) -> list[tuple[int, float]]:
    """The axis' values, each with its height from the top of the plot."""
    return [(top * at // 4, PLOT - PLOT * at / 4) for at in range(5)]


def stacked(rows: Sequence[Mapping[str, object]], label: str, names: Sequence[str], top: int) -> list[Bar]:
    """One bar per row, made of the row's figures in order."""
    bars = []
    for row in rows:
        parts, height = [], 0.0
        for name in names:
            count = int(str(row[name]))
            length = PLOT * count / top if top else 0.0
            parts.append(Part(name, count, PLOT - height - length, length))
            height += length
        bars.append(Bar(str(row[label]), tuple(parts), sum(part.count for part in parts)))
    return bars


def share(part: int, whole: int, length: int) -> float:
    """How long a piece is that stands for a part of a whole."""
    return round(length * part / whole, 1) if whole else 0.0
