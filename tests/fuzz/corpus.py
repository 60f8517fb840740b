"""The bad inputs that no generator thinks of: each with the answers that it may get. None of them is ever a 5xx."""

import asyncio
import base64
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from tests.faults.load import CASE

MIB = 1024 * 1024
BAD, TOO_LARGE, TYPE, UNFIT = 400, 413, 415, 422
Stream = AsyncIterator[bytes]


@dataclass(frozen=True)
class Input:
    """A request body (bytes, or made while it is sent), its headers, and the statuses that are right for it."""

    name: str
    body: Any
    right: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict)


def bodies() -> Iterator[Input]:
    """Bodies for POST /v1/cases."""
    yield from _sizes()
    yield from _json()
    yield from _values()
    yield from _types()


def _sizes() -> Iterator[Input]:
    async def endless() -> Stream:
        for _ in range(100):
            yield b" " * MIB

    async def slow() -> Stream:
        for byte in b'{"a":1}':
            yield bytes([byte])
            await asyncio.sleep(0.2)

    yield _in("100 MB declared", b" " * (100 * MIB), TOO_LARGE)
    yield _in("100 MB in chunks", endless, TOO_LARGE)
    yield _in("a byte in 0.2 s", slow, UNFIT)
    yield _in("empty", b"", BAD)
    yield _in("gzip bomb", gzip.compress(b" " * (50 * MIB)), TYPE, **{"Content-Encoding": "gzip"})


def _json() -> Iterator[Input]:
    for depth in (34, 1_000, 10_000):
        yield _in(f"arrays {depth} deep", b"[" * depth + b"]" * depth, BAD)
        yield _in(f"objects {depth} deep", b'{"a":' * depth + b"1" + b"}" * depth, BAD)
    yield _in("not closed", b"[" * 100_000, BAD)
    yield _in("lone surrogate", _case("place.province", "@").replace(b'"@"', rb'"\ud800"'), BAD, UNFIT)
    yield _in("NUL escaped", _case("place.province", "@").replace(b'"@"', rb'"\u0000"'), UNFIT)
    yield _in("NUL as it is", _case("place.province", "@").replace(b"@", b"\0"), BAD)
    yield _in("invalid UTF-8", b'{"a":"\xff\xfe"}', BAD)
    yield _in("overlong UTF-8", b'{"a":"\xc0\xaf"}', BAD)
    yield _in("UTF-16", json.dumps(CASE).encode("utf-16"), BAD)
    yield _in("a BOM", b"\xef\xbb\xbf" + json.dumps(CASE).encode(), BAD)
    yield _in("a key twice", b'{"channel":"raid","channel":"raid"}', BAD)
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"1" * 5_000, b"-" + b"9" * 400, b"00", b"+1", b"0x1"):
        yield _in(f"number {word[:9].decode()}", b'{"age":' + word + b"}", BAD, UNFIT)
    yield _in("100,000 keys", json.dumps({str(n): n for n in range(50_000)}).encode(), UNFIT)
    for text in (b"null", b"true", b"1", b'"x"', b"[]", b"{}"):
        yield _in(f"only {text.decode()}", text, UNFIT)


def _values() -> Iterator[Input]:
    for when in (
        *("0001-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "2567-01-01T00:00:00Z"),
        *("2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "2026-03-01", "1700000000", "", "2026-03-01T00:00:00"),
        *("2026-03-01T00:00:00+99:00", "٢٠٢٦-03-01T00:00:00Z"),
    ):
        yield _in(f"occurred_at {when}", _case("occurred_at", when), UNFIT)
    for number in (-1, 2**31, 2**53 - 1, 0.5, True, "31"):
        yield _in(f"age {number}", _case("person.age_estimate", {"min": number, "max": number}), UNFIT)
    yield _in("age turned round", _case("person.age_estimate", {"min": 40, "max": 20}), UNFIT, 409)
    for name in (
        *("ស្ត្រី", "ស្រ្តី", "น้ำ", "\u0e19\u0e49\u0e4d\u0e32", "Nguyễn", "Nguye\u0302\u0303n", "a" + "\u0301" * 100),
        *(
            "\u202eevil",
            "\u200b\u200d",
            "null",
            "' OR 1=1--",
            "=cmd|' /C calc'!A0",
            "😀" * 20,
            "\ue000\ufdd0",
            "${jndi:x}",
        ),
    ):
        yield _in(f"name {name[:6]!r}", _case("person.given_name", name), 201, UNFIT)
    yield _in("a name of 100,000", _case("person.given_name", "x" * 100_000), UNFIT, TOO_LARGE)
    for key in ("seq", "hash", "organisation", "recorded_at", "consent", "is_minor", "__proto__"):
        yield _in(f"key {key}", json.dumps({**CASE, key: True}).encode(), UNFIT)


def _types() -> Iterator[Input]:
    good = json.dumps(CASE).encode()
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json5", "", "\xff"):
        yield _in(f"as {kind!r}", good, TYPE, BAD, **{"Content-Type": kind})
    yield _in("as JSON in Latin-1", good, 201, TYPE, **{"Content-Type": "application/json; charset=iso-8859-1"})
    for key in ("", "é", "x" * 10_000, "a\tb"):
        yield _in(f"idempotency key {key[:3]!r}", good, BAD, 431, **{"Idempotency-Key": key})
    yield _in("If-Match of nobody", good, 201, 412, 409, **{"If-Match": '"' + "9" * 500 + '"'})
    yield _in("X-HTTP-Method-Override", good, 201, **{"X-HTTP-Method-Override": "DELETE"})


def _case(path: str, value: Any) -> bytes:
    body: Any = json.loads(json.dumps(CASE))
    *parents, last = path.split(".")
    place = body
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(body, ensure_ascii=False).encode()


def _in(name: str, body: Any, *right: int, **headers: str) -> Input:
    return Input(name, body, frozenset(right), headers)


async def send(client: httpx2.AsyncClient, url: str, token: str, one: Input) -> tuple[int, float, str]:
    """The status that an input got (0: the server closed first, as it may on a large body), how long, and the type."""
    headers: dict[str, str | bytes] = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
    headers |= {"Authorization": f"Bearer {token}", **{name: text.encode() for name, text in one.headers.items()}}
    started = time.monotonic()
    try:
        answer = await client.post(url, content=one.body() if callable(one.body) else one.body, headers=headers)
    except httpx2.TransportError as fault:
        return 0, time.monotonic() - started, type(fault).__name__
    return answer.status_code, time.monotonic() - started, answer.headers.get("content-type", "")


def tokens(good: str, other_key: str) -> Mapping[str, str]:
    """Authorization headers that nobody may be let in by. `other_key` is a good token of another issuer's key."""
    head, claims, signature = good.split(".")

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    read = json.loads(base64.urlsafe_b64decode(claims + "=="))

    def with_claims(**changes: Any) -> str:
        return f"Bearer {head}.{part({**read, **changes})}.{signature}"

    return {
        "nothing": "",
        "no scheme": good,
        "basic": "Basic dXNlcjpwYXNz",
        "alg none": f"Bearer {part({'alg': 'none', 'typ': 'at+jwt'})}.{claims}.",
        "alg nOnE": f"Bearer {part({'alg': 'nOnE', 'typ': 'at+jwt'})}.{claims}.{signature}",
        "alg HS256": f"Bearer {part({'alg': 'HS256', 'typ': 'at+jwt'})}.{claims}.{signature}",
        "another key": f"Bearer {other_key}",
        "signature cut": f"Bearer {head}.{claims}.{signature[:-4]}",
        "signature of another": f"Bearer {head}.{claims}.{other_key.split('.')[2]}",
        "claims changed": with_claims(org="nrm-authority", roles=["administrator"]),
        "wrong audience": with_claims(aud="somebody-else"),
        "exp as text": with_claims(exp="9999999999"),
        "kid of a file": f"Bearer {part({'alg': 'Ed25519', 'typ': 'at+jwt', 'kid': '../../etc/passwd'})}.{claims}.x",
        "own jwk": f"Bearer {part({'alg': 'Ed25519', 'typ': 'at+jwt', 'jwk': {'kty': 'OKP'}})}.{claims}.{signature}",
        "two dots": "Bearer ..",
        "64 KiB": "Bearer " + "a" * 20_000,
        "not ASCII": "Bearer é",
    }


IDS = (
    *("0", "-1", "KH-2026-000000-0", "00000000-0000-0000-0000-000000000000", "..%2f..%2fetc%2fpasswd", "%00", "%ff%fe"),
    *("x" * 2_000, "%F0%9F%98%80", "%D9%A1", "{case}", "' OR 1=1--", "urn:uuid:0", "%0d%0aSet-Cookie:x=1"),
)
QUERIES = (
    *("limit=0", "limit=-1", "limit=1000000000", "limit=x", "cursor=%00", "cursor=" + "A" * 3_000, "cursor=e30", "a=1"),
    *(
        "at=0.5",
        "at=9999-12-31T23:59:59Z",
        "at=0001-01-01T00:00:00Z",
        "seen=x",
        "seen=%00:1",
        "seen=case:1:" + "9" * 40,
    ),
    *("q=%25%25_", "sort=;drop", "group_by=" + "a," * 99, "%ff=%ff"),
)
