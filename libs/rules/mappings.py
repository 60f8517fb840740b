"""How others' files are read, as data: columns to facts, code lists, date order, definitions that differ from ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from libs.events.catalogue.vocabulary import (
    Continuum,
    ControlMethod,
    Country,
    Exploitation,
    Gender,
    Industry,
    InitialDetermination,
    Language,
    Province,
    RecruitmentMethod,
    Sex,
)  # fmt: skip
from libs.rules.instruments import UnknownInstrument, load_instruments
from libs.rules.load import ROOT, BadRules, Document, Fault, Source, load, source_of
from libs.tables.layout import Heading
from libs.tables.words import key

FOLDER = ROOT / "services/identification/rules/imports"
HEADER_ROWS_MAX = 15

TEXT: Final[TypeAdapter[Any]] = TypeAdapter(str)
TARGETS: Final[Mapping[str, TypeAdapter[Any]]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "source_ref", "occurred_at", "place.detail", "person.full_name", "person.given_name",
                "person.family_name", "person.date_of_birth", "person.age", "person.contact", "person.document_number",
                "circumstances.narrative", "screening.reasons", "category", "agency.name", "agency.licence",
                "agency.year", "agency.women", "agency.men",
            ),
            TEXT,
        ),
        "place.province": TypeAdapter(Province),
        "place.country": TypeAdapter(Country),
        "person.sex": TypeAdapter(Sex),
        "person.gender": TypeAdapter(Gender),
        "person.nationality": TypeAdapter(Country),
        "person.language": TypeAdapter(Language),
        "circumstances.continuum": TypeAdapter(Continuum),
        "circumstances.exploitation": TypeAdapter(Exploitation),
        "circumstances.industry": TypeAdapter(Industry),
        "circumstances.recruitment_method": TypeAdapter(RecruitmentMethod),
        "circumstances.control_methods": TypeAdapter(ControlMethod),
        "screening.initial": TypeAdapter(InitialDetermination),
        "claim": TypeAdapter(Literal["victim", "suspected"]),
        "agency.country": TypeAdapter(Country),
    }
)  # fmt: skip
"""Where a column may go, and what its codes must be. Beside these: `answer.<question>`, and `beyond.<name>` for what
another service records: it is kept with the row, sealed, and reported."""

OPEN_TARGETS = ("answer.", "beyond.")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the headings it goes by, how its cells are read, and which fact it states."""

    name: str
    headings: tuple[str, ...]
    to: str
    kind: str
    codes: Mapping[str, str]
    """Key of a spelling to our value; empty where the cell is no code."""
    otherwise: str | None
    required: bool
    fill_down: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """Values by which a system counts somebody whom we do not, or not without a look."""

    column: str
    values: frozenset[str]
    verdict: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class SystemMap:
    """How one system's file is read."""

    id: str
    version: int
    title: Mapping[str, str]
    becomes: str
    source: Source
    date_order: str
    family_first: bool
    header_rows_max: int
    ends: frozenset[str]
    identity: tuple[str, ...]
    constants: Mapping[str, Any]
    instrument: str | None
    columns: tuple[Column, ...]
    definitions: tuple[Definition, ...]

    @property
    def headings(self) -> list[Heading]:
        """What is looked for in a sheet."""
        return [
            Heading(one.name, frozenset(map(key, one.headings)), required=one.required, fill_down=one.fill_down)
            for one in self.columns
        ]


class UnknownSystem(LookupError):
    """No mapping has this name."""


@dataclass(frozen=True, slots=True)
class Mappings:
    """Every system's newest mapping, and the older ones that a job may have started under."""

    by_key: Mapping[tuple[str, int], SystemMap]

    @property
    def newest(self) -> Mapping[str, SystemMap]:
        """The mapping that a new file is read by, for each system."""
        return {system: mapping for (system, _), mapping in sorted(self.by_key.items())}

    def of(self, system: str, version: int | None = None) -> SystemMap:
        """A system's newest mapping, or one version of it. Raises UnknownSystem."""
        found = self.newest.get(system) if version is None else self.by_key.get((system, version))
        if found is None:
            raise UnknownSystem(system)
        return found


@lru_cache(maxsize=4)
def load_mappings(folder: Path = FOLDER) -> Mappings:
    """Read every mapping of a folder; raise `BadRules` with the lines at fault."""
    lists = load(folder / "codes.v1.yaml", FOLDER / "codes.schema.json").content["lists"]
    found = [load_mapping(path, lists) for path in sorted(folder.glob("*.yaml")) if path.name != "codes.v1.yaml"]
    return Mappings(MappingProxyType({(one.id, one.version): one for one in found}))


def load_mapping(path: Path, lists: Mapping[str, Mapping[str, list[str]]]) -> SystemMap:
    """Read one mapping; raise `BadRules` with the lines at fault."""
    document = load(path, FOLDER / "mapping.schema.json")
    if faults := tuple(_faults(document, path.stem, lists)):
        raise BadRules(faults)
    content = document.content
    return SystemMap(
        id=content["id"],
        version=content["version"],
        title=MappingProxyType(content["title"]),
        becomes=content["becomes"],
        source=source_of(content),
        date_order=content["date_order"],
        family_first=content.get("name_order", "family_first") == "family_first",
        header_rows_max=content.get("header_rows_max", HEADER_ROWS_MAX),
        ends=frozenset(map(key, content.get("end_words", ()))),
        identity=tuple(content["identity"]),
        constants=MappingProxyType(content.get("constants", {})),
        instrument=content.get("instrument"),
        columns=tuple(_column(entry, lists) for entry in content["columns"]),
        definitions=tuple(
            Definition(
                one["column"], frozenset(map(key, one["values"])), one["verdict"], one["rule"], one["why"]
            )
            for one in content.get("definitions", ())
        ),
    )  # fmt: skip


def _column(entry: Mapping[str, Any], lists: Mapping[str, Mapping[str, list[str]]]) -> Column:
    return Column(
        entry["name"], tuple(entry["headings"]), entry["to"], entry["kind"],
        MappingProxyType({key(spelling): value for value, spellings in _codes(entry, lists).items()
                          for spelling in spellings}),
        entry.get("otherwise"), entry.get("required", False), entry.get("fill_down", False),
    )  # fmt: skip


def _codes(entry: Mapping[str, Any], lists: Mapping[str, Mapping[str, list[str]]]) -> Mapping[str, list[str]]:
    codes = entry.get("codes", "yes" if entry["kind"] == "yes" else {})
    return lists.get(codes, {}) if isinstance(codes, str) else codes


def _faults(document: Document, stem: str, lists: Mapping[str, Mapping[str, list[str]]]) -> Iterator[Fault]:
    content = document.content
    if stem != f"{content['id']}.v{content['version']}":
        yield document.fault("/id", f"the file is named {stem}, not {content['id']}.v{content['version']}")
    names = [entry["name"] for entry in content["columns"]]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.fault(f"/columns/{index}/name", f"{name!r} is there twice")
        for what in _column_faults(content["columns"][index], lists):
            yield document.fault(f"/columns/{index}", what)
    yield from _answer_faults(document)
    for index, name in enumerate(content["identity"]):
        if name not in names:
            yield document.fault(f"/identity/{index}", f"there is no column {name!r}")
    for index, one in enumerate(content.get("definitions", ())):
        if one["column"] not in names:
            yield document.fault(f"/definitions/{index}/column", f"there is no column {one['column']!r}")
    for target, value in content.get("constants", {}).items():
        for each in value if isinstance(value, list) else [value]:
            if what := _unfit(target, each):
                yield document.fault(f"/constants/{target}", what)


def _answer_faults(document: Document) -> Iterator[Fault]:
    """Columns that answer a question which their instrument does not ask."""
    content = document.content
    try:
        questions = load_instruments().of(content["instrument"]).questions if "instrument" in content else ()
    except UnknownInstrument:
        yield document.fault("/instrument", f"there is no instrument {content['instrument']!r}")
        return
    asked = {f"answer.{question.id}" for question in questions}
    for index, entry in enumerate(content["columns"]):
        if entry["to"].startswith("answer.") and entry["to"] not in asked:
            yield document.fault(f"/columns/{index}/to", "the instrument has no such question")


def _column_faults(entry: Mapping[str, Any], lists: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    codes = entry.get("codes")
    if isinstance(codes, str) and codes not in lists:
        yield f"there is no code list {codes!r}"
    if entry["kind"] in {"code", "codes"} and not codes:
        yield "a code needs its list"
    if entry["to"] not in TARGETS and not entry["to"].startswith(OPEN_TARGETS):
        yield f"there is no fact {entry['to']!r}; there are {', '.join(TARGETS)}"
        return
    spelled: dict[str, str] = {}
    for value, spellings in _codes(entry, lists).items():
        if entry["kind"] != "yes" and (what := _unfit(entry["to"], value)):
            yield what
        for spelling in spellings:
            if spelled.setdefault(key(spelling), value) != value:
                yield f"{spelling!r} stands for two values"
    if "otherwise" in entry and (what := _unfit(entry["to"], entry["otherwise"])):
        yield what


def _unfit(target: str, value: object) -> str:
    if target.startswith(OPEN_TARGETS):
        return ""
    try:
        TARGETS[target].validate_python(value)
    except KeyError:
        return f"there is no fact {target!r}"
    except ValidationError:
        return f"{value!r} is not a value of {target}"
    return ""
