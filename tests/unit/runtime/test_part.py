"""A list that is at hand whole is paged by number, as every other list is by its cursor."""

import pytest

from libs.runtime.pages import BIGINT_DIGITS_MAX, cursor_of, page, part
from libs.runtime.problems import Problem


def test_the_pages_together_are_the_list() -> None:
    items, cursor, found = list(range(120)), "", []
    while cursor is not None:
        shown = part(items, page(limit=50, cursor=cursor))
        found += shown["items"]
        cursor = shown["next"]
    assert found == items
    assert part(items, page(limit=120))["next"] is None


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 10, "\u0663"])
def test_a_foreign_cursor_is_refused(after: str) -> None:
    with pytest.raises(Problem, match="bad-cursor"):
        part([], page(cursor=cursor_of(after)))


def test_a_cursor_holds_what_its_column_holds() -> None:
    assert page(cursor=cursor_of("9" * 18)).number(BIGINT_DIGITS_MAX) == 10**18 - 1
    with pytest.raises(Problem, match="bad-cursor"):
        page(cursor=cursor_of("9" * 19)).number(BIGINT_DIGITS_MAX)
