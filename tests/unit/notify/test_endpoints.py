"""What failures do to a webhook, and that a receiver can check a signature with the library alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from libs.rules.notices import load_delivery
from libs.runtime.settings import Settings
from nrm.notify.endpoints import after_failure, endpoint_id
from nrm.notify.secrets import secret_of, signed
from nrm.notify.sender import body_of

DELIVERY = load_delivery()
NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)


def test_each_failure_in_a_row_waits_longer() -> None:
    since, waits = NOW, []
    for attempts in range(9):
        failure = after_failure(attempts, since if attempts else None, NOW, DELIVERY, gone=False)
        waits.append((failure.next_at - NOW).total_seconds())
        assert (failure.attempts, failure.failing_since, failure.disabled_at) == (attempts + 1, NOW, None)
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 36000, 36000, 36000]


@pytest.mark.parametrize(("age", "disabled"), [(timedelta(days=5), True), (timedelta(days=5, seconds=-1), False)])
def test_who_fails_for_days_is_disabled(age: timedelta, disabled: bool) -> None:
    failure = after_failure(20, NOW - age, NOW, DELIVERY, gone=False)
    assert (failure.disabled_at == NOW) == disabled


def test_who_wants_no_more_is_disabled_at_once() -> None:
    assert after_failure(0, None, NOW, DELIVERY, gone=True).disabled_at == NOW


def test_a_receiver_checks_the_signature_and_both_secrets_hold_after_a_rotation(tmp_path: Path) -> None:
    config, name = Settings(data_dir=tmp_path, role_secret="s"), endpoint_id("mosvy", "k")  # noqa: S106 - throw-away
    row = {"notice_position": 7, "notice_id": "ntc_1", "kind": "repatriation.due", "at": NOW, "data": '{"step": "x"}'}
    body = body_of(row)
    assert orjson.loads(body)["position"] == 7
    secrets = [secret_of(config, name, 2), secret_of(config, name, 1)]
    headers = signed(secrets, "ntc_1", datetime.now(UTC), body)
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == orjson.loads(body)
    for other in (secret_of(config, name, 3), secret_of(config, endpoint_id("mosvy", "l"), 1)):
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(body.replace("7", "8"), headers)
