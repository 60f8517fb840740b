"""A migrated database, the roles' own addresses, and pools and sessions that are closed again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from libs.events.store_postgres import PostgresStore
from libs.events.subscription import Source
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings
from nrm.migrate import migrate_database
from tests.contracts.kafka import new_topic
from tests.contracts.kit import Rules, projection
from tests.contracts.stage import Stage

Dsn = Callable[[str], str]
Connect = Callable[[str], Awaitable[asyncpg.Connection]]


@pytest.fixture(scope="module")
async def migrated(database: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a migrated database; no Kafka is needed for it."""
    folder: Path = tmp_path_factory.mktemp("data")
    settings = Settings(database_url=database, data_dir=folder, role_secret="for tests only")  # noqa: S106
    await migrate_database(settings)
    return settings


@pytest.fixture(scope="module")
def dsn(migrated: Settings) -> Dsn:
    """The address of a role, or of the administrator by `admin`."""
    return lambda role: migrated.database_url if role == "admin" else role_dsn(migrated, role)


@pytest.fixture
async def connect(dsn: Dsn) -> AsyncIterator[Connect]:
    """Opens a session of a role."""
    async with AsyncExitStack() as opened:

        async def session(role: str) -> asyncpg.Connection:
            connection = await asyncpg.connect(dsn(role))
            opened.push_async_callback(_close, connection)
            return connection

        yield session


@pytest.fixture(scope="module")
async def postgres_store(dsn: Dsn) -> AsyncIterator[PostgresStore]:
    """The real store of the referral service, under its own role."""
    async with asyncpg.create_pool(dsn("nrm_referral"), min_size=0, max_size=5) as pool:
        store = PostgresStore(pool, "referral")
        await store.start()
        yield store
        await store.stop()


@pytest.fixture
async def stage(dsn: Dsn, connect: Connect, kafka_bootstrap: str) -> Stage:
    rules = Rules()
    source = Source(kafka_bootstrap, [await new_topic(kafka_bootstrap)])
    return Stage(projection(f"p_{uuid4().hex[:12]}", rules), rules, source, dsn("nrm_views"), await connect("admin"))


async def _close(connection: asyncpg.Connection) -> None:
    if not connection.is_closed():
        await connection.close(timeout=2)
