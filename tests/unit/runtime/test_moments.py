"""A moment in a body is RFC 3339 text with an offset, and nothing else."""

import orjson
import pytest

from libs.runtime.problems import Problem
from libs.runtime.requests import FactBody, parsed


def test_a_moment_with_an_offset_is_taken() -> None:
    body = parsed(FactBody, orjson.dumps({"occurred_at": "2026-03-02T09:00:00+07:00"}))
    assert body.occurred_at.isoformat() == "2026-03-02T09:00:00+07:00"


@pytest.mark.parametrize("value", ["1700000000", 1700000000, 1.5, True, None, "2026-03-02T09:00:00", "today"], ids=repr)
def test_anything_else_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(Problem) as refused:
        parsed(FactBody, orjson.dumps({"occurred_at": value}))
    assert refused.value.status == 422
    assert [error["pointer"] for error in refused.value.errors] == ["/occurred_at"]
