"""How a rule file is read: strict YAML with line numbers, checked against the JSON Schema kept beside it.

This is the only place of `libs.rules` that touches the disk. A file that is not well formed is refused at start,
with every fault as `file:line: pointer: what`; nothing is ever guessed or skipped.
"""

import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `services/` and `libs/`: data files are found from here."""

FILE_BYTES_MAX = 1_000_000
"""No rule file is near this size; one that is was not written by a person."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a rule file, and where."""

    file: str
    line: int
    pointer: str
    what: str

    def __str__(self) -> str:
        """As an editor and a person can follow it: `file:line: pointer: what`."""
        return f"{self.file}:{self.line}: {self.pointer or '/'}: {self.what}"


class BadRules(Exception):
    """Raised when a rule file cannot be used; carries every fault found, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from: a `text` that was read, known `practice`, or a `placeholder` that nobody confirmed."""

    kind: str
    note: str

    @property
    def placeholder(self) -> bool:
        """Whether the interface has to show this rule as unconfirmed."""
        return self.kind == "placeholder"


def source_of(entry: Mapping[str, Any]) -> Source:
    """The source that an entry names."""
    return Source(entry["source"]["kind"], entry["source"]["note"])


@dataclass(frozen=True, slots=True)
class Document:
    """A rule file that satisfied its schema: its content, and the line of every value."""

    file: str
    content: Mapping[str, Any]
    lines: Mapping[str, int]

    def fault(self, pointer: str, what: str) -> Fault:
        """A fault at a value of this file, for the checks that a schema cannot express."""
        return Fault(self.file, _line(self.lines, pointer), pointer, what)


def load(path: Path, schema: Path) -> Document:
    """Read one file; raise `BadRules` with every fault if it is not exactly what its schema says."""
    document, faults = read(path, schema)
    if document is None or faults:
        raise BadRules(faults)
    return document


def read(path: Path, schema: Path) -> tuple[Document | None, tuple[Fault, ...]]:
    """Read one file and say what is wrong with it, for tools that report instead of stopping."""
    name = _name(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        return None, (Fault(name, 0, "", f"cannot be read: {error.strerror}"),)
    if len(text) > FILE_BYTES_MAX:
        return None, (Fault(name, 0, "", f"is larger than {FILE_BYTES_MAX} bytes"),)
    tree, faults = _parse(name, text)
    if tree is None or faults:
        return None, faults
    return tree, tuple(_schema_faults(tree, _validator(schema)))


@lru_cache(maxsize=64)
def _validator(schema: Path) -> Draft202012Validator:
    content = json.loads(schema.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content, format_checker=FormatChecker())


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: `no` is a string, dates are strings, `1:30` is not a number."""

    yaml_implicit_resolvers = {}


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", "n~"),
    ("tag:yaml.org,2002:int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), [*_first])
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


def _parse(name: str, text: bytes) -> tuple[Document | None, tuple[Fault, ...]]:
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        walk = _Walk(name, loader)
        content = walk.value(node, "") if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return None, (Fault(name, line, "", f"is not YAML: {error.problem or error.context}"),)
    except yaml.YAMLError as error:
        return None, (Fault(name, 0, "", f"is not YAML: {error}"),)
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(content, dict):
        return None, (*walk.faults, Fault(name, 1, "", "must be a mapping at the top"))
    return Document(name, content, walk.lines), tuple(walk.faults)


class _Walk:
    """Turns the nodes of one file into values, noting each value's line and what may not be there."""

    def __init__(self, name: str, loader: _Loader) -> None:
        self.name = name
        self.loader = loader
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, pointer: str) -> object:
        """The value of a node; its line is recorded under its pointer."""
        line = node.start_mark.line + 1
        self.lines.setdefault(pointer, line)
        if id(node) in self._seen:
            self.faults.append(Fault(self.name, self.lines[pointer], pointer, "uses a YAML alias; write the value out"))
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, pointer))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{pointer}/{index}") for index, item in enumerate(node.value)]
        constructed: object = self.loader.construct_object(node)
        return constructed

    def _entries(self, node: yaml.MappingNode, pointer: str) -> Iterator[tuple[str, object]]:
        first_lines: dict[Hashable, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.loader.construct_object(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self.faults.append(Fault(self.name, line, pointer, "has a key that is not text"))
                continue
            here = f"{pointer}/{_escape(key)}"
            if key in first_lines:
                what = f"key {key!r} is given twice (first on line {first_lines[key]})"
                self.faults.append(Fault(self.name, line, here, what))
                continue
            first_lines[key] = line
            self.lines[here] = line
            yield key, self.value(value_node, here)


def _schema_faults(tree: Document, validator: Draft202012Validator) -> Iterator[Fault]:
    errors = sorted(validator.iter_errors(tree.content), key=lambda error: [str(part) for part in error.absolute_path])
    for error in errors:
        pointer = "".join(f"/{_escape(str(part))}" for part in error.absolute_path)
        if error.validator == "additionalProperties":
            yield from (tree.fault(f"{pointer}/{_escape(key)}", f"unknown key {key!r}") for key in _extras(error))
        else:
            yield tree.fault(pointer, error.message)


def _extras(error: ValidationError) -> list[str]:
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    return [key for key in error.instance if key not in known] if isinstance(error.instance, Mapping) else []


def _line(lines: Mapping[str, int], pointer: str) -> int:
    """The line of a pointer, or of the nearest value around it."""
    while pointer and pointer not in lines:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer, 1)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _name(path: Path) -> str:
    """The path as a person would type it: below the project where it lies there."""
    absolute = path.resolve()
    return str(absolute.relative_to(ROOT)) if absolute.is_relative_to(ROOT) else str(path)
