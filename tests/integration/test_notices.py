"""Notices in a real PostgreSQL to a real receiver: each once and in order, whoever fails, waits, dies or is rebuilt."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from libs.events import generations
from libs.rules.notices import load_delivery
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings
from nrm.migrate import migrate_database
from nrm.notify.endpoints import endpoint_id
from nrm.notify.secrets import secret_of
from nrm.notify.sender import Sender
from projections.notifications.api import PROJECTION
from tests.receiver import Receiver, listening

FAST = replace(load_delivery(), retry_after=(timedelta(milliseconds=20),), answer_within_s=5)
OPENED_AT = datetime(2026, 2, 2, 2, tzinfo=UTC)


class Scene:
    """A database with the projection's tables, and what stands in them."""

    def __init__(self, admin: asyncpg.Connection, settings: Settings) -> None:
        self.admin = admin
        self.settings = settings

    async def repatriation(self, name: str, corridor: str = "KH-VN") -> None:
        """One that was begun long ago and of which nothing else is known: mosvy is to notify, and is late."""
        await self.admin.execute(
            "INSERT INTO notifications.head VALUES ($1, $2, 'outbound', $2 || '.v1', $3, 1)", name, corridor, OPENED_AT
        )
        await self.admin.execute(
            "INSERT INTO notifications.fact VALUES ($1, 1, $2, 'started', NULL, NULL, $2)", name, OPENED_AT
        )

    async def endpoint(self, receiver: Receiver, organisation: str = "mosvy", key: str = "k") -> str:
        """The organisation's endpoint at a receiver, from the first notice on."""
        name = endpoint_id(organisation, key)
        receiver.secret = secret_of(self.settings, name, 1)
        await self.admin.execute(
            "INSERT INTO outbound.endpoint (id, organisation, url, position) VALUES ($1, $2, $3, 0)",
            name, organisation, receiver.url,
        )  # fmt: skip
        return name

    async def told(self, organisation: str = "mosvy") -> list[asyncpg.Record]:
        """What an organisation was told, in order."""
        found: list[asyncpg.Record] = await self.admin.fetch(
            "SELECT * FROM outbound.notice WHERE organisation = $1 ORDER BY position", organisation
        )
        return found

    @asynccontextmanager
    async def sending(self, delivery: Any = FAST, count: int = 1) -> AsyncIterator[list[Sender]]:
        """Senders that run until the block ends."""
        senders = [Sender(self.settings, role_dsn(self.settings, "nrm_views"), delivery) for _ in range(count)]
        tasks = [asyncio.create_task(sender.run()) for sender in senders]
        try:
            yield senders
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def scene(database: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """Empty tables."""
    settings = Settings(
        database_url=database, data_dir=tmp_path, webhook_allow="127.0.0.0/8", role_secret="for tests only"  # noqa: S106 - throw-away
    )  # fmt: skip
    await migrate_database(settings)
    admin, views = await asyncpg.connect(database), await asyncpg.connect(role_dsn(settings, "nrm_views"))
    await generations.ensure(views, PROJECTION)
    await views.close()
    await admin.execute("SET session_replication_role = replica")
    await admin.execute("TRUNCATE outbound.notice, outbound.looked, outbound.endpoint")
    await admin.execute("DELETE FROM notifications.head; DELETE FROM notifications.fact")
    await admin.execute("SET session_replication_role = origin")
    yield Scene(admin, settings)
    await admin.close()


async def until(holds: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)


async def test_a_receiver_that_fails_first_gets_all_in_order_and_each_once(scene: Scene) -> None:
    with listening() as receiver:
        for number in range(3):
            await scene.repatriation(f"r{number}")
        await scene.endpoint(receiver)
        receiver.failures = 3
        async with scene.sending():
            await until(lambda: len(receiver.taken) == 9)
        assert [one["position"] for one in receiver.taken] == list(range(1, 10))
        assert set(receiver.refused_ids) == {receiver.ids[0]}
        assert len(set(receiver.ids)) == 9
        assert receiver.forged == 0
        assert [one["id"] for one in receiver.taken] == receiver.ids == [row["id"] for row in await scene.told()]
        assert {one["type"] for one in receiver.taken} == {
            "repatriation.awaiting", "repatriation.due", "repatriation.overdue",
        }  # fmt: skip


async def test_one_of_two_sends_and_the_other_takes_over_where_it_loses_its_session(scene: Scene) -> None:
    with listening() as receiver:
        await scene.repatriation("r0")
        await scene.endpoint(receiver)
        async with scene.sending(count=2) as senders:
            await until(lambda: len(receiver.taken) == 3)
            assert sorted(sender.leading for sender in senders) == [False, True]
            await scene.repatriation("r1")
            await scene.admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await until(lambda: len(set(receiver.ids)) == 6)
        firsts = list(dict.fromkeys(receiver.ids))
        assert firsts == [row["id"] for row in await scene.told()]


async def test_a_slow_receiver_holds_up_nobody_else(scene: Scene) -> None:
    with listening() as slow, listening() as quick:
        slow.may_answer.clear()
        await scene.repatriation("r0")
        await scene.endpoint(slow, key="slow")
        await scene.endpoint(quick, key="quick")
        async with scene.sending():
            await until(lambda: len(quick.taken) == 3)
            assert not slow.taken
            slow.may_answer.set()
            await until(lambda: len(slow.taken) == 3)


async def test_who_fails_too_long_is_disabled_and_a_replay_begins_anew(scene: Scene) -> None:
    with listening() as receiver:
        await scene.repatriation("r0")
        name = await scene.endpoint(receiver)
        receiver.failures = 1_000

        async def disabled() -> bool:
            return bool(await scene.admin.fetchval("SELECT disabled_at FROM outbound.endpoint WHERE id = $1", name))

        async with scene.sending(replace(FAST, disable_after=timedelta(milliseconds=300))):
            await until(disabled)
            attempts = receiver.attempts
            await asyncio.sleep(1)
            assert receiver.attempts == attempts
            receiver.failures = 0
            await scene.admin.execute(
                "UPDATE outbound.endpoint SET position = 1, disabled_at = NULL, failing_since = NULL, attempts = 0"
            )
            await until(lambda: len(receiver.taken) == 2)
        assert [one["position"] for one in receiver.taken] == [2, 3]


async def test_a_receiver_that_is_gone_is_disabled_at_once(scene: Scene) -> None:
    with listening() as receiver:
        await scene.repatriation("r0")
        await scene.endpoint(receiver)
        receiver.failures, receiver.failing_status = 1, 410
        async with scene.sending():
            await until(lambda: scene.admin.fetchval("SELECT disabled_at IS NOT NULL FROM outbound.endpoint"))
        assert receiver.attempts == 1


async def test_nothing_goes_where_the_settings_do_not_allow_it(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"webhook_allow": ""})
    with listening() as receiver:
        await scene.repatriation("r0")
        await scene.endpoint(receiver)
        async with scene.sending():
            await until(lambda: scene.admin.fetchval("SELECT last_result IS NOT NULL FROM outbound.endpoint"))
        said = await scene.admin.fetchval("SELECT last_result FROM outbound.endpoint")
        assert "not public" in said
        assert receiver.attempts == 0


async def test_what_was_told_keeps_its_position_when_everything_is_looked_at_again(scene: Scene) -> None:
    await scene.repatriation("r0")
    async with scene.sending():
        await until(lambda: scene.admin.fetchval("SELECT count(*) = 1 FROM outbound.looked"))
    before = await scene.told()
    await scene.admin.execute("DELETE FROM outbound.looked")
    await scene.repatriation("r1")
    async with scene.sending():
        await until(lambda: scene.admin.fetchval("SELECT count(*) = 2 FROM outbound.looked"))
    after = await scene.told()
    assert after[: len(before)] == before
    assert [row["position"] for row in after] == list(range(1, len(after) + 1))


async def test_what_was_told_stays_told(scene: Scene) -> None:
    await scene.repatriation("r0")
    async with scene.sending():
        await until(lambda: scene.admin.fetchval("SELECT count(*) > 0 FROM outbound.notice"))
    views = await asyncpg.connect(role_dsn(scene.settings, "nrm_views"))
    try:
        for change in ("UPDATE outbound.notice SET kind = 'x'", "DELETE FROM outbound.notice"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await views.execute(change)
            with pytest.raises(asyncpg.PostgresError, match="stays told"):
                await scene.admin.execute(change)
    finally:
        with contextlib.suppress(asyncpg.PostgresError):
            await views.close()
