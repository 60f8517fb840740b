"""A mapping that is not exactly right is refused at start, with the line at fault."""

from pathlib import Path

import pytest

from libs.rules.load import BadRules
from libs.rules.mappings import FOLDER, UnknownSystem, load_mappings

MOSVY = (FOLDER / "mosvy.v1.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("to: person.sex", "to: person.sexx", "there is no fact 'person.sexx'"),
        ("codes: province", "codes: provinces", "there is no code list 'provinces'"),
        ("identity: [reg_no]", "identity: [number]", "there is no column 'number'"),
        ("otherwise: unknown", "otherwise: perhaps", "'perhaps' is not a value of person.sex"),
        ("name: age,", "name: sex,", "'sex' is there twice"),
        ("date_order: dmy", "date_order: dym", "is not one of"),
        ("column: category", "column: kind", "there is no column 'kind'"),
        ("id: mosvy", "id: mosvi", "the file is named"),
        ("date_order: dmy", "date_order: dmy\ninstrument: nothing.v1", "there is no instrument"),
    ],
)
def test_a_mistake_is_found_with_its_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    (tmp_path / "codes.v1.yaml").write_bytes((FOLDER / "codes.v1.yaml").read_bytes())
    (tmp_path / "mosvy.v1.yaml").write_text(MOSVY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadRules) as fault:
        load_mappings(tmp_path)
    line = str(fault.value.faults[0])
    assert what in str(fault.value)
    assert line.split(":")[1].isdecimal()


def test_a_job_keeps_the_version_that_it_started_under(tmp_path: Path) -> None:
    (tmp_path / "codes.v1.yaml").write_bytes((FOLDER / "codes.v1.yaml").read_bytes())
    (tmp_path / "mosvy.v1.yaml").write_text(MOSVY, encoding="utf-8")
    (tmp_path / "mosvy.v2.yaml").write_text(MOSVY.replace("version: 1", "version: 2"), encoding="utf-8")
    found = load_mappings(tmp_path)
    assert (found.of("mosvy").version, found.of("mosvy", 1).version) == (2, 1)
    with pytest.raises(UnknownSystem):
        found.of("mosvy", 3)
