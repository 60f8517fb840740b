"""A release is stored, answers as it was published, counts in the next one, and cannot be changed."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings
from nrm.migrate import migrate_database
from projections.statistics.release.register import Cell, keep, members_of, published, release_of, releases

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_release_stays_and_is_weighed(database: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database, data_dir=tmp_path, role_secret="for tests only")  # noqa: S106 - throw-away
    await migrate_database(settings)
    release_id = UUID(str(uuid4()))
    values = {
        "release_id": release_id, "title": "by sex", "organisation": "nrm-authority", "actor": "a", "since": None,
        "until": None, "as_of": NOW, "known_at": NOW, "threshold": 4,
        "tables": orjson.dumps([{"group_by": ["sex"], "measure": "identified"}]).decode(), "positions": "{}",
        "key": "k", "request": b"r",
    }  # fmt: skip
    cells = [
        Cell(0, ("female",), frozenset("abcde"), shown=True),
        Cell(0, ("male",), frozenset("fg"), shown=False),
        Cell(0, (), frozenset("abcdefg"), shown=False),
    ]
    async with asyncpg.create_pool(role_dsn(settings, "nrm_views"), min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await keep(connection, values, cells)
        found = await release_of(pool, release_id)
        assert found
        assert orjson.loads(orjson.dumps(found))["release_id"] == str(release_id)
        [table] = found["tables"]
        assert table["rows"] == [{"sex": "female", "cases": 5}, {"sex": "male", "cases": None}]
        assert (table["suppressed"], table["totals"]) == (1, {"cases": None})
        assert [one["release_id"] for one in await releases(pool, "", 10)] == [str(release_id)]
        assert await members_of(pool, release_id, 0, ["male"], "", 10) == [{"case_id": "f"}, {"case_id": "g"}]
        before = (await published(pool)).out
        assert list(before.shown) == [frozenset("abcde")]
        assert list(before.hidden) == [frozenset("fg"), frozenset("abcdefg")]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("UPDATE statistics_release.cell SET cases = 9")
    admin = await asyncpg.connect(database)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await admin.execute("DELETE FROM statistics_release.release")
    assert refused.value.sqlstate == "NR002"
    await admin.close()
