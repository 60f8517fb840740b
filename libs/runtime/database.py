"""A process's own connections to PostgreSQL, under its own role."""

import asyncpg

COMMAND_TIMEOUT_S = 15
STATEMENT_TIMEOUT_MS = 20_000
"""The server's own limit: it ends what a process that vanished left running."""
POOL_CONNECTIONS_MAX = 10


async def open_pool(dsn: str, application: str, size: int = POOL_CONNECTIONS_MAX) -> asyncpg.Pool:
    """A pool that connects when first used, so that a process starts while PostgreSQL is away."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        command_timeout=COMMAND_TIMEOUT_S,
        reset=_keep,
        # Every statement here is short: compiling one would cost more than running it a hundred times.
        server_settings={
            "application_name": application,
            "synchronous_commit": "on",
            "jit": "off",
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        },
    )


async def _keep(_: asyncpg.Connection) -> None:
    """Nothing to reset: no session state is ever set on a pooled connection, and a reset costs a round trip."""
