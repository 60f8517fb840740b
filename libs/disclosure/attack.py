"""What can be computed back from published counts: by sums and differences, and by bounds. Pure; the attacker's side.

Every count is the size of a set of persons. Persons who are in the same sets are one atom; a published set is one
equation over the atoms. A set can be computed back where it is a combination of published ones, or where the bounds
that the equations leave it meet.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

PRIME = 2**61 - 1
"""Coefficients are kept modulo this: a combination over the rationals is one here too, and by chance no other."""
ROUNDS_MAX = 40
"""Bounds are tightened this often; further rounds only approach what they have reached."""

Persons = AbstractSet[str]
Atoms = frozenset[int]


def atoms_of(sets: Sequence[Persons]) -> tuple[list[Atoms], list[int]]:
    """Each set as the atoms that it consists of, and how many persons each atom has."""
    member_of: dict[str, list[int]] = {}
    for number, persons in enumerate(sets):
        for person in persons:
            member_of.setdefault(person, []).append(number)
    numbers: dict[tuple[int, ...], int] = {}
    sizes: list[int] = []
    made: list[set[int]] = [set() for _ in sets]
    for signature in map(tuple, member_of.values()):
        atom = numbers.setdefault(signature, len(numbers))
        if atom == len(sizes):
            sizes.append(0)
            for number in signature:
                made[number].add(atom)
        sizes[atom] += 1
    return [frozenset(one) for one in made], sizes


@dataclass(slots=True)
class _Row:
    vector: dict[int, int]
    of: dict[int, int]
    """The combination of published sets that this row is."""


class Span:
    """The combinations of published sets, in echelon form."""

    def __init__(self, published: Mapping[int, Atoms]) -> None:
        self._rows: dict[int, _Row] = {}
        for number, atoms in published.items():
            row = _Row(dict.fromkeys(atoms, 1), {number: 1})
            self._reduce(row)
            if row.vector:
                lead = min(row.vector)
                inverse = pow(row.vector[lead], PRIME - 2, PRIME)
                self._rows[lead] = _Row(_times(row.vector, inverse), _times(row.of, inverse))

    def combination(self, atoms: Atoms) -> set[int] | None:
        """The published sets whose sums and differences give this one; None where none do."""
        row = _Row(dict.fromkeys(atoms, 1), {})
        self._reduce(row)
        return None if row.vector else set(row.of)

    def _reduce(self, row: _Row) -> None:
        while row.vector:
            lead = min(row.vector)
            pivot = self._rows.get(lead)
            if pivot is None:
                return
            factor = row.vector[lead]
            _subtract(row.vector, pivot.vector, factor)
            _subtract(row.of, pivot.of, factor)


def bounds(
    sizes: Sequence[int], published: Sequence[Atoms], hidden: Sequence[Atoms]
) -> tuple[Sequence[int], Sequence[int]]:
    """What each atom's size is at least and at most: published sets add up, a hidden one has somebody in it."""
    low, high = [0] * len(sizes), [sum(sizes)] * len(sizes)
    equations = [(atoms, sum(sizes[atom] for atom in atoms)) for atoms in published]
    for _ in range(ROUNDS_MAX):
        before = (list(low), list(high))
        for atoms, total in equations:
            least, most = sum(low[atom] for atom in atoms), sum(high[atom] for atom in atoms)
            for atom in atoms:
                high[atom] = min(high[atom], total - (least - low[atom]))
                low[atom] = max(low[atom], total - (most - high[atom]))
                least, most = sum(low[one] for one in atoms), sum(high[one] for one in atoms)
        for atoms in hidden:
            most = sum(high[atom] for atom in atoms)
            for atom in atoms:
                low[atom] = max(low[atom], 1 - (most - high[atom]))
        if before == (low, high):
            break
    return low, high


def _times(vector: Mapping[int, int], factor: int) -> dict[int, int]:
    return {key: value * factor % PRIME for key, value in vector.items()}


def _subtract(vector: dict[int, int], other: Mapping[int, int], factor: int) -> None:
    for key, value in other.items():
        left = (vector.get(key, 0) - factor * value) % PRIME
        if left:
            vector[key] = left
        else:
            vector.pop(key, None)
