"""What the contract's journeys share: a small case, raw requests, and the shape that every problem has."""

import json
from typing import Any
from uuid import uuid4

import httpx2

from tests.journeys.conftest import As

WHEN = "2026-03-02T09:00:00+07:00"
SMALL = {
    "occurred_at": WHEN,
    "channel": "raid",
    "place": {"province": "KH-1", "country": "KH"},
    "person": {"sex": "female", "nationality": "KH"},
    "circumstances": {"continuum": "A", "exploitation": ["forced_labour"]},
}
"""Only the keys that the contract requires."""


def changed(path: str, value: object) -> dict[str, Any]:
    """The small case with one value at a JSON pointer."""
    body: dict[str, Any] = json.loads(json.dumps(SMALL))
    *parents, last = path.strip("/").split("/")
    place = body
    for parent in parents:
        place = place[parent]
    place[last] = value
    return body


async def send(caller: As, path: str, body: bytes | dict[str, Any], **headers: str) -> httpx2.Response:
    """POST to identification exactly these bytes; a header given as `""` is not sent."""
    all_ = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex, **caller._headers()}  # noqa: SLF001
    all_ |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in all_.items() if value}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await caller.client.post(caller.settings.url("identification") + path, content=content, headers=sent)


async def opened(caller: As, body: dict[str, Any] = SMALL) -> str:
    """The reference of a new case."""
    answer = await send(caller, "/v1/cases", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_id"])


def assert_problem(answer: httpx2.Response, status: int, name: str = "") -> dict[str, Any]:
    """It is an RFC 9457 answer with this status, and of this name."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(said)
    assert said["status"] == status
    assert said["instance"] == answer.request.url.path
    assert said["type"].startswith("urn:opennrm:problem:")
    assert not name or said["type"] == f"urn:opennrm:problem:{name}"
    assert status != 422 or "errors" in said
    return said
