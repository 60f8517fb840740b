"""How likely two records are one person, and why: each feature's agreement adds or takes its points.

Points are ten times the base-two logarithm of how much likelier an agreement makes it that two records are one person
(Fellegi and Sunter, A Theory for Record Linkage, 1969), all features weighed together, since they hang together: who
shares the parents shares the family name. They are data, learned by `python -m bench.matching.learn`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from libs.matching.births import nearness
from libs.matching.names import Name, likeness
from libs.matching.person import Person
from libs.matching.weights import Weights


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature says: how the two records agree in it, and the points for that."""

    feature: str
    agreement: str
    points: int


@dataclass(frozen=True, slots=True)
class Match:
    """The points of two records, the sum, and what it is taken for: `likely`, `possible` or `unlikely`."""

    points: int
    verdict: str
    because: tuple[Contribution, ...]


def match(one: Person, other: Person, weights: Weights, *, sharing: int = 0) -> Match:
    """Compare two records. `sharing` is how many persons in the register have a name of the same sound."""
    because = tuple(_contributions(one, other, weights, sharing))
    points = sum(part.points for part in because)
    verdict = "likely" if points >= weights.likely else "possible" if points >= weights.possible else "unlikely"
    return Match(points, verdict, because)


def _contributions(one: Person, other: Person, weights: Weights, sharing: int) -> Iterator[Contribution]:
    agreements = {feature: compare(one, other, weights) for feature, compare in _COMPARED.items()}
    agreements["kin"] = _kin(agreements)
    for feature, agreement in agreements.items():
        if agreement != "unknown":
            yield Contribution(feature, agreement, weights.points[feature][agreement])
    if agreements["name"] not in {"unknown", "different"}:
        step = next(step for step in weights.name_frequency if sharing >= step.sharing)
        whole = agreements["name"] in WHOLE
        said = f"{'whole' if whole else 'part'}_shared_by_{step.sharing}_or_more"
        yield Contribution("name_frequency", said, step.whole if whole else step.part)


def _kin(agreements: Mapping[str, str]) -> str:
    """How many of parents and telephone two records share that do not share a name: so do sisters and brothers."""
    if agreements["name"] not in {"unknown", "different"}:
        return "unknown"
    shared = sum(agreements[feature] in {*WHOLE, "close", "near"} for feature in ("mother", "father", "contact"))
    return ("unknown", "one_shared", "two_shared", "three_shared")[shared]


def _names(one: Name, other: Name, weights: Weights) -> str:
    return likeness(one, other, weights.close_percent, weights.near_percent)


def _equal(one: str, other: str) -> str:
    if not one or not other or "unknown" in (one, other):
        return "unknown"
    return "same" if one == other else "different"


WHOLE = frozenset({"same", "same_sound", "alike_sound", "same_consonants"})
"""Agreements of a name as a whole; in the others, part of it agrees."""
_COMPARED: Mapping[str, Callable[[Person, Person, Weights], str]] = {
    "name": lambda one, other, weights: _names(one.name, other.name, weights),
    "birth": lambda one, other, _: nearness(one.birth, other.birth),
    "sex": lambda one, other, _: _equal(one.sex, other.sex),
    "nationality": lambda one, other, _: _equal(one.nationality, other.nationality),
    "province": lambda one, other, _: _equal(one.province, other.province),
    "document": lambda one, other, _: _equal(one.document, other.document),
    "contact": lambda one, other, _: _equal(one.contact, other.contact),
    "mother": lambda one, other, weights: _names(one.mother, other.mother, weights),
    "father": lambda one, other, weights: _names(one.father, other.father, weights),
}
FEATURES = (*_COMPARED, "kin")
