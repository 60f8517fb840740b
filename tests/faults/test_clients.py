"""A cancellation inside aiokafka must not end the loop that uses it: a projector died of that, and looked ready."""

import asyncio

import pytest

from libs.events import clients
from libs.events.subscription import Source, subscribe


class GivesUp:
    """A client whose start is cancelled from within."""

    async def start(self) -> None:
        raise asyncio.CancelledError


async def test_a_cancellation_inside_a_client_is_a_lost_connection() -> None:
    with pytest.raises(ConnectionError):
        await clients.start(GivesUp())


async def test_a_consumer_is_stopped_while_a_failed_fetch_pauses(kafka_bootstrap: str) -> None:
    consumer = await subscribe(Source(kafka_bootstrap, []), {})
    pausing = asyncio.create_task(asyncio.sleep(60))  # as aiokafka's fetch does after the broker was lost
    fetcher = consumer._fetcher  # noqa: SLF001 - where aiokafka keeps what it waits for
    assert fetcher
    fetcher._pending_tasks.add(pausing)  # noqa: SLF001 - likewise
    await asyncio.sleep(0)
    await clients.stop(consumer)
    assert pausing.cancelled()
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
