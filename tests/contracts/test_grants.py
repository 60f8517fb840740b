"""What each role may do to what is recorded, and that what a superuser changed all the same is found when read."""

from uuid import uuid4

import asyncpg
import pytest

from libs.events.envelope import Tampered
from libs.events.store_postgres import PostgresStore
from tests.contracts.conftest import Connect
from tests.contracts.kit import append, chain, entry, new_stream


@pytest.mark.parametrize("table", ["event", "log"])
@pytest.mark.parametrize(
    "change", ["UPDATE referral.{0} SET version = 9", "DELETE FROM referral.{0}", "TRUNCATE referral.{0}"]
)
@pytest.mark.parametrize("role", ["nrm_referral", "nrm_relay", "owner", "admin"])
async def test_no_role_changes_what_is_recorded(
    postgres_store: PostgresStore, connect: Connect, table: str, change: str, role: str
) -> None:
    one = entry(new_stream())
    await postgres_store.append(append(one))
    session = await connect("admin" if role == "owner" else role)
    transaction = session.transaction()
    await transaction.start()
    if role == "owner":  # an owner who is no superuser
        await session.execute("CREATE ROLE an_owner")
        await session.execute("GRANT ALL ON SCHEMA referral TO an_owner")
        await session.execute(f"ALTER TABLE referral.{table} OWNER TO an_owner")
        await session.execute("SET LOCAL ROLE an_owner")
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.PostgresError)) as refused:
        await session.execute(change.format(table))
    assert refused.value.sqlstate in ({"NR002"} if role in ("owner", "admin") else {"42501"})
    await transaction.rollback()
    assert await postgres_store.read(one.envelope.stream) == [one.envelope]


async def test_an_upsert_is_a_change_too(postgres_store: PostgresStore, connect: Connect) -> None:
    one = entry(new_stream())
    await postgres_store.append(append(one))
    upsert = (
        "INSERT INTO referral.event SELECT * FROM referral.event WHERE stream = $1 "
        "ON CONFLICT (stream, version) DO UPDATE SET body = 'x'"
    )
    for role in ("nrm_referral", "admin"):
        session = await connect(role)
        with pytest.raises(asyncpg.PostgresError) as refused:
            await session.execute(upsert, one.envelope.stream)
        assert refused.value.sqlstate in {"42501", "NR002"}


EVIL = "convert_to(replace(convert_from(body, 'UTF8'), 'fine', 'evil'), 'UTF8')"
SECOND = "WHERE stream = $1 AND version = 2"
SUPERUSER = {
    "copied": f"UPDATE referral.event SET body = (SELECT e.body FROM referral.event e {SECOND}) {SECOND}".replace(
        "version = 2)", "version = 1)"
    ),
    "rewritten": f"UPDATE referral.event SET body = {EVIL} {SECOND}",
    "re-hashed": f"UPDATE referral.event SET body = {EVIL}, hash = sha256({EVIL}) {SECOND}",
    "renumbered": f"UPDATE referral.event SET version = 7 {SECOND}",
    "second gone": f"DELETE FROM referral.event {SECOND}",
    "first gone": "DELETE FROM referral.event WHERE stream = $1 AND version = 1",
    "grafted": "UPDATE referral.event SET stream = $1 WHERE stream = $2",
}


@pytest.mark.parametrize("name", SUPERUSER)
async def test_what_a_superuser_changes_with_triggers_off_is_found_when_read(
    postgres_store: PostgresStore, connect: Connect, name: str
) -> None:
    entries, other = chain(new_stream(), 3), entry(new_stream(), 4)
    await postgres_store.append(append(*entries))
    admin = await connect("admin")
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(
        "INSERT INTO referral.event VALUES ($1, 4, gen_random_uuid(), '', $2, $3)",
        *(other.envelope.stream, bytes.fromhex(other.envelope.hash), other.body),
    )
    streams = [entries[0].envelope.stream, other.envelope.stream]
    sql = SUPERUSER[name]
    assert await admin.execute(sql, *streams[: 2 if "$2" in sql else 1]) in {"UPDATE 1", "DELETE 1"}
    with pytest.raises(Tampered):
        await postgres_store.read(streams[0])


async def test_a_role_sees_nothing_of_another_service(connect: Connect) -> None:
    session = await connect("nrm_referral")
    for table in ("event", "outbox", "log", "published", "idempotency"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.fetch(f"SELECT * FROM identification.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute("INSERT INTO identification.outbox (stream, version) VALUES ('x', 1)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute("SELECT identification.sequence(1)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.execute("CREATE TABLE public.mine (x int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await session.fetch("SELECT * FROM public.nrm_migration")


async def test_only_the_relay_gives_positions(connect: Connect) -> None:
    service = await connect("nrm_referral")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute("SELECT referral.sequence(10)")
    relay = await connect("nrm_relay")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await relay.execute("INSERT INTO referral.event VALUES ('x', 1, gen_random_uuid(), 'x', $1, 'x')", b"h" * 32)


async def test_a_role_switches_its_own_projections_only(connect: Connect) -> None:
    mine, other = await connect("nrm_views"), await connect("nrm_referral")
    name = f"v_{uuid4().hex}"
    await mine.execute("INSERT INTO projection.generation (name, number, live) VALUES ($1, 1, true)", name)
    assert await other.execute("UPDATE projection.generation SET live = false WHERE name = $1", name) == "UPDATE 0"
    assert await other.execute("DELETE FROM projection.generation WHERE name = $1", name) == "DELETE 0"
    assert await mine.execute("UPDATE projection.generation SET live = false WHERE name = $1", name) == "UPDATE 1"
