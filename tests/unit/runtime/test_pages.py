"""A page of a list: its moments are written like everywhere else, whatever the database's session says."""

import orjson
import pytest

from libs.runtime.pages import Page, cursor_of, in_utc, page, page_of


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-03-02T02:00:00+00:00", "2026-03-02T02:00:00.000000Z"),
        ("2026-03-02T09:00:00.5+07:00", "2026-03-02T02:00:00.500000Z"),
        ("2026-03-02", "2026-03-02"),
        ("seen on 2026-03-02T02:00:00+00:00", "seen on 2026-03-02T02:00:00+00:00"),
        (7, 7),
        (None, None),
    ],
)
def test_a_moment_ends_in_z(stored: object, shown: object) -> None:
    assert in_utc({"a": [stored], "b": {"c": stored}}) == {"a": [shown], "b": {"c": shown}}


def test_a_page_goes_on_after_its_last_item() -> None:
    answer = orjson.loads(page_of([{"id": "a"}, {"id": "b"}], "id", Page(1, "")).body)
    assert answer == {"items": [{"id": "a"}], "next": cursor_of("a")}
    assert page(1, answer["next"]) == Page(1, "a")
