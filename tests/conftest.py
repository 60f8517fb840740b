"""One real PostgreSQL and one real Kafka for the whole run; a fresh database and topic prefix where a module asks."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import hypothesis
import pytest

from libs.runtime.settings import Settings
from nrm.parts.kafka import Kafka
from nrm.parts.postgres import Postgres

# The same examples every time, so that a change is judged by what it changed; `search` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("search", derandomize=False, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def parts_dir() -> Iterator[Path]:
    """A data folder for this run that PostgreSQL's user can reach (pytest's own is private to root)."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(parts_dir: Path) -> Iterator[str]:
    """The administrator's URL of a real PostgreSQL, found or started like the launcher does."""
    with Postgres(parts_dir, os.environ.get("NRM_DATABASE_URL", ""), keep=False) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def kafka_bootstrap(parts_dir: Path) -> Iterator[str]:
    """The address of a real Kafka, found or started like the launcher does."""
    with Kafka(parts_dir, os.environ.get("NRM_KAFKA_BOOTSTRAP_SERVERS", ""), keep=False) as kafka:
        yield kafka.bootstrap


@pytest.fixture(scope="module")
async def database(postgres_url: str) -> AsyncIterator[str]:
    """The administrator's URL of an empty database, dropped after the module."""
    name = f"nrm_{uuid4().hex}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture(scope="module")
def topic_prefix() -> str:
    """The first part of this module's topic names: no other module reads or writes them."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def settings(
    database: str, kafka_bootstrap: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of a module that needs both, with a folder of its own for keys."""
    return Settings(
        database_url=database,
        kafka_bootstrap_servers=kafka_bootstrap,
        topic_prefix=topic_prefix,
        data_dir=tmp_path_factory.mktemp("data"),
        role_secret="for tests only",  # noqa: S106 - a throw-away database
    )
