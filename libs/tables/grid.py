"""A sheet as it was typed: cells, rows, and why a file cannot be read. Pure; nothing here knows what a column means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

Cell: TypeAlias = str | int | bool | date | None
"""A cell's value; a moment is its date, a fraction the text that shows it."""


class Unreadable(Exception):
    """A file that is no table we read. `rule` is stable; `detail` repeats nothing of the file."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet, merged cells filled; `number` counts from 1, as does the row that a person sees."""

    number: int
    rows: Sequence[Sequence[Cell]]


def blank(cell: Cell) -> bool:
    """Whether nothing stands in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())
