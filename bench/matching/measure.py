"""Precision and recall of matching over made-up records: what is called likely, against who they truly are."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from bench.matching.people import Record
from libs.matching.blocking import indexed, name_token, searched
from libs.matching.person import Person, person_of
from libs.matching.scoring import Match, match
from libs.matching.weights import Weights

KEY = b"a key of the measurement, not of any installation"
CANDIDATES_MAX = 60


@dataclass(slots=True)
class Measured:
    """Pairs of records: of one person, called likely, both; and how many of the former were compared at all."""

    records: int = 0
    true: int = 0
    likely: int = 0
    right: int = 0
    possible: int = 0
    compared: int = 0
    found_by_blocking: int = 0
    pairs: list[tuple[Match, bool]] = field(default_factory=list)
    """Every pair that was compared, and whether it is one person."""

    @property
    def precision(self) -> float:
        """Of what is called likely, the share that is one person."""
        return self.right / self.likely if self.likely else 1.0

    @property
    def recall(self) -> float:
        """Of the pairs that are one person, the share that is called likely."""
        return self.right / self.true if self.true else 1.0

    @property
    def recall_possible(self) -> float:
        """Of the pairs that are one person, the share that a desk is shown at all."""
        return self.possible / self.true if self.true else 1.0


def measure(found: Sequence[Record], weights: Weights, tell: Callable[[int], None] = lambda _: None) -> Measured:
    """Search for every record among all the others, as a desk does, and count each pair once."""
    persons = [person_of(one.clear, one.personal, one.met, weights.ignored) for one in found]
    humans: dict[int, list[int]] = defaultdict(list)
    for number, one in enumerate(found):
        humans[one.human].append(number)
    true = {pair for numbers in humans.values() for pair in combinations(sorted(numbers), 2)}
    told = Measured(records=len(found), true=len(true))
    for pair, result in _compared(persons, weights, tell):
        same = pair in true
        told.compared += 1
        told.found_by_blocking += same
        told.likely += result.verdict == "likely"
        told.right += same and result.verdict == "likely"
        told.possible += same and result.verdict != "unlikely"
        told.pairs.append((result, same))
    return told


def _compared(
    persons: Sequence[Person], weights: Weights, tell: Callable[[int], None]
) -> Iterator[tuple[tuple[int, int], Match]]:
    blocks: dict[int, list[int]] = defaultdict(list)
    for number, person in enumerate(persons):
        for token in indexed(person, KEY):
            blocks[token].append(number)
    done: set[tuple[int, int]] = set()
    for number, person in enumerate(persons):
        shared = Counter(other for token in searched(person, KEY) for other in blocks.get(token, ()))
        shared.pop(number, None)
        name = name_token(person, KEY)
        sharing = len(blocks.get(name, ())) if name is not None else 0
        tell(number)
        for other, _ in shared.most_common(CANDIDATES_MAX):
            pair = min(number, other), max(number, other)
            if pair not in done:
                done.add(pair)
                yield pair, match(person, persons[other], weights, sharing=sharing)
