"""A real receiver of webhooks on loopback: checks each signature by the library, fails when it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver(ThreadingHTTPServer):
    """Keeps what it was sent. `failures` says how many of the next attempts to answer with `failing_status`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.secret = ""
        self.failures = 0
        self.failing_status = 500
        self.attempts = 0
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.refused_ids: list[str] = []
        self.forged = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        super().__init__(("127.0.0.1", 0), _Hook)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """The status for one attempt."""
        self.may_answer.wait(30)
        self.attempts += 1
        try:
            said = Webhook(self.secret).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            self.forged += 1
            return 400
        if self.failures:
            self.failures -= 1
            self.refused_ids.append(headers["webhook-id"])
            return self.failing_status
        self.taken.append(said)
        self.ids.append(headers["webhook-id"])
        return 204


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.take(body, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver that listens until the block ends."""
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
