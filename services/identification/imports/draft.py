"""From the rows of a file to what would be recorded, and every reason why not. Pure; no reason repeats a value."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

import orjson
from pydantic import ValidationError

from libs.events.catalogue.vocabulary import InitialDetermination
from libs.events.event import JSON
from libs.rules.mappings import SystemMap
from libs.runtime.problems import Problem, pointer
from libs.tables.layout import Row, Table
from libs.tables.words import clean, key, orders_of
from services.identification.bodies import CaseBody
from services.identification.imports.facts import Facts, Finding, read_row

Claim: TypeAlias = Literal["victim", "suspected"]
Verdict: TypeAlias = Literal["accepted", "duplicate", "refused", "needs_review"]
SECTIONS = ("place", "person", "circumstances")


@dataclass(frozen=True, slots=True)
class Draft:
    """What one row would record, or why it records nothing."""

    row: Row
    verdict: Verdict
    identity: str
    """What the row is known by in its system; its digest, never itself, is stored."""
    raw: Mapping[str, str]
    """Every cell that a column was found for, as text."""
    findings: tuple[Finding, ...] = ()
    """Why it is refused or needs a person's eye."""
    notes: tuple[Finding, ...] = ()
    """What is missing, or was understood otherwise than it stands there; the row is recorded all the same."""
    filled: tuple[str, ...] = ()
    claim: Claim | None = None
    beyond: tuple[str, ...] = ()
    """Facts of other services that the row holds: kept with it, sealed, and recorded by nobody."""
    case: CaseBody | None = None
    agency: Mapping[str, JSON] | None = None
    answers: Mapping[str, JSON] | None = None
    initial: InitialDetermination | None = None
    reasons: str = ""


def drafts_of(table: Table, mapping: SystemMap, today: date) -> list[Draft]:
    """What each row of a file would record. A row that stands twice is a duplicate; twice and different, a question."""
    dated = [one.name for one in mapping.columns if one.kind in {"date", "birth"}]
    mixed = frozenset(
        name for name in dated if len(orders_of(row.cells.get(name) for row in table.rows)) > 1
    )  # fmt: skip
    drafts: list[Draft] = []
    first: dict[str, Mapping[str, str]] = {}
    for row in table.rows:
        draft = draft_of(row, mapping, mixed, today)
        before = first.setdefault(draft.identity, draft.raw)
        if before is not draft.raw and draft.verdict == "accepted":
            same = before == draft.raw
            found = Finding(mapping.identity[0], "row-twice" if same else "identity-twice", _TWICE[same])
            draft = Draft(
                row, "duplicate" if same else "needs_review", draft.identity, draft.raw, findings=(found,)
            )  # fmt: skip
        drafts.append(draft)
    return drafts


_TWICE = {
    True: "the same row stands further up in this file",
    False: "another row further up in this file has the same identity and says something else",
}


def draft_of(row: Row, mapping: SystemMap, mixed: frozenset[str], today: date) -> Draft:
    """What one row would record. `mixed` are the date columns that hold day-first and month-first dates."""
    raw = {name: text for name, cell in row.cells.items() if (text := clean(cell))}
    identity = _identity(raw, mapping)
    facts = read_row(row, mapping, mixed)
    findings = _definitions(raw, mapping)
    judged = {one.column for one in findings}  # a cell that a definition names is no unknown code besides
    findings += [one for one in facts.findings if one.column not in judged]
    made = {"case": None, "agency": None} if findings else _made(facts, mapping, today, findings)
    verdict: Verdict = "accepted"
    if findings:
        verdict = "refused" if any(one.refuses for one in findings) else "needs_review"
    return Draft(
        row, verdict, identity, raw, tuple(findings), tuple(facts.notes),
        filled=tuple(sorted({one.to for one in mapping.columns if one.name in raw and _is_fact(one.to)})),
        claim=facts.values.get("claim"),
        beyond=tuple(sorted(one.name for one in mapping.columns if one.to.startswith("beyond.") and one.name in raw)),
        case=made["case"], agency=made["agency"],
        answers={name.partition(".")[2]: value for name, value in facts.values.items() if name.startswith("answer.")},
        initial=facts.values.get("screening.initial"), reasons=facts.one("screening.reasons") or "",
    )  # fmt: skip


def _is_fact(target: str) -> bool:
    return target not in {"category", "source_ref"} and not target.startswith("beyond.")


def _identity(raw: Mapping[str, str], mapping: SystemMap) -> str:
    """The identifying cells; where one is empty, all of the row, so that nothing is taken for something else."""
    parts = [key(raw.get(name)) for name in mapping.identity]
    whole = orjson.dumps(raw, option=orjson.OPT_SORT_KEYS).decode()
    return "\x1f".join(parts) if all(parts) else whole


def _definitions(raw: Mapping[str, str], mapping: SystemMap) -> list[Finding]:
    """Where the system counts somebody whom our definition does not, or not without a look."""
    return [
        Finding(one.column, one.rule, one.why, refuses=one.verdict == "refused")
        for one in mapping.definitions
        if key(raw.get(one.column)) in one.values
    ]


def _made(facts: Facts, mapping: SystemMap, today: date, findings: list[Finding]) -> dict[str, JSON]:
    if mapping.becomes == "agency":
        return {"case": None, "agency": {
            name.partition(".")[2]: value for name, value in facts.values.items() if name.startswith("agency.")
        }}  # fmt: skip
    return {"case": _case(facts, mapping, today, findings), "agency": None}


def _case(facts: Facts, mapping: SystemMap, today: date, findings: list[Finding]) -> CaseBody | None:
    """The body as an officer would send it. What is wrong with it is added to the findings."""
    met = facts.day("occurred_at")
    if met is None or met > today:
        rule, what = (
            ("missing-critical-fact", "no day on which") if met is None else ("in-the-future", "a future day on which")
        )
        findings.append(
            Finding(facts.column("occurred_at"), rule, f"the row gives {what} the person was met", refuses=met is None)
        )
        return None
    document: dict[str, dict[str, JSON]] = defaultdict(dict)
    for target, value in facts.values.items():
        section, _, name = target.partition(".")
        if section in SECTIONS and name:
            document[section][name] = value
    _complete(document, facts, mapping, met)
    body = {"occurred_at": f"{met.isoformat()}T00:00:00+07:00", "channel": "import",
            "source_ref": facts.one("source_ref"), **document}  # fmt: skip
    try:
        case = CaseBody.model_validate_json(orjson.dumps(body))
        case.personal()
    except ValidationError as fault:
        for error in fault.errors(include_url=False, include_input=False, include_context=False):
            at = ".".join(str(part) for part in error["loc"])
            rule = "missing-critical-fact" if error["type"] == "missing" else "does-not-fit"
            findings.append(Finding(facts.column(at), rule, f"{pointer(error['loc'])}: {error['msg']}"))
        return None
    except Problem as fault:
        findings.append(Finding(facts.column("person.date_of_birth"), "birth-impossible", fault.detail, refuses=False))
        return None
    return case


def _complete(document: dict[str, dict[str, JSON]], facts: Facts, mapping: SystemMap, met: date) -> None:
    """What follows from what is there: the country of a province, names apart, the age on the day of the meeting."""
    place, person, circumstances = (document[name] for name in SECTIONS)
    if "province" in place:
        place.setdefault("country", str(place["province"]).partition("-")[0])
    if whole := person.pop("full_name", None):
        one, _, rest = str(whole).partition(" ")
        names = (one, rest) if mapping.family_first else (str(whole).rpartition(" ")[2], str(whole).rpartition(" ")[0])
        person.update({name: part for name, part in zip(("family_name", "given_name"), names, strict=True) if part})
    person.setdefault("sex", "unknown")
    age, born = person.pop("age", None), facts.birth
    if born is not None and born.exact and not facts.birth_unsure:
        person["date_of_birth"] = born.first.isoformat()
        if age and not age[0] - 1 <= _years(born.first, met) <= age[1] + 1:
            facts.note(facts.column("person.age"), "age-disagrees", "the age and the birth date do not fit each other")
    elif age:
        person["age_estimate"] = {"min": age[0], "max": age[1]}
    elif born is not None and born.last < met:
        person["age_estimate"] = {"min": _years(born.last, met), "max": _years(born.first, met)}
    circumstances.setdefault("continuum", "unknown")
    circumstances.setdefault("exploitation", [])


def _years(born: date, on: date) -> int:
    return max(on.year - born.year - ((on.month, on.day) < (born.month, born.day)), 0)


def changed_sections(before: Draft, after: Draft) -> dict[str, dict[str, JSON]]:
    """The facts in which a row's newer state differs from the one that was recorded; what is gone now stands."""
    if before.case is None or after.case is None:
        return {}
    old, new = (one.case.model_dump(mode="json", exclude_none=True) for one in (before, after) if one.case)
    changed: dict[str, dict[str, JSON]] = {}
    for section in SECTIONS:
        for name, value in new[section].items():
            if old[section].get(name) != value:
                changed.setdefault(section, {})[name] = value
    return changed


def shown(findings: Sequence[Finding], row: Row) -> list[dict[str, str]]:
    """Findings as a report has them: sheet, row and column instead of any value."""
    return [
        {"pointer": pointer((row.sheet, row.number, one.column)), "rule": one.rule, "detail": one.detail}
        for one in findings
    ]
