"""A PostgreSQL session of its own that leads: it holds an advisory lock for as long as it lives, and no longer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

COMMAND_TIMEOUT_S = 60
"""Longest wait for one statement; a server that answers no more is then given up, and the work begun again."""

STANDBY_POLL_S = 0.5
"""How often a standby asks whether it may lead."""

CLOSE_TIMEOUT_S = 2

PAUSE_S_MIN = 0.1
"""The first pause between attempts while PostgreSQL or Kafka is away."""

AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a session raises where PostgreSQL is away or ends it, even between two steps of the driver."""

# A leader's machine that vanished is noticed by PostgreSQL after 30 s, and its lock is free for a standby.
_KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "4"}


class Patience:
    """The pauses between attempts: longer each time, short again after an attempt that went well for a while."""

    WELL_S = 10.0

    def __init__(self, pause_s_max: float) -> None:
        self._max = pause_s_max
        self._pause = PAUSE_S_MIN
        self._last = time.monotonic()

    async def wait(self) -> None:
        """Wait before the next attempt."""
        if time.monotonic() - self._last > self.WELL_S:
            self._pause = PAUSE_S_MIN
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, self._max)
        self._last = time.monotonic()


@asynccontextmanager
async def session(dsn: str, command_timeout_s: float | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A connection, closed at the end whatever happened; what ended the block is never hidden by the closing."""
    connection = await asyncpg.connect(dsn, command_timeout=command_timeout_s, server_settings=_KEEPALIVE)
    try:
        yield connection
    finally:
        with contextlib.suppress(Exception):
            await connection.close(timeout=CLOSE_TIMEOUT_S)


@asynccontextmanager
async def leadership(dsn: str, name: str, waiting: Callable[[], None]) -> AsyncIterator[asyncpg.Connection]:
    """The session that leads under a name: waits while another one does, telling `waiting` each time it asks."""
    async with session(dsn, COMMAND_TIMEOUT_S) as connection:
        while not await try_lock(connection, name):
            waiting()
            await asyncio.sleep(STANDBY_POLL_S)
        yield connection


async def try_lock(connection: asyncpg.Connection, name: str) -> bool:
    """Take the lock of this name for the session, if nobody has it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name))
