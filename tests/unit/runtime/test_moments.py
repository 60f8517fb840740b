"""A moment in a body is RFC 3339 text with an offset, and nothing that only pydantic takes for one."""

from datetime import UTC, datetime

import pytest

from libs.runtime.problems import Problem
from libs.runtime.requests import FactBody, parsed


def test_a_moment_is_read() -> None:
    body = parsed(FactBody, b'{"occurred_at": "2026-03-02T09:00:00+07:00"}')
    assert body.occurred_at == datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment", ['"1700000000"', "1700000000", '"2026-03-02"', '"2026-03-02T09:00:00"', "null", "true"]
)
def test_what_is_no_moment_is_refused_by_its_place(moment: str) -> None:
    with pytest.raises(Problem) as refused:
        parsed(FactBody, f'{{"occurred_at": {moment}}}'.encode())
    assert refused.value.status == 422
    assert refused.value.errors[0]["pointer"] == "/occurred_at"
