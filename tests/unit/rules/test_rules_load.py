"""A rule file that is not exactly right is refused, with the line at fault."""

import json
from pathlib import Path

import pytest

from libs.rules.load import BadRules, load, read

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "days"],
    "properties": {
        "name": {"type": "string"},
        "days": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        "on": {"type": "string", "format": "date"},
    },
}


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "toy.schema.json"
    path.write_text(json.dumps(SCHEMA))
    return path


def refused(text: str, schema: Path) -> list[tuple[int, str, str]]:
    path = schema.parent / "toy.yaml"
    path.write_text(text)
    with pytest.raises(BadRules) as caught:
        load(path, schema)
    assert all(str(fault).startswith(f"{path}:{fault.line}: ") for fault in caught.value.faults)
    return [(fault.line, fault.pointer, fault.what) for fault in caught.value.faults]


def test_reads_a_file_that_satisfies_its_schema(schema: Path) -> None:
    path = schema.parent / "toy.yaml"
    path.write_text('name: heron\ndays: [1, 2]\non: "2026-01-02"\n')
    document = load(path, schema)
    assert document.content == {"name": "heron", "days": [1, 2], "on": "2026-01-02"}
    assert document.lines["/days/1"] == 2


@pytest.mark.parametrize(
    ("text", "line", "pointer", "what"),
    [
        ("name: heron\ndays: [1]\nname: ibis\n", 3, "/name", "key 'name' is given twice (first on line 1)"),
        ("name: heron\n\ndays: [1]\ncolour: blue\n", 4, "/colour", "unknown key 'colour'"),
        ("name: heron\ndays:\n  - 1\n  - 0\n", 4, "/days/1", "0 is less than the minimum of 1"),
        ("name: heron\n", 1, "", "'days' is a required property"),
        ("name: heron\ndays: [1]\n7: x\n", 3, "", "has a key that is not text"),
        ("- name\n", 1, "", "must be a mapping at the top"),
        ("name: &a heron\ndays: [1]\non: *a\n", 3, "/on", "uses a YAML alias; write the value out"),
        ("name: heron\ndays: [1]\non: 2026-02-30\n", 3, "/on", "'2026-02-30' is not a 'date'"),
    ],
)
def test_names_the_line_at_fault(schema: Path, text: str, line: int, pointer: str, what: str) -> None:
    assert (line, pointer, what) in refused(text, schema)


def test_names_the_line_of_a_syntax_error(schema: Path) -> None:
    ((line, _, what),) = refused("name: heron\ndays: [1\nother: 2\n", schema)
    assert line == 3
    assert what.startswith("is not YAML")


def test_reports_every_fault_at_once(schema: Path) -> None:
    assert [line for line, _, _ in refused("name: 1\ndays: [0]\ncolour: red\n", schema)] == [3, 2, 1]


def test_does_not_guess_types(schema: Path) -> None:
    path = schema.parent / "toy.yaml"
    path.write_text("name: no\ndays: [1]\non: 2026-01-02\n")
    assert load(path, schema).content == {"name": "no", "days": [1], "on": "2026-01-02"}


def test_says_when_a_file_cannot_be_read(schema: Path) -> None:
    document, faults = read(schema.parent / "absent.yaml", schema)
    assert document is None
    assert "cannot be read" in faults[0].what


def test_refuses_a_file_nobody_wrote_by_hand(schema: Path) -> None:
    assert "is larger than" in refused("#" * 1_000_001, schema)[0][2]
