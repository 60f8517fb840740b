"""The corridor files: read at start, checked beyond what a schema can say, and compared version with version."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from libs.rules.calendar import load_calendars
from libs.rules.load import ROOT, BadRules, Document, Fault, Source, read
from libs.rules.procedure import (
    CORE_STEPS,
    OPENED,
    Corridor,
    Corridors,
    Limit,
    Party,
    Step,
    corridor_of,
    due,
    is_complete,
    next_steps,
    waiting_for,
)

__all__ = [
    "Change",
    "Corridor",
    "Corridors",
    "Step",
    "check",
    "diff",
    "due",
    "is_complete",
    "load_checked",
    "load_corridors",
    "next_steps",
    "waiting_for",
]

FOLDER = ROOT / "services/repatriation/rules/corridors"
SCHEMA = FOLDER / "corridor.schema.json"
NEVER_WAIVED: Final = ("risk_assessed", "consent_given", "handed_over", "receipt_acknowledged")
"""Nobody is handed over without consent and risk assessment, and custody is never empty."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions; `where` is `corridor`, `steps` or a step's id."""

    where: str
    what: str
    old: str
    new: str

    def __str__(self) -> str:
        """As a line of `nrm corridors diff`."""
        return f"{self.where}: {self.what}: {self.old} -> {self.new}"


@lru_cache(maxsize=4)
def load_corridors(folder: Path = FOLDER) -> Corridors:
    """Read every corridor of a folder; raise `BadRules` with the lines at fault."""
    found = [load_checked(path) for path in sorted(folder.glob("*.yaml"))]
    return Corridors(MappingProxyType({corridor.key: corridor for corridor in found}))


def load_checked(path: Path, schema: Path = SCHEMA) -> Corridor:
    """Read one corridor file; raise `BadRules` with the lines at fault."""
    document, faults = _read(path, schema)
    if document is None or faults:
        raise BadRules(faults)
    return corridor_of(document)


def check(path: Path, schema: Path = SCHEMA) -> tuple[Fault, ...]:
    """Everything that is wrong with a corridor file; nothing if a service would start with it."""
    return _read(path, schema)[1]


def _read(path: Path, schema: Path) -> tuple[Document | None, tuple[Fault, ...]]:
    document, faults = read(path, schema)
    if document is None or faults:
        return document, faults
    return document, tuple(document.fault(pointer, what) for pointer, what in _faults(document.content, path.stem))


def _faults(content: Mapping[str, Any], stem: str) -> Iterator[tuple[str, str]]:
    yield from _head_faults(content, stem)
    yield from _step_set_faults(content)
    parties = {party["id"]: party["side"] for party in content["parties"]}
    known = {step["id"] for step in content["steps"]}
    for index, step in enumerate(content["steps"]):
        for key, what in _step_faults(step, known, parties, content["languages"]):
            yield f"/steps/{index}/{key}", what
    if cycle := _cycle({step["id"]: step["depends_on"] for step in content["steps"]}):
        yield "/steps", f"steps wait for each other: {' -> '.join(cycle)}"
        return
    starts = {step["id"]: [step["limit"]["from"]] if step["limit"] else [] for step in content["steps"]}
    if cycle := _cycle(starts):
        yield "/steps", f"limits count from each other: {' -> '.join(cycle)}"
    yield from _order_faults(content)


def _head_faults(content: Mapping[str, Any], stem: str) -> Iterator[tuple[str, str]]:
    if stem != f"{content['id']}.v{content['version']}":
        yield "/id", f"the file is named {stem}, not {content['id']}.v{content['version']}"
    if content["id"] != f"{content['from_country']}-{content['to_country']}":
        yield "/id", "is not <from_country>-<to_country>"
    direction = "outbound" if content["from_country"] == "KH" else "inbound"
    if "KH" not in (content["from_country"], content["to_country"]) or content["direction"] != direction:
        yield "/direction", "is `outbound` from Cambodia and `inbound` to it"
    if set(content["title"]) != set(content["languages"]):
        yield "/title", f"must be in exactly {', '.join(content['languages'])}"


def _step_set_faults(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = [step["id"] for step in content["steps"]]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"/steps/{index}/id", f"step {name!r} is there twice"
        if name == OPENED:
            yield f"/steps/{index}/id", f"{OPENED!r} is the request itself, not a step"
    for name in CORE_STEPS:
        if name not in names:
            yield "/steps", f"step {name!r} is missing; every SOP has it"


def _step_faults(
    step: Mapping[str, Any], known: set[str], parties: Mapping[str, str], languages: list[str]
) -> Iterator[tuple[str, str]]:
    if set(step["title"]) != set(languages):
        yield "title", f"must be in exactly {', '.join(languages)}"
    if parties.get(step["party"]) != step["side"]:
        yield "party", f"{step['party']!r} is not a party of the {step['side']} side"
    for name in step["depends_on"]:
        if name not in known:
            yield "depends_on", f"there is no step {name!r}"
    if step.get("other_than", step["id"]) not in known:
        yield "other_than", f"there is no step {step['other_than']!r}"
    needed = step.get("required_for_a_child", [])
    if not set(needed) <= set(step["documents"]) or (step["id"] == "consent_given" and not needed):
        yield "required_for_a_child", "names documents of the step; a child's consent needs its guardian's, and more"
    if step["id"] in NEVER_WAIVED and (step["waivable_by"] or step.get("optional", False)):
        yield "waivable_by", f"{step['id']!r} can never be waived or left out"
    if limit := step["limit"]:
        yield from _limit_faults(limit, known)


def _limit_faults(limit: Mapping[str, Any], known: set[str]) -> Iterator[tuple[str, str]]:
    if limit["from"] not in {*known, OPENED}:
        yield "limit/from", f"there is no step {limit['from']!r}"
    if (limit["kind"] == "working") != ("calendar" in limit):
        yield "limit", "working days need a calendar, and calendar days have none"
    if limit.get("calendar", "KH") not in load_calendars().by_country:
        yield "limit/calendar", f"there is no calendar {limit['calendar']!r}"


def _order_faults(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The order that no ministry may change: consent and risk before hand-over, then receipt by the other side."""
    graph = {step["id"]: step["depends_on"] for step in content["steps"]}
    index = {step["id"]: number for number, step in enumerate(content["steps"])}
    for later, earlier in (
        ("handed_over", "consent_given"),
        ("handed_over", "risk_assessed"),
        ("receipt_acknowledged", "handed_over"),
    ):
        if later in graph and earlier not in before(later, graph):
            yield f"/steps/{index[later]}/depends_on", f"{later!r} must come after {earlier!r}"
    receipt = index.get("receipt_acknowledged")
    if receipt is not None and content["steps"][receipt].get("other_than") != "handed_over":
        yield f"/steps/{receipt}", "`other_than: handed_over` is missing: both sides sign a hand-over"


def before(step: str, graph: Mapping[str, list[str]]) -> set[str]:
    """Every step that must be done before this one, directly or not."""
    found: set[str] = set()
    open_steps = [*graph.get(step, ())]
    while open_steps:
        name = open_steps.pop()
        if name not in found:
            found.add(name)
            open_steps.extend(graph.get(name, ()))
    return found


def _cycle(graph: Mapping[str, list[str]]) -> list[str]:
    """The steps that wait for themselves, or nothing."""
    return sorted(step for step in graph if step in before(step, graph))


def diff(old: Corridor, new: Corridor) -> tuple[Change, ...]:
    """What a new version changes, in the order of the file."""
    return (
        *_compare("corridor", old, new, skip={"parties", "steps"}),
        *_party_changes(old, new),
        *_step_changes(old, new),
    )


def _party_changes(old: Corridor, new: Corridor) -> Iterator[Change]:
    before_, after = {party.id: party for party in old.parties}, {party.id: party for party in new.parties}
    for name in sorted(before_.keys() | after.keys()):
        if before_.get(name) != after.get(name):
            yield Change("parties", name, _show(before_.get(name)), _show(after.get(name)))


def _step_changes(old: Corridor, new: Corridor) -> Iterator[Change]:
    earlier, later = {step.id: step for step in old.steps}, {step.id: step for step in new.steps}
    yield from (Change(name, "removed", name, "-") for name in earlier if name not in later)
    yield from (Change(name, "added", "-", name) for name in later if name not in earlier)
    kept_old, kept_new = [n for n in earlier if n in later], [n for n in later if n in earlier]
    if kept_old != kept_new:
        yield Change("steps", "order", ", ".join(kept_old), ", ".join(kept_new))
    for name in kept_new:
        yield from _compare(name, earlier[name], later[name], skip=set())


def _compare(where: str, old: Corridor | Step, new: Corridor | Step, skip: set[str]) -> Iterator[Change]:
    for field in fields(old):
        before_, after = getattr(old, field.name), getattr(new, field.name)
        if field.name not in skip and before_ != after:
            yield Change(where, field.name, _show(before_), _show(after))


def _show(value: object) -> str:
    """A value as a reader of a diff wants it."""
    match value:
        case None:
            return "-"
        case Limit():
            calendar = f" ({value.calendar})" if value.calendar else ""
            return f"{value.days} {value.kind} days{calendar} from {value.counted_from} [{value.source.kind}]"
        case Source():
            return f"{value.kind} ({value.note})"
        case Party():
            return f"{value.name} ({value.kind}, {value.side})"
        case frozenset():
            return ", ".join(sorted(value)) or "-"
        case tuple():
            return ", ".join(str(item) for item in value) or "-"
        case Mapping():
            return "; ".join(f"{key}: {item}" for key, item in sorted(value.items()))
        case _:
            return str(value)
