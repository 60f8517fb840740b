"""The sample files: made again byte for byte, and read as the truth that was put into them says."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from examples.generate.samples import TRUTH, samples
from libs.rules.mappings import load_mappings
from services.identification.imports.reading import MAPPINGS, read_file

FOLDER = Path(__file__).parents[3] / "examples" / "imports"
KNOWN: dict[str, dict[str, Any]] = json.loads((FOLDER / TRUTH).read_text(encoding="utf-8"))
TODAY = date(2026, 11, 25)


def test_every_file_is_made_again_byte_for_byte() -> None:
    made = samples()
    assert set(made) == {path.name for path in FOLDER.iterdir()}
    assert not [name for name, content in made.items() if (FOLDER / name).read_bytes() != content]


def test_every_system_has_a_sample_of_at_least_200_rows() -> None:
    assert set(KNOWN) == set(load_mappings().newest)
    assert all(of["rows"] >= 200 for of in KNOWN.values())


@pytest.mark.parametrize("system", KNOWN)
def test_a_file_is_read_as_its_truth_says(system: str) -> None:
    truth = KNOWN[system]
    file = read_file((FOLDER / truth["file"]).read_bytes(), MAPPINGS.of(system), TODAY)
    assert (len(file.drafts), len(file.table.notes)) == (truth["rows"], truth["trailing_notes"])
    became = Counter("recorded" if one.verdict == "accepted" else one.verdict for one in file.drafts)
    assert {status: became[status] for status in truth["counts"]} == truth["counts"]
    reasons = Counter(rule for one in file.drafts for rule in {found.rule for found in one.findings})
    assert dict(reasons) == truth["reasons"]
    recorded = [one for one in file.drafts if one.verdict == "accepted"]
    assert dict(Counter(rule for one in recorded for rule in {note.rule for note in one.notes})) == truth["notes"]


def test_the_samples_have_every_fault_that_such_files_have() -> None:
    reasons = {rule for of in KNOWN.values() for rule in of["reasons"]}
    notes = {rule for of in KNOWN.values() for rule in of["notes"]}
    assert reasons >= {
        "missing-critical-fact", "not-our-definition", "not-a-victim", "deported-not-screened", "ambiguous-date",
        "unreadable-date", "date-too-coarse", "in-the-future", "unknown-code", "row-twice", "identity-twice",
    }  # fmt: skip
    assert notes >= {"buddhist-era", "date-order", "missing", "unknown-code", "unreadable-age"}
    people = [Counter(number for number in of["persons"] if number is not None) for of in KNOWN.values()]
    assert sum(max(of.values(), default=0) > 1 for of in people) >= 9  # the same person under two numbers
