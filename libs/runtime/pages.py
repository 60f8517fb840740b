"""Lists a page at a time: `?limit=&cursor=` in, `{"items": […], "next": …}` out. Keyset, so that nothing is skipped."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import Depends, Query, Response

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.runtime.problems import Problem

LIMIT_DEFAULT, LIMIT_MAX = 50, 500
NUMBER_DIGITS_MAX = 9
BIGINT_DIGITS_MAX = 18
"""What an `integer` and a `bigint` of PostgreSQL always hold."""
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?[+-]\d{2}:\d{2}")
"""A moment as PostgreSQL writes it in JSON: with the offset of its session."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for: at most `limit` items after the key `after` (empty: from the beginning)."""

    limit: int
    after: str

    def number(self, digits_max: int = NUMBER_DIGITS_MAX) -> int:
        """The key as a number, 0 from the beginning. Raises 400 where it is none, or has more digits."""
        if not self.after:
            return 0
        if not (self.after.isascii() and self.after.isdecimal() and len(self.after) <= digits_max):
            raise bad_cursor()
        return int(self.after)


def bad_cursor() -> Problem:
    """400: the cursor is not one of this list's."""
    return Problem(400, "bad-cursor", "send the `next` of an earlier answer, unchanged")


def page(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Page:
    """A dependency: the page that a list request asks for. Raises 400 on a cursor that is not ours."""
    try:
        after = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode() if cursor else ""
    except (ValueError, binascii.Error):
        raise bad_cursor() from None
    if "\0" in after:
        raise bad_cursor()
    return Page(limit, after)


Paged = Annotated[Page, Depends(page)]
"""What a route that answers a list asks for."""


def page_of(found: Sequence[Mapping[str, JSON]], key: str, asked: Page) -> Response:
    """The answer to a list request; `found` holds one item more than asked where there is a next page."""
    items = found[: asked.limit]
    following = cursor_of(str(items[-1][key])) if len(found) > asked.limit else None
    return Response(
        orjson.dumps({"items": [in_utc(item) for item in items], "next": following}),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def part(items: Sequence[JSON], asked: Page) -> dict[str, JSON]:
    """A page, by number, of a list that is at hand whole: `items` and `next`. Raises 400 on a foreign cursor."""
    begin = asked.number()
    end = begin + asked.limit
    return {"items": list(items[begin:end]), "next": cursor_of(str(end)) if end < len(items) else None}


def in_utc(value: JSON) -> JSON:
    """The same JSON with every moment in UTC and ending in `Z`, as the rest of the API writes it."""
    match value:
        case str() if _MOMENT.fullmatch(value):
            return rfc3339(datetime.fromisoformat(value))
        case Mapping():
            return {name: in_utc(inner) for name, inner in value.items()}
        case list():
            return [in_utc(inner) for inner in value]
        case _:
            return value


def cursor_of(key: str) -> str:
    """The cursor that continues after a key."""
    return base64.urlsafe_b64encode(key.encode()).decode()
