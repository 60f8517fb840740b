"""Where an organisation's notices are sent: the rows of `outbound.endpoint`, and what a failure does to one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

import asyncpg

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.rules.notices import Delivery

Connection: TypeAlias = "asyncpg.Connection | asyncpg.Pool | asyncpg.pool.PoolConnectionProxy"
GONE = 410
"""What a receiver answers that wants no more (Standard Webhooks): it is disabled at once."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What becomes of an endpoint after a failed attempt."""

    attempts: int
    next_at: datetime
    failing_since: datetime
    disabled_at: datetime | None


def after_failure(
    attempts: int, failing_since: datetime | None, now: datetime, delivery: Delivery, *, gone: bool
) -> Failure:
    """The pause grows with each failure in a row; who fails for days, or wants no more, is disabled."""
    since = failing_since or now
    disabled = gone or now - since >= delivery.disable_after
    return Failure(attempts + 1, now + delivery.pause(attempts + 1), since, now if disabled else None)


def endpoint_id(organisation: str, key: str) -> str:
    """The id of the endpoint that a request under this idempotency key registers."""
    return "whk_" + sha256(f"{organisation}\n{key}".encode()).hexdigest()[:24]


def status(row: Mapping[str, Any]) -> str:
    """`active`, `failing` (tried again later), or `disabled` (until it is replayed)."""
    if row["disabled_at"]:
        return "disabled"
    return "failing" if row["failing_since"] else "active"


def shown(row: Mapping[str, Any], head: int) -> dict[str, JSON]:
    """An endpoint as its organisation reads it; never its secret."""
    return {
        "webhook_id": row["id"],
        "url": row["url"],
        "kinds": row["kinds"],
        "status": status(row),
        "position": row["position"],
        "head": head,
        "attempts": row["attempts"],
        "failing_since": _time(row["failing_since"]),
        "next_attempt_at": _time(row["next_at"]) if row["failing_since"] and not row["disabled_at"] else None,
        "last_result": row["last_result"],
        "disabled_at": _time(row["disabled_at"]),
        "made_at": _time(row["made_at"]),
    }


async def one_of(connection: Connection, organisation: str, endpoint: str) -> asyncpg.Record | None:
    """An organisation's endpoint."""
    return await connection.fetchrow(
        "SELECT * FROM outbound.endpoint WHERE id = $1 AND organisation = $2", endpoint, organisation
    )


async def delivered(connection: Connection, row: Mapping[str, Any], position: int, result: str) -> None:
    """Move on, unless a replay has moved the endpoint meanwhile."""
    await connection.execute(
        "UPDATE outbound.endpoint SET position = $3, attempts = 0, failing_since = NULL, next_at = now(), "
        "last_result = $4 WHERE id = $1 AND position = $2", row["id"], row["position"], position, result,
    )  # fmt: skip


async def failed(connection: Connection, row: Mapping[str, Any], failure: Failure, result: str) -> None:
    """Wait, unless a replay has begun anew meanwhile."""
    await connection.execute(
        "UPDATE outbound.endpoint SET attempts = $3, next_at = $4, failing_since = $5, disabled_at = $6, "
        "last_result = $7 WHERE id = $1 AND attempts = $2 AND disabled_at IS NULL",
        row["id"], row["attempts"], failure.attempts, failure.next_at, failure.failing_since, failure.disabled_at,
        result,
    )  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
