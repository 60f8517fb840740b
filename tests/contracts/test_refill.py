"""A service's lost store comes back from its topic by its bytes, or not at all."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from libs.events.refill import CannotRefill, Refilled, refill
from libs.events.store import Entry
from libs.events.subscription import Source
from libs.runtime.settings import Settings
from nrm.migrate import migrate_database
from tests.contracts.kafka import new_topic, produce
from tests.contracts.kit import chain, new_stream, wire


@pytest.fixture(scope="module")
async def admin(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    await migrate_database(settings)
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def _topic(bootstrap: str, placed: Sequence[tuple[Entry, int]]) -> Source:
    topic = await new_topic(bootstrap)
    await produce(bootstrap, topic, [wire(one, position) for one, position in placed], lambda number: number % 3)
    return Source(bootstrap, [topic])


async def _stored(admin: asyncpg.Connection) -> list[bytes]:
    sql = "SELECT body FROM referral.log JOIN referral.event USING (stream, version) ORDER BY position"
    return [row["body"] for row in await admin.fetch(sql)]


async def test_nothing_is_taken_of_a_topic_that_is_not_the_whole_history(
    admin: asyncpg.Connection, kafka_bootstrap: str
) -> None:
    first, second, third = chain(new_stream(), 3)
    other = chain(new_stream(), 1)[0]
    for placed, what in (
        ([(first, 1), (third, 3)], "positions are missing"),
        ([(first, 1), (third, 2)], "a stream is no chain"),
        ([(first, 1), (second, 2), (other, 2)], "two events claim position 2"),
    ):
        with pytest.raises(CannotRefill, match=what):
            await refill(admin, "referral", await _topic(kafka_bootstrap, placed))
        assert await _stored(admin) == []


async def test_an_empty_store_is_filled_by_bytes_and_a_full_one_is_left_alone(
    admin: asyncpg.Connection, kafka_bootstrap: str
) -> None:
    one, other = chain(new_stream(), 3), chain(new_stream(), 2)
    events = [one[0], other[0], one[1], other[1], one[2]]
    placed = list(zip(events, range(1, 6), strict=True))
    source = await _topic(kafka_bootstrap, [*placed, placed[0], placed[3]])
    assert await refill(admin, "referral", source) == Refilled(events=5, streams=2, lost=0, unproven=5)
    assert await _stored(admin) == [each.body for each in events]
    assert await admin.fetchval("SELECT position FROM referral.published") == 5
    with pytest.raises(CannotRefill, match="only an empty store"):
        await refill(admin, "referral", source)
