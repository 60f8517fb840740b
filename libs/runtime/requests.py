"""The gate that every request body passes before a model sees it: size, type, encoding, duplicates, NUL."""

import asyncio
import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Strict, ValidationError

from libs.events.event import JSON
from libs.runtime.ids import now
from libs.runtime.problems import Problem, invalid, pointer

CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future `occurred_at` may lie."""

BODY_S_MAX = 20
"""Longest for a body to arrive."""
DEPTH_MAX = 32
DIGITS_MAX = 17
INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON reader understands alike (RFC 8785)."""
KEY_LENGTH_MAX = 255

B = TypeVar("B", bound=BaseModel)


class Body(BaseModel):
    """A request body: strict types, no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def _is_rfc3339(value: object) -> object:
    if value is not None and not isinstance(value, datetime) and not (isinstance(value, str) and "-" in value):
        raise ValueError("is no moment of RFC 3339, e.g. 2026-11-01T08:00:00+07:00")
    return value


Moment = Annotated[AwareDatetime, Strict(strict=False), BeforeValidator(_is_rfc3339)]
"""A moment in a body, as text. Pydantic alone, strict or not, takes "1700000000" for seconds since 1970.

Not strict, as the text is no datetime any more to pydantic once a validator of ours has seen it.
"""


def _is_iso_day(value: object) -> object:
    if value is not None and not isinstance(value, date) and not (isinstance(value, str) and "-" in value[1:]):
        raise ValueError("is no date of ISO 8601, e.g. 2026-11-01")
    return value


Day = Annotated[date, Strict(strict=False), BeforeValidator(_is_iso_day)]
"""A date in a body or a query, as text. Pydantic alone takes "0" for the first day of 1970, as it does for a moment."""


class FactBody(Body):
    """A body that records something that happened at `occurred_at` (RFC 3339 with an offset)."""

    occurred_at: Moment


def idempotency_key(request: Request) -> str:
    """The Idempotency-Key. Raises 400 where it is missing or unfit."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise Problem(400, "idempotency-key-required", "send an Idempotency-Key header, new for each new request")
    if len(key) > KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise Problem(400, "bad-idempotency-key", f"at most {KEY_LENGTH_MAX} printable ASCII characters")
    return key


def if_match(request: Request) -> int | None:
    """The version in If-Match, if one is stated; an ETag that is none of ours matches nothing."""
    header = request.headers.get("if-match", "").strip()
    if header in {"", "*"}:
        return None
    text = header.removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdecimal() and len(text) < DIGITS_MAX else -1


async def read_raw(request: Request, limit: int, media_types: Iterable[str] = ("application/json",)) -> bytes:
    """The body's bytes. Raises Problem where they are too many, encoded, or of another type."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise Problem(415, "unsupported-media-type", f"send Content-Type: {' or '.join(media_types)}")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "unsupported-media-type", "send the body without Content-Encoding")
    try:
        async with asyncio.timeout(BODY_S_MAX):
            return await _whole_body(request, limit)
    except TimeoutError:
        raise Problem(408, "body-too-slow", f"the body did not arrive in {BODY_S_MAX} s; send it again") from None


async def _whole_body(request: Request, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise Problem(413, "body-too-large", f"the body is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def parsed(model: type[B], raw: bytes) -> B:
    """The body as a model. Raises Problem 400 where it is no proper JSON, 422 where it does not fit."""
    document = check_json(raw)
    try:
        body = model.model_validate_json(raw)
    except ValidationError as fault:
        raise invalid(fault, document=document) from None
    occurred_at = getattr(body, "occurred_at", None)
    if isinstance(occurred_at, datetime):
        check_moment(occurred_at, "/occurred_at")
    return body


def check_moment(occurred_at: datetime, at: str) -> None:
    """Raises Problem where a moment lies in the future, or before anything that this register can hold."""
    if occurred_at > now() + CLOCK_SKEW:
        raise unfit(at, "lies in the future (is the year of another calendar?)")
    if occurred_at.year < 1900:  # noqa: PLR2004 - nobody in this register was met before
        raise unfit(at, "lies before 1900")


def check_json(raw: bytes) -> JSON:
    """Refuse what JSON parsers disagree about: other encodings, duplicate keys, NaN, NUL, great depth."""
    try:
        value = json.loads(
            raw.decode("utf-8", errors="strict"), object_pairs_hook=_distinct, parse_constant=_refuse, parse_int=_whole
        )
    except (ValueError, RecursionError) as fault:
        what = str(fault) if isinstance(fault, _Unfit) else "the body is not JSON in UTF-8"
        raise Problem(400, "malformed-json", what) from None
    if b"\\u0000" in raw or b"[[[[" in raw or raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _walk(value, ())
    return value


class _Unfit(ValueError):
    """A message that may be shown: it repeats nothing of the input."""


def _distinct(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Unfit("an object has the same key twice")
    return mapping


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX or abs(int(text)) > INTEGER_MAX:
        raise _Unfit("a number lies beyond what JSON can carry exactly (2^53 - 1)")
    return int(text)


def _refuse(_: str) -> None:
    raise _Unfit("NaN and Infinity are not JSON")


def _walk(value: JSON, path: tuple[str | int, ...]) -> None:
    if len(path) > DEPTH_MAX:
        raise Problem(400, "malformed-json", f"the body is nested deeper than {DEPTH_MAX}")
    match value:
        case str() if "\0" in value:
            raise unfit(pointer(path), "holds a NUL character")
        case dict():
            for key, inner in value.items():
                if "\0" in key:
                    raise unfit(pointer(path), "has a key with a NUL character")
                _walk(inner, (*path, key))
        case list():
            for index, inner in enumerate(value):
                _walk(inner, (*path, index))


def unfit(at: str, what: str) -> Problem:
    """A 422 that names one place in the body by its JSON pointer."""
    return Problem(422, "invalid-request", f"{at} {what}", errors=[{"pointer": at, "detail": what}])
