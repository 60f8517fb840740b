"""No hidden figure can be computed back: an attacker with exact fractions and bounds tries every release.

The attacker is not the code under test: its unknowns are the cells of the finest cross-classification (and, between
releases, who was there before and who came since), and it knows that a figure that is not listed is zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product

from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.disclosure.control import NOTHING, Out, hidden
from projections.statistics.queries import Cells
from projections.statistics.release.register import Cell, Definition, Published, release

K = 4
DIMENSIONS: Mapping[str, Sequence[str]] = {"sex": "fm", "age": "cab", "place": "xy"}
GROUPINGS = [
    ("sex",),
    ("age",),
    ("place",),
    ("sex", "age"),
    ("sex", "place"),
    ("age", "place"),
    ("sex", "age", "place"),
]
Person = tuple[str, ...]
Unknown = tuple[Person, int]
UNKNOWNS: list[Unknown] = [(cell, epoch) for cell in product(*DIMENSIONS.values()) for epoch in (0, 1)]


def tabulated(people: Mapping[str, Person], groups: Sequence[str]) -> Cells:
    index = [list(DIMENSIONS).index(name) for name in groups]
    found: dict[tuple[str, ...], set[str]] = {}
    for name, person in people.items():
        found.setdefault(tuple(person[one] for one in index), set()).add(name)
    return {key: frozenset(members) for key, members in found.items()}


class Attacker:
    """Knows what was shown as equations over the unknowns; says what a figure must be, where it must."""

    def __init__(self) -> None:
        self.equations: list[tuple[frozenset[Unknown], int]] = []
        self.at_least: list[tuple[frozenset[Unknown], int]] = []

    def reads(self, groups: Sequence[str], cells: Iterable[Cell], epochs: int) -> None:
        """A published table: shown figures, hidden ones that have somebody in them, and nobody anywhere else."""
        listed = set()
        for cell in cells:
            unknowns = self.unknowns(groups, cell.key, epochs)
            if cell.shown:
                self.equations.append((unknowns, len(cell.members)))
            else:
                self.at_least.append((unknowns, 1))
            listed.add(cell.key)
        for key in product(*(DIMENSIONS[name] for name in groups)):
            if key not in listed:
                self.equations.append((self.unknowns(groups, key, epochs), 0))

    @staticmethod
    def unknowns(groups: Sequence[str], key: Sequence[object], epochs: int) -> frozenset[Unknown]:
        index = [list(DIMENSIONS).index(name) for name in groups[: len(key)]]
        return frozenset(
            (cell, epoch)
            for cell, epoch in UNKNOWNS
            if epoch <= epochs and all(cell[one] == value for one, value in zip(index, key, strict=True))
        )

    def computes(self, wanted: frozenset[Unknown]) -> bool:
        """Whether sums and differences of what was shown, or the bounds that it leaves, give this figure."""
        empty = {one for unknowns, total in self.equations if total == 0 for one in unknowns}
        target = wanted - empty
        return self._spans(target, empty) or self._pins(target, empty)

    def sums_to(self, wanted: frozenset[Unknown]) -> bool:
        """Whether sums and differences alone give it, large or small."""
        empty = {one for unknowns, total in self.equations if total == 0 for one in unknowns}
        return self._spans(wanted - empty, empty)

    def _spans(self, target: frozenset[Unknown], empty: set[Unknown]) -> bool:
        order = [one for one in UNKNOWNS if one not in empty]
        rows: list[list[Fraction]] = []
        for unknowns in [*(one for one, _ in self.equations), target]:
            row = [Fraction(one in unknowns) for one in order]
            for other in rows:
                lead = next(index for index, value in enumerate(other) if value)
                if row[lead]:
                    factor = row[lead] / other[lead]
                    row = [a - factor * b for a, b in zip(row, other, strict=True)]
            if any(row):
                rows.append(row)
            elif unknowns == target:
                last = True
                continue
            last = False
        return not target or last

    def _pins(self, target: frozenset[Unknown], empty: set[Unknown]) -> bool:
        most = sum(total for _, total in self.equations) + K * len(UNKNOWNS)
        low, high = dict.fromkeys(UNKNOWNS, 0), {one: 0 if one in empty else most for one in UNKNOWNS}
        for _ in range(30):
            before = (dict(low), dict(high))
            for unknowns, total in self.equations:
                for one in unknowns:
                    others = unknowns - {one}
                    high[one] = min(high[one], total - sum(low[other] for other in others))
                    low[one] = max(low[one], total - sum(high[other] for other in others))
            for unknowns, total in self.at_least:
                for one in unknowns:
                    low[one] = max(low[one], total - sum(high[other] for other in unknowns - {one}))
            if (low, high) == before:
                break
        return sum(low[one] for one in target) == sum(high[one] for one in target)


PEOPLE = st.lists(st.tuples(*(st.sampled_from(values) for values in DIMENSIONS.values())), max_size=60)
TABLES = st.lists(st.sampled_from(GROUPINGS), min_size=1, max_size=4, unique=True)


def made(people: Sequence[Person], begin: int = 0) -> dict[str, Person]:
    return {f"p{number + begin}": person for number, person in enumerate(people)}


def published(tables: Sequence[tuple[str, ...]], people: Mapping[str, Person], before: Published) -> list[Cell]:
    return release([(Definition(one, "identified"), tabulated(people, one)) for one in tables], before, K)


def remembered(tables: Sequence[tuple[str, ...]], cells: Sequence[Cell]) -> Published:
    named: dict[tuple[Definition, tuple[object, ...]], list[frozenset[str]]] = {}
    for cell in cells:
        if cell.shown:
            named.setdefault((Definition(tables[cell.table], "identified"), cell.key), []).append(
                frozenset(cell.members)
            )
    shown = [frozenset(cell.members) for cell in cells if cell.shown]
    return Published(Out(shown, [frozenset(cell.members) for cell in cells if not cell.shown]), named)


def reads_all(attacker: Attacker, tables: Sequence[tuple[str, ...]], cells: Sequence[Cell], epochs: int) -> None:
    for number, groups in enumerate(tables):
        mine = [cell for cell in cells if cell.table == number]
        attacker.reads(groups, [cell for cell in mine if len(cell.key) == len(groups)], epochs)
        for total in (cell for cell in mine if not cell.key and cell.shown):
            attacker.equations.append((attacker.unknowns((), (), epochs), len(total.members)))


@settings(max_examples=150, deadline=None)
@given(PEOPLE, TABLES)
@example([("f", "c", "x")] * 5 + [("m", "c", "x")] * 2 + [("m", "a", "x")] * 9, [("sex",), ("age",), ("sex", "age")])
def test_no_hidden_small_figure_of_a_release_can_be_computed_back(
    people: list[Person], tables: list[tuple[str, ...]]
) -> None:
    cells = published(tables, made(people), Published(NOTHING, {}))
    attacker = Attacker()
    reads_all(attacker, tables, cells, 0)
    for cell in cells:
        assert not (cell.shown and 0 < len(cell.members) < K)
        if cell.members and not cell.shown:
            assert not attacker.computes(attacker.unknowns(tables[cell.table], cell.key, 0)), cell.key


@settings(max_examples=120, deadline=None)
@given(PEOPLE, PEOPLE.map(lambda one: one[:12]), TABLES, TABLES)
@example([("f", age, place) for age in "ca" for place in "xy"], [], [("age", "place")], [("sex",)])
def test_nor_by_the_difference_of_two_releases(
    first: list[Person], later: list[Person], early: list[tuple[str, ...]], late: list[tuple[str, ...]]
) -> None:
    old = published(early, made(first), Published(NOTHING, {}))
    alone, both = Attacker(), Attacker()
    reads_all(alone, early, old, 0)
    reads_all(both, early, old, 0)
    new = published(late, made(first) | made(later, 1000), remembered(early, old))
    reads_all(both, late, new, 1)
    for tables, cells, epoch in ((early, old, 0), (late, new, 1)):
        for cell in cells:
            figure = both.unknowns(tables[cell.table], cell.key, epoch)
            if cell.members and not cell.shown and not alone.sums_to(figure):
                assert not both.sums_to(figure), (cell.key, epoch)
            if 0 < len(cell.members) < K and not alone.computes(figure):
                assert not both.computes(figure), (cell.key, epoch)


def test_a_figure_that_grew_by_a_few_is_not_shown_again() -> None:
    table = [("sex",)]
    people = made([("f", "a", "x")] * 8 + [("m", "a", "x")] * 8)
    old = published(table, people, Published(NOTHING, {}))
    assert all(cell.shown for cell in old)
    few = published(table, people | made([("f", "a", "x")] * 2, 100), remembered(table, old))
    assert {cell.key for cell in few if not cell.shown} >= {("f",)}
    many = published(table, people | made([("f", "a", "x")] * 4, 100), remembered(table, old))
    assert all(cell.shown for cell in many)


def test_what_needs_no_hiding_is_shown() -> None:
    assert hidden([frozenset("abcd"), frozenset("efghi")], K) == set()
    assert hidden([frozenset("abcd"), frozenset("e")], 0) == set()
