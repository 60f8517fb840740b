"""Receive webhooks: WEBHOOK_SECRET=whsec_… python receive_webhook.py PORT (pip install standardwebhooks)."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            said = Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, {k.lower(): v for k, v in self.headers.items()})
        except WebhookVerificationError:
            self.send_error(400)  # not from the register, changed on the way, or older than five minutes
            return
        print(said["position"], said["type"], said["data"], flush=True)  # keep said["id"]: the same one may come twice
        self.send_response(204)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
