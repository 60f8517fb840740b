"""The one-shot job: database roles, schemas and topics. Safe to run again, and by several at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import asyncpg
import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from libs.runtime.keys import role_password
from libs.runtime.settings import SERVICES, Settings
from libs.runtime.topics import Topic, read_topics

SQL_FOLDER = Path(__file__).parent.parent / "deploy" / "postgres"
ROLES = (*(f"nrm_{service}" for service in SERVICES), "nrm_relay", "nrm_views", "nrm_audit")
PROJECTING = tuple(role for role in ROLES if role != "nrm_relay")
ROLE_ATTEMPTS_MAX = 20

log = structlog.get_logger()


class Changed(Exception):
    """A migration that was applied has another text now. Migrations are only ever added."""


async def migrate(settings: Settings) -> None:
    """Bring database and topics to what this version needs."""
    await migrate_database(settings)
    await create_topics(settings)


async def migrate_database(settings: Settings) -> None:
    """Create roles, then run what has not run yet, each file in one transaction."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext('nrm migrate'))")
        await _create_roles(connection, settings)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS public.nrm_migration "
            "(name text PRIMARY KEY, checksum text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
        )
        for name, sql in _migrations():
            await _run(connection, name, sql)
    finally:
        await connection.close()


async def _retrying(make: Callable[[], Awaitable[None]]) -> None:
    """Roles belong to the whole cluster: another database's migration may be making the same ones just now."""
    for attempt in range(ROLE_ATTEMPTS_MAX):
        try:
            return await make()
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError, asyncpg.InternalServerError):
            if attempt == ROLE_ATTEMPTS_MAX - 1:
                raise
            await asyncio.sleep(random.uniform(0.05, 0.3))  # noqa: S311 - so that two do not meet again
    return None


async def _create_roles(connection: asyncpg.Connection, settings: Settings) -> None:
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    for role in ROLES:
        await _retrying(partial(_create_role, connection, role, role_password(settings, role)))
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
    # A projecting role makes its own schemas, one per generation; it cannot enter another role's.
    await connection.execute(f"GRANT CREATE ON DATABASE {database} TO {', '.join(PROJECTING)}")


async def _create_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")


def _migrations() -> list[tuple[str, str]]:
    """Every migration with its name; those with a {schema} once per service."""
    migrations = []
    for path in sorted(SQL_FOLDER.glob("[0-9]*.sql")):
        sql = path.read_text(encoding="utf-8")
        if "{schema}" in sql:
            migrations += [
                (f"{path.stem}@{service}", sql.replace("{schema}", service).replace("{role}", f"nrm_{service}"))
                for service in SERVICES
            ]
        else:
            migrations.append((path.stem, sql))
    return migrations


async def _run(connection: asyncpg.Connection, name: str, sql: str) -> None:
    checksum = sha256(sql.encode()).hexdigest()
    applied = await connection.fetchval("SELECT checksum FROM public.nrm_migration WHERE name = $1", name)
    if applied == checksum:
        return
    if applied is not None:
        raise Changed(f"{name} was changed after it had been applied; add a new file instead")
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute("INSERT INTO public.nrm_migration (name, checksum) VALUES ($1, $2)", name, checksum)
    log.info("migrated", name=name)


async def create_topics(settings: Settings) -> None:
    """Create the topics of deploy/kafka/topics.yaml that are missing. Raises Changed where partitions differ."""
    wanted = {topic.name: topic for topic in read_topics(settings)}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        existing = sorted(set(await admin.list_topics()) & set(wanted))
        missing = [_new_topic(topic, settings) for name, topic in wanted.items() if name not in existing]
        if missing:
            await admin.create_topics(missing)
        for described in await admin.describe_topics(existing) if existing else []:
            name, count = described["topic"], len(described["partitions"])
            if count != wanted[name].partitions:
                raise Changed(f"topic {name} has {count} partitions, not {wanted[name].partitions}: keys would move")
    finally:
        await admin.close()


def _new_topic(topic: Topic, settings: Settings) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=settings.topic_replicas,
        topic_configs=topic.configs,
    )


def main() -> None:
    """Migrate what the environment names."""
    asyncio.run(migrate(Settings()))


if __name__ == "__main__":
    main()
