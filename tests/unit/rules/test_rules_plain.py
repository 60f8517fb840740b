"""Every rule can be served as JSON, with its placeholders marked."""

import json
from datetime import date

import pytest

from libs.rules.corridors import load_corridors
from libs.rules.instruments import load_instruments
from libs.rules.limits import PATHS, load_limits
from libs.rules.plain import plain
from libs.rules.scoring import score
from libs.rules.statutes import load_statutes


def test_every_rule_is_json() -> None:
    rules: list[object] = [load_corridors(), load_instruments(), load_statutes(), *map(load_limits, PATHS)]
    for rule in rules:
        assert json.loads(json.dumps(plain(rule)))


def test_serves_an_instrument_with_its_questions_in_four_languages() -> None:
    served = plain(load_instruments().of("screening-form"))
    assert isinstance(served, dict)
    assert (served["key"], served["version"]) == ("screening-form.v1", 1)
    questions = served["questions"]
    assert isinstance(questions, list)
    assert isinstance(questions[0], dict)
    assert set(dict(questions[0]["text"] if isinstance(questions[0]["text"], dict) else {})) == {"en", "km", "th", "vi"}


def test_serves_a_placeholder_as_one() -> None:
    served = plain(load_corridors().of("KH-VN").step("notified").limit)
    assert isinstance(served, dict)
    assert isinstance(served["source"], dict)
    assert served["source"]["placeholder"] is True


def test_serves_a_score() -> None:
    served = plain(score(load_instruments().of("identification-card"), {"ex_hours": True}, child=True))
    assert isinstance(served, dict)
    assert served["result"] == "insufficient"


def test_serves_days_and_refuses_what_is_no_rule() -> None:
    assert plain({"day": date(2026, 1, 2), "roles": frozenset({"b", "a"})}) == {
        "day": "2026-01-02",
        "roles": ["a", "b"],
    }
    with pytest.raises(TypeError, match="object is not a rule"):
        plain(object())
