"""The secrets that sign webhooks (Standard Webhooks): derived from the installation's secret, stored nowhere."""

import base64
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

from libs.runtime.keys import role_password
from libs.runtime.settings import Settings


def secret_of(settings: Settings, endpoint: str, number: int) -> str:
    """An endpoint's secret with its number, as the receiver keeps it: `whsec_` and base64 of 32 bytes."""
    derived = bytes.fromhex(role_password(settings, f"webhook {endpoint} {number}"))
    return "whsec_" + base64.b64encode(derived).decode()


def signed(secrets: Sequence[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of a message; a signature for each secret that holds, the newest first."""
    signatures = [Webhook(secret).sign(message_id, at, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
    }
