"""A process that is ready at once and does nothing, in place of a service."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from libs.runtime.settings import settings


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()


def serve(name: str) -> None:
    ThreadingHTTPServer(("127.0.0.1", settings().port(name)), Ready).serve_forever()
