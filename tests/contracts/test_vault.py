"""The persons' keys in a real database: destroyed by two people only, and wrapped anew without touching an event."""

import json
import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from cryptography.exceptions import InvalidTag

from libs.runtime.keys import master_key, master_keys, next_master_key, promote_master_key, role_dsn, rotation
from libs.runtime.settings import Settings
from libs.runtime.vault import Shredded, Vault
from nrm.migrate import migrate_database
from nrm.rewrap import rewrap

TYPE = "org.opennrm.identification.{}.v1"


@pytest.fixture(scope="module")
async def here(database: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A database of this module with the schemas in it."""
    folder: Path = tmp_path_factory.mktemp("keys")
    settings = Settings(database_url=database, data_dir=folder, role_secret="for tests only")  # noqa: S106 - as above
    await migrate_database(settings)
    return settings


@pytest.fixture
async def pool(here: Settings) -> AsyncIterator[asyncpg.Pool]:
    """What the identification process may do."""
    async with asyncpg.create_pool(role_dsn(here, "nrm_identification"), min_size=1, max_size=2) as opened:
        yield opened


async def _person(pool: asyncpg.Pool, vault: Vault) -> tuple[str, str]:
    case_id = f"KH-{uuid4().hex[:8].upper()}"
    await pool.execute(
        "INSERT INTO vault.person_key (case_id, wrapped) VALUES ($1, $2)", case_id, vault.new_key(case_id)
    )
    return case_id, await vault.seal(case_id, {"given_name": "តារា"})


async def _event(pool: asyncpg.Pool, case_id: str, version: int, kind: str, actor: str, role: str) -> None:
    event = {"actor": actor, "data": {"case_id": case_id}, "role": role, "type": TYPE.format(kind)}
    body = json.dumps(event, separators=(",", ":"), sort_keys=True).encode()
    await pool.execute(
        "INSERT INTO identification.event (stream, version, id, subject, hash, body) VALUES ($1, $2, $3, $4, $5, $6)",
        f"case:{case_id}", version, uuid4(), case_id, sha256(body).digest(), body,
    )  # fmt: skip


async def test_the_database_itself_asks_for_two_people_in_two_roles(here: Settings, pool: asyncpg.Pool) -> None:
    vault = Vault(pool, lambda: master_keys(here))
    case_id, sealed = await _person(pool, vault)
    with pytest.raises(asyncpg.PostgresError, match="two people"):
        await _event(pool, case_id, 1, "person_shredded", "a", "administrator")
    await _event(pool, case_id, 1, "shred_requested", "a", "administrator")
    with pytest.raises(asyncpg.PostgresError, match="two people"):
        await _event(pool, case_id, 2, "person_shredded", "b", "auditor")
    await _event(pool, case_id, 2, "shred_approved", "a", "auditor")
    with pytest.raises(asyncpg.PostgresError, match="two people"):
        await _event(pool, case_id, 3, "person_shredded", "a", "auditor")
    await _event(pool, case_id, 3, "shred_approved", "b", "auditor")
    assert await vault.open(case_id, sealed) == {"given_name": "តារា"}
    await _event(pool, case_id, 4, "person_shredded", "b", "auditor")
    vault.forget(case_id)
    with pytest.raises(Shredded):
        await vault.open(case_id, sealed)
    assert await pool.fetchval("SELECT wrapped IS NULL FROM vault.person_key WHERE case_id = $1", case_id)


@pytest.mark.parametrize("statement", ["UPDATE vault.person_key SET wrapped = NULL", "DELETE FROM vault.person_key"])
async def test_no_process_changes_a_key_by_itself(pool: asyncpg.Pool, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_another_process_forgets_within_seconds(
    here: Settings, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault(pool, lambda: master_keys(here))
    case_id, sealed = await _person(pool, vault)
    admin = await asyncpg.connect(here.database_url)
    await admin.execute(
        "UPDATE vault.person_key SET wrapped = NULL, shredded_at = now() WHERE case_id = $1", case_id
    )  # fmt: skip
    await admin.close()
    assert await vault.open(case_id, sealed)
    monkeypatch.setattr("libs.runtime.vault.KEY_AGE_S_MAX", 0.0)
    with pytest.raises(Shredded):
        await vault.open(case_id, sealed)


async def test_the_master_key_rotates_under_running_processes(here: Settings, pool: asyncpg.Pool) -> None:
    running = Vault(pool, lambda: master_keys(here))
    before, sealed = await _person(pool, running)
    old, new = master_key(here), next_master_key(here)
    assert rotation(here) == "next"
    done = await rewrap(here.database_url, new, master_keys(here))
    assert done.rewrapped >= 1
    assert not done.unreadable
    between, sealed_between = await _person(pool, running)  # a process that has not read the new key yet
    promote_master_key(here)
    assert (rotation(here), master_key(here)) == ("last", new)
    restarted = Vault(pool, lambda: master_keys(here))
    for vault in (running, restarted):
        vault.forget(before)
        assert await vault.open(before, sealed)
        assert await vault.open(between, sealed_between)
    again = await rewrap(here.database_url, master_key(here), master_keys(here))
    assert again.rewrapped == 1
    assert (await rewrap(here.database_url, new, [new])).unreadable == 0
    with pytest.raises(InvalidTag):
        await Vault(pool, lambda: [old]).open(before, sealed)


async def test_a_key_that_no_master_key_opens_is_counted_and_left(here: Settings, pool: asyncpg.Pool) -> None:
    case_id, _ = await _person(pool, Vault(pool, lambda: [os.urandom(32)]))
    stored = await pool.fetchval("SELECT wrapped FROM vault.person_key WHERE case_id = $1", case_id)
    done = await rewrap(here.database_url, master_key(here), master_keys(here))
    assert done.unreadable == 1
    assert await pool.fetchval("SELECT wrapped FROM vault.person_key WHERE case_id = $1", case_id) == stored
