"""The migration's database part: again, by several at once, in several databases of one cluster, and never edited."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from libs.runtime.settings import Settings
from nrm.migrate import Changed, create_topics, migrate_database


def _settings(url: str, folder: Path) -> Settings:
    return Settings(database_url=url, data_dir=folder, role_secret="for tests only")  # noqa: S106


async def test_several_migrate_at_once_and_again(database: str, tmp_path: Path) -> None:
    settings = _settings(database, tmp_path)
    await asyncio.gather(*(migrate_database(settings) for _ in range(4)))
    await migrate_database(settings)


async def test_databases_of_one_cluster_are_migrated_at_the_same_time(postgres_url: str, tmp_path: Path) -> None:
    names = [f"nrm_{uuid4().hex}" for _ in range(3)]
    admin = await asyncpg.connect(postgres_url)
    try:
        for name in names:
            await admin.execute(f"CREATE DATABASE {name}")
        urls = [urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}")) for name in names]
        await asyncio.gather(*(migrate_database(_settings(url, tmp_path)) for url in urls))
    finally:
        for name in names:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


async def test_an_edited_migration_is_refused(database: str, tmp_path: Path) -> None:
    settings = _settings(database, tmp_path)
    await migrate_database(settings)
    admin = await asyncpg.connect(database)
    try:
        await admin.execute("UPDATE public.nrm_migration SET checksum = 'other' WHERE name = '001_vault'")
        with pytest.raises(Changed, match="001_vault"):
            await migrate_database(settings)
    finally:
        await admin.close()


async def test_topics_take_what_is_sent_by_a_clock_that_is_hours_ahead(settings: Settings) -> None:
    await create_topics(settings)
    await create_topics(settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, enable_idempotence=True)
    await producer.start()
    try:
        ahead = int(time.time() * 1000) + 5 * 3_600_000
        for topic in (settings.topic("justice"), settings.dead_letters):
            await producer.send_and_wait(topic, b"{}", timestamp_ms=ahead)
    finally:
        await producer.stop()
