"""Where a table begins and ends in a sheet: title rows above, headings of one or two rows, notes below. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from libs.tables.grid import Cell, Grid, blank
from libs.tables.words import key

HEADER_DEPTH_MAX = 2


@dataclass(frozen=True, slots=True)
class Heading:
    """A column that is looked for: its name, the headings that it goes by, and what is done where it is not there."""

    name: str
    spellings: frozenset[str]
    """Keys of the headings; see `words.key`."""
    required: bool = False
    fill_down: bool = False
    """A cell left empty repeats the one above it: how merged cells look once they are a CSV."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, by column name; `number` as a person counts it in the sheet."""

    sheet: int
    number: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds: its rows, the lines that are none, and columns that nobody asked for (by their position)."""

    rows: Sequence[Row]
    notes: Sequence[tuple[int, int]]
    unknown: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Header:
    row: int
    depth: int
    columns: Mapping[str, int]


class NoTable(Exception):
    """No sheet has the headings; `missing` names the columns that the likeliest one lacks."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("no table")
        self.missing = missing


def table_of(grids: Sequence[Grid], wanted: Sequence[Heading], rows_max: int, ends: frozenset[str]) -> Table:
    """The table in the sheets that have the headings within their first `rows_max` rows. Raises NoTable."""
    rows: list[Row] = []
    notes: list[tuple[int, int]] = []
    unknown: list[tuple[int, int]] = []
    best: Sequence[str] | None = None
    found = False
    for grid in grids:
        header = _header(grid, wanted, rows_max)
        missing = [one.name for one in wanted if one.required and (not header or one.name not in header.columns)]
        if header is None or missing:
            best = missing if best is None or len(missing) < len(best) else best
            continue
        found = True
        heads = grid.rows[header.row + header.depth - 1]
        taken = set(header.columns.values())
        unknown += [
            (grid.number, index + 1) for index, cell in enumerate(heads) if not blank(cell) and index not in taken
        ]
        for number, cells in _lines(grid, header, wanted):
            if _is_note(grid.rows[number - 1], cells, ends):
                notes.append((grid.number, number))
            else:
                rows.append(Row(grid.number, number, cells))
    if not found:
        raise NoTable(best or ())
    return Table(rows, notes, unknown)


def _header(grid: Grid, wanted: Sequence[Heading], rows_max: int) -> _Header | None:
    best: _Header | None = None
    for row in range(min(rows_max, len(grid.rows))):
        for depth in range(1, HEADER_DEPTH_MAX + 1):
            columns = _columns(grid.rows[row : row + depth], wanted)
            if columns and (best is None or len(columns) > len(best.columns)):
                best = _Header(row, depth, columns)
    return best


def _columns(lines: Sequence[Sequence[Cell]], wanted: Sequence[Heading]) -> dict[str, int]:
    """The column of each heading in one line, or in two where the upper one names a group."""
    columns: dict[str, int] = {}
    for index in range(max(map(len, lines), default=0)):
        parts = [key(line[index]) for line in lines if index < len(line)]
        names = {"".join(dict.fromkeys(parts)), parts[-1] if parts else ""} - {""}
        for one in wanted:
            if one.name not in columns and names & one.spellings:
                columns[one.name] = index
                break
    return columns


def _lines(grid: Grid, header: _Header, wanted: Sequence[Heading]) -> Iterator[tuple[int, dict[str, Cell]]]:
    above: dict[str, Cell] = {}
    filled = {one.name for one in wanted if one.fill_down}
    for number in range(header.row + header.depth, len(grid.rows)):
        line = grid.rows[number]
        if all(blank(cell) for cell in line):
            above = {}
            continue
        cells = {name: line[index] if index < len(line) else None for name, index in header.columns.items()}
        if _is_header(cells, wanted):
            continue
        alone = sum(not blank(cell) for cell in line) == 1
        for name in filled & cells.keys():
            if blank(cells[name]) and not alone:
                cells[name] = above.get(name)
        above = above if alone else cells
        yield number + 1, cells


def _is_note(line: Sequence[Cell], cells: Mapping[str, Cell], ends: frozenset[str]) -> bool:
    """A total, a remark, a signature: begins with a word of `ends`, or says one thing only."""
    said = [key(cell) for cell in line if not blank(cell)]
    return (
        len(set(said)) == 1
        or all(blank(cell) for cell in cells.values())
        or any(said[0].startswith(end) for end in ends)
    )


def _is_header(cells: Mapping[str, Cell], wanted: Sequence[Heading]) -> bool:
    """Whether the headings come again, as they do at the top of each printed page."""
    spellings = {one.name: one.spellings for one in wanted}
    said = [name for name, cell in cells.items() if not blank(cell)]
    return bool(said) and sum(key(cells[name]) in spellings[name] for name in said) * 2 > len(said)
