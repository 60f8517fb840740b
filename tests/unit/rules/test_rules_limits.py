"""Deadlines and limits: every service's file loads, and says where each number comes from."""

from pathlib import Path
from shutil import copy

import pytest

from libs.rules.limits import PATHS, UnknownLimit, load_limits
from libs.rules.load import ROOT, BadRules


@pytest.mark.parametrize(
    ("service", "name", "values", "unit"),
    [
        ("identification", "first_decision", (5,), "working_days"),
        ("identification", "reflection", (30,), "calendar_days"),
        ("aftercare", "hold", (72,), "hours"),
        ("aftercare", "transit_stay", (14,), "calendar_days"),
        ("aftercare", "follow_up", (1, 3, 6, 12), "months"),
    ],
)
def test_has_the_numbers_of_the_domain(service: str, name: str, values: tuple[int, ...], unit: str) -> None:
    limit = load_limits(service).of(name)
    assert (limit.values, limit.unit, limit.source.placeholder) == (values, unit, False)


def test_our_own_proposals_are_marked() -> None:
    assert load_limits("referral").of("approval").source.placeholder
    assert all(standard.source.placeholder for standard in load_limits("aftercare").standards)


def test_refuses_an_unknown_limit() -> None:
    with pytest.raises(UnknownLimit):
        load_limits("referral").of("patience")


def test_refuses_visits_out_of_order_with_the_line(tmp_path: Path) -> None:
    copy(PATHS["aftercare"].parent / "limits.schema.json", tmp_path)
    text = PATHS["aftercare"].read_text(encoding="utf-8")
    path = tmp_path / "limits.v1.yaml"
    path.write_text(text.replace("[1, 3, 6, 12]", "[3, 1]"), encoding="utf-8")
    with pytest.raises(BadRules) as caught:
        load_limits("aftercare", path)
    (fault,) = caught.value.faults
    assert (fault.line, fault.what) == (text[: text.index("[1, 3")].count("\n") + 1, "must rise from one to the next")


def test_the_services_share_one_schema() -> None:
    texts = {path.read_text() for path in ROOT.glob("services/*/rules/limits.schema.json")}
    assert len(texts) == 1


def test_the_documentation_names_every_rule_folder() -> None:
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    for path in [*ROOT.glob("services/*/rules/**/*.yaml"), *ROOT.glob("libs/rules/calendars/*.yaml")]:
        relative = path.relative_to(ROOT)
        assert f"`{relative}`" in text or f"`{relative.parent}/*.yaml`" in text, relative


def test_the_documentation_names_every_module() -> None:
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    modules = {path.name for path in ROOT.glob("libs/rules/*.py")} - {"__init__.py", "load.py"}
    assert all(name in text for name in modules)
