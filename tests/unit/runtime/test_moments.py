"""A moment is text of RFC 3339 with an offset, and nothing else; in a query it may be a day in Cambodia."""

import json
from datetime import UTC, date
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.runtime.moments import Begin, End, Moment
from libs.runtime.problems import Problem
from libs.runtime.requests import Day, FactBody, parsed


def test_a_moment_is_taken() -> None:
    body = parsed(FactBody, b'{"occurred_at":"2026-03-02T09:00:00+07:00"}')
    assert body.occurred_at.isoformat() == "2026-03-02T09:00:00+07:00"


@pytest.mark.parametrize(
    "value",
    ["1700000000", 1700000000, 0.5, True, None, "", "2026-03-01", "2026-03-01T00:00:00", "2026-02-30T00:00:00Z"],
    ids=repr,
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(Problem) as refused:
        parsed(FactBody, json.dumps({"occurred_at": value}).encode())
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, "/occurred_at")


@pytest.mark.parametrize("value", ["0", "1700000000", "-5", 0, True, "2026-02-30", ""], ids=repr)
def test_what_is_no_day_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_json(json.dumps(value))


def test_a_day_is_taken() -> None:
    assert TypeAdapter(Day).validate_json('"2026-11-01"') == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("kind", "value", "moment"),
    [
        (Begin, "2009-04-01", "2009-03-31 17:00:00+00:00"),
        (End, "2010-03-31", "2010-03-31 17:00:00+00:00"),
        (Moment, "2010-03-31", "2010-03-31 16:59:59.999999+00:00"),
        (End, "2010-03-31T10:00:00 07:00", "2010-03-31 03:00:00+00:00"),
        (Begin, "2010-03-31T10:00Z", "2010-03-31 10:00:00+00:00"),
    ],
)
def test_a_query_takes_moments_and_days_of_cambodia(kind: Any, value: str, moment: str) -> None:
    assert str(TypeAdapter(kind).validate_python(value).astimezone(UTC)) == moment


@pytest.mark.parametrize("value", ["yesterday", "2010-03-31T10:00:00", "2010-13-01", "20100331", "127", "1899-12-31"])
def test_a_query_takes_nothing_else(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Begin).validate_python(value)
