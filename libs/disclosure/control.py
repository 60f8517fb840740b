"""Which counts are hidden so that no small one can be computed back. Pure; the defender's side.

A count under the threshold is hidden (primary). As long as what is shown gives a hidden one away, by sums and
differences or by bounds, the smallest count that the computation needs is hidden too (complementary). What was
published before, and what everybody may assume to be public, takes part in the computation and cannot be hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from libs.disclosure.attack import Atoms, Persons, Span, atoms_of, bounds

EXACT_ATOMS_MAX = 400
"""Bounds are looked at where there are no more atoms than this: in larger tables lines are long and bounds wide."""


@dataclass(frozen=True, slots=True)
class Out:
    """What is out already: sizes that were shown, and sets known to have somebody in them whose sizes were hidden.

    `secret` are further sets whose sizes must not come out.
    """

    shown: Sequence[Persons] = ()
    hidden: Sequence[Persons] = ()
    secret: Sequence[Persons] = ()


NOTHING = Out()


def hidden(candidates: Sequence[Persons], threshold: int, out: Out = NOTHING) -> set[int]:
    """The numbers of the candidates that are not shown, beside what is out already."""
    made, sizes = atoms_of([*candidates, *out.shown, *out.hidden, *out.secret])
    atoms = iter(made)
    cells, public, listed = (list(islice(atoms, len(sets))) for sets in (candidates, out.shown, out.hidden))
    return _Table(cells, public, listed, list(atoms), sizes, threshold).protected() if threshold > 0 else set()


class _Table:
    """The candidates as atoms, and what of them is hidden so far."""

    def __init__(
        self,
        cells: Sequence[Atoms],
        public: Sequence[Atoms],
        listed: Sequence[Atoms],
        secret: Sequence[Atoms],
        sizes: Sequence[int],
        k: int,
    ) -> None:
        self.cells, self.public, self.listed, self.sizes, self.k = cells, public, listed, sizes, k
        self.hidden = {number for number, cell in enumerate(cells) if self._small(cell)}
        self.secret = list(dict.fromkeys([*(cells[number] for number in sorted(self.hidden)), *listed, *secret]))
        self.given_up: set[Atoms] = set()
        """Sets that earlier publications give away by themselves: nothing that is hidden now can help."""

    def protected(self) -> set[int]:
        """Hide until nothing small comes out; then show what is hidden in vain, as it can be computed anyway."""
        while more := self._to_hide():
            self.hidden |= more
        return self.hidden - self._in_vain()

    def _in_vain(self) -> set[int]:
        """The large hidden ones that sums and differences of what is shown give: to show them tells nothing new."""
        span = Span(dict(enumerate([*self._shown().values(), *self.public])))
        large = (number for number in self.hidden if not self._small(self.cells[number]))
        return {number for number in large if span.combination(self.cells[number]) is not None}

    def _shown(self) -> dict[int, Atoms]:
        return {number: cell for number, cell in enumerate(self.cells) if number not in self.hidden and cell}

    def _to_hide(self) -> set[int]:
        shown = self._shown()
        published = {**shown, **{-1 - number: cell for number, cell in enumerate(self.public)}}
        span = Span(published)
        more: set[int] = set()
        for secret in [*self.secret, *self._small_rests(list(published.values()))]:
            combination = span.combination(secret) if secret and secret not in self.given_up else None
            if combination is None:
                continue
            ours = combination & set(shown)
            if not ours:
                self.given_up.add(secret)
            elif not ours & more:
                more.add(min(ours, key=self._order))
        return more or self._to_hide_by_bounds(shown, list(published.values()))

    def _to_hide_by_bounds(self, shown: dict[int, Atoms], published: Sequence[Atoms]) -> set[int]:
        if not self.secret or not shown or len(self.sizes) > EXACT_ATOMS_MAX:
            return set()
        known = [*published, *(self.cells[number] for number in self._in_vain())]
        listed = [*(self.cells[number] for number in sorted(self.hidden)), *self.listed]
        for secret in self._pinned(known, listed):
            if secret in self._pinned(self.public, self.listed):
                self.given_up.add(secret)
            else:
                return {min(shown, key=self._order)}
        return set()

    def _pinned(self, published: Sequence[Atoms], listed: Sequence[Atoms]) -> list[Atoms]:
        """The secrets whose least and greatest possible size are the same."""
        low, high = bounds(self.sizes, published, listed)
        return [
            secret
            for secret in self.secret
            if secret not in self.given_up and sum(low[atom] for atom in secret) == sum(high[atom] for atom in secret)
        ]

    def _small_rests(self, published: Sequence[Atoms]) -> list[Atoms]:
        """What is hidden within a published set, all together, where that is few: its sum must not come out either."""
        gone = [self.cells[number] for number in self.hidden - self._in_vain()]
        inside = [frozenset().union(*(cell for cell in gone if cell <= whole)) for whole in published]
        return [rest for rest in dict.fromkeys(inside) if self._small(rest)]

    def _small(self, atoms: Atoms) -> bool:
        return 0 < self._size(atoms) < self.k

    def _size(self, atoms: Atoms) -> int:
        return sum(self.sizes[atom] for atom in atoms)

    def _order(self, number: int) -> tuple[int, int]:
        return self._size(self.cells[number]), number
