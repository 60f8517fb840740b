"""A desk is told: a webhook whose signatures are checked by the standard's own library, and the stream replayed."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError

from nrm.demo.acts import DESK, PAUSE_S, REQUEST_S_MAX, WAIT_S_MAX, Register, Unlike, require
from nrm.demo.histories import SHARED, Name

HOUSE: Final = Name(SHARED, "riverside")
"""It declined a person as not suitable, so that its entry in the directory has to be corrected."""

LAST: Final = 5
"""How many notices are sent again and streamed again."""

PATH: Final = "/v1/notifications"


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent where the signature holds."""

    daemon_threads = True

    def __init__(self) -> None:
        self.secret, self.forged = "", 0
        self.taken: dict[int, dict[str, Any]] = {}
        super().__init__(("127.0.0.1", 0), _Hook)


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            said = Webhook(self.server.secret).verify(body, {name.lower(): v for name, v in self.headers.items()})
        except (WebhookVerificationError, ValueError):
            self.server.forged += 1
            self.send_error(400)
            return
        self.server.taken[said["position"]] = said
        self.send_response(204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the library's names
        """Say nothing."""


async def told(register: Register) -> str:
    """The newest notices by webhook and by stream, each the same as in the list."""
    head = await _head(register)
    begin = max(head - LAST, 0)
    listed = (await register.get(DESK, "views", PATH, after=str(begin), limit=str(head - begin))).json()["items"]
    sent = await _sent(register, begin, head)
    require("what the webhook was sent", [sent[one["position"]] for one in listed], listed)
    require("what the stream replayed", await _streamed(register, begin, len(listed)), listed)
    kinds = ", ".join(sorted({one["type"] for one in listed}))
    return f"{len(listed)} notices by webhook, every signature checked, and by stream from {begin} on: {kinds}"


async def deadlines(register: Register) -> str:
    """Whom a referral still binds: who referred without consent, and the house that found a person not suitable."""
    referrer, house = ("cnp-kampong-speu", "first_responder"), (register.organisation(HOUSE), "provider")
    said = []
    for who, what in ((referrer, "consent_after_emergency"), (house, "directory_correction")):
        until, kinds = time.monotonic() + WAIT_S_MAX, set[str]()
        while "referral.overdue" not in kinds and time.monotonic() < until:
            items = (await register.get(who, "views", PATH, limit="500")).json()["items"]
            kinds = {one["type"] for one in items if one["data"].get("what") == what}
            await asyncio.sleep(0 if kinds else PAUSE_S)
        require(f"notices of {what}", "referral.overdue" in kinds, True)  # noqa: FBT003 - what is expected
        said.append(f"{who[0]} of {what.replace('_', ' ')}")
    return "told of what is overdue: " + ", ".join(said)


async def _head(register: Register) -> int:
    """The desk's newest position, once it has been told of anything."""
    until = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < until:
        head = int((await register.get(DESK, "views", PATH, limit="1")).json()["head"])
        if head:
            return head
        await asyncio.sleep(PAUSE_S)
    raise Unlike("the desk was told nothing")


async def _sent(register: Register, begin: int, head: int) -> dict[int, dict[str, Any]]:
    with _listening() as receiver:
        url = f"http://127.0.0.1:{receiver.server_address[1]}/hook"
        made = (await register.post(DESK, "views", "/v1/webhooks", {"url": url}, f"webhook {url}")).json()
        receiver.secret, path = made["secret"], f"/v1/webhooks/{made['webhook_id']}"
        try:
            await register.post(DESK, "views", f"{path}/replay", {"after": begin}, f"replay {url}")
            until = time.monotonic() + WAIT_S_MAX
            while time.monotonic() < until and not set(range(begin + 1, head + 1)) <= receiver.taken.keys():
                await asyncio.sleep(PAUSE_S)
        finally:
            await register.client.delete(register.url("views") + path, headers=register.headers(DESK))
        require("signatures that did not hold", receiver.forged, 0)
        return receiver.taken


async def _streamed(register: Register, begin: int, count: int) -> list[dict[str, Any]]:
    headers = {**register.headers(DESK), "Accept": "text/event-stream", "Last-Event-ID": str(begin)}
    found: list[dict[str, Any]] = []
    url = register.url("views") + PATH
    async with (
        asyncio.timeout(WAIT_S_MAX),
        register.client.stream("GET", url, headers=headers, timeout=REQUEST_S_MAX) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


@contextmanager
def _listening() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


TELLING: Final = (("Notifications", told), ("Deadlines", deadlines))
"""The acts of this module."""
