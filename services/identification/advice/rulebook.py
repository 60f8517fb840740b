"""What the facts of a case support, and which fact led where: act, means, purpose, and what is missing. It advises.

Computed whenever it is asked for, from the events and the instruments' versions as answered: a corrected age or fact
changes the advice at once, nothing has to be recomputed, and no stale advice is kept. What was known at an earlier time
is the same computation over the earlier events.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.events.event import JSON
from libs.rules.load import ROOT, load, source_of
from libs.rules.plain import plain
from libs.rules.scoring import Score
from services.identification.due.of_age import birthday_18
from services.identification.state import Open

ELEMENTS: Final = ("act", "means", "purpose")
_PATH = ROOT / "services/identification/rules/elements.v1.yaml"
_FILE = load(_PATH, _PATH.with_name("elements.schema.json")).content


@dataclass(frozen=True, slots=True)
class Support:
    """One thing that supports an element: a screening's question, or a fact of the intake."""

    element: str
    value: str
    because: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Rescored:
    """A screening scored anew, as the person's age and the answers stand now."""

    number: int
    then: str
    now: Score


@dataclass(frozen=True, slots=True)
class Age:
    """Why the person counts as a child or as an adult, and when that changes."""

    born: date | None
    estimated: bool


def advice(state: Open, screenings: Sequence[Rescored], age: Age, today: date) -> dict[str, JSON]:
    """What speaks for each element, what is missing, and how the decision that stands looks beside it."""
    child = state.identified.child
    supports = [*_of_screenings(screenings), *_of_intake(state)]
    found = {one.element for one in supports}
    missing = [one for one in ELEMENTS if one not in found and not (one == "means" and child)]
    return {
        "child": _child(state, age, today),
        "elements": {element: _values(supports, element) for element in ELEMENTS},
        "missing": missing,
        "supports": _supports(state, missing),
        "notes": list(_notes(state, found)),
        "screenings": [_screening(one) for one in screenings],
        "determination": _beside(state, missing),
        "intake_rule": {"version": _FILE["version"], "source": plain(source_of(_FILE))},
    }


def _child(state: Open, age: Age, today: date) -> dict[str, JSON]:
    basis = next((one.age_basis for one in reversed(state.corrections) if one.age_basis), None)
    why = f"age_determination_by_{basis}" if basis else "unknown_age"
    if not basis and age.born:
        why = "birth_date"
    elif not basis and age.estimated:
        why = "lower_estimate_under_18" if state.identified.child else "lower_estimate_18_or_more"
    turns = birthday_18(age.born) if state.identified.child and age.born else None
    return {
        "when_met": state.identified.child,
        "because": why,
        "presumed": state.identified.child and why == "lower_estimate_under_18",
        "turns_18_on": turns.isoformat() if turns else None,
        "cohort_changes_on": turns.isoformat() if turns and turns >= today else None,
        "of_age": state.of_age or bool(turns and turns <= today),
    }


def _of_screenings(screenings: Sequence[Rescored]) -> Iterator[Support]:
    for one in screenings:
        for element in one.now.elements:
            because = {"screening": one.number, "instrument": one.now.instrument, "questions": list(element.because)}
            yield Support(element.element, element.value, because)


def _of_intake(state: Open) -> Iterator[Support]:
    told: Mapping[str, JSON] = state.identified.model_dump(mode="json")
    for field, rules in _FILE["facts"].items():
        values = told[field] if isinstance(told[field], list) else [told[field]]
        for value in values:
            name = value["country"] if isinstance(value, Mapping) else value
            rule = rules.get(name) or rules.get("*")
            for element, supported in (rule or {}).items():
                yield Support(element, name if supported == "*" else supported, {"intake": field, "value": name})


def _values(supports: Sequence[Support], element: str) -> list[JSON]:
    because: dict[str, list[JSON]] = {}
    for one in supports:
        if one.element == element:
            because.setdefault(one.value, []).append(one.because)
    return [{"value": value, "because": reasons} for value, reasons in because.items()]


def _supports(state: Open, missing: Sequence[str]) -> str:
    if not missing:
        return "victim"
    abroad = any(leg.country != state.identified.nationality for leg in state.identified.route)
    # Smuggling Protocol art. 3: help across a border for gain, without a purpose of exploitation.
    return "perhaps_smuggled" if "purpose" in missing and abroad else "not_enough_known"


def _notes(state: Open, found: set[str]) -> Iterator[str]:
    """What must not mislead who decides: Palermo Protocol art. 3 (b) and (c)."""
    child = state.identified.child
    if child:
        yield "child-needs-no-means"
    if state.identified.continuum in ("C", "D", "E", "F") and (child or "means" in found):
        yield "knowing-or-agreeing-counts-for-nothing"


def _screening(one: Rescored) -> dict[str, JSON]:
    shown = plain(one.now)
    assert isinstance(shown, dict)  # a dataclass
    names = ("instrument", "dimensions", "missing", "would_change", "notes")
    return {
        "screening": one.number,
        "result_then": one.then,
        "result_now": one.now.result,
        "changed": one.then != one.now.result,
        **{name: shown[name] for name in names},
    }


def _beside(state: Open, missing: Sequence[str]) -> dict[str, JSON] | None:
    stands = state.determination
    if stands is None:
        return None
    against = []
    if stands.outcome == "victim" and missing:
        against.append(f"no fact on file supports {', '.join(missing)}")
    if stands.outcome in ("not_victim", "smuggled_migrant") and not missing:
        against.append("facts on file support every element")
    if stands.child != state.identified.child:
        against.append("it was made when the person was taken for " + ("a child" if stands.child else "an adult"))
    return {
        "outcome": stands.outcome,
        "grounds": list(stands.grounds or ()),
        "wrong_reasons": list(state.alert.because) if state.alert else [],
        "against": against,
    }
