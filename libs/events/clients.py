"""Kafka clients that are started and given up whole: aiokafka leaves connections open where it is cancelled midway."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

GRACE_S = 3
"""How long a cancelled start or stop may go on before it is left alone."""


class Client(Protocol):
    """A producer or a consumer."""

    async def start(self) -> None:
        """Connect to the brokers."""


async def start(client: Client) -> None:
    """Start a client; when this is cancelled, the start ends first, so that what it opened can be closed."""
    await _to_its_end(client.start())


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer."""
    await _to_its_end(_stop(consumer))


async def _stop(consumer: AIOKafkaConsumer) -> None:
    try:
        await consumer.stop()
    except asyncio.CancelledError:  # of a fetch that pauses after a failure: aiokafka cancels it and lets that out
        await consumer._client.close()  # noqa: SLF001 - the rest of its `stop`


async def abandon(producer: AIOKafkaProducer) -> None:
    """Close a producer without sending what waits: after a failure its order would be lost; the next leader sends it.

    aiokafka's own `stop` sends everything first, and waits for brokers that are away.
    """
    await _to_its_end(_abandon(producer))


async def _abandon(producer: AIOKafkaProducer) -> None:
    if producer._sender is not None:  # noqa: SLF001 - see the docstring
        await producer._sender.close()  # noqa: SLF001 - see the docstring
    producer._closed = True  # noqa: SLF001 - see the docstring
    await producer.client.close()


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for it, also when cancelled. A cancellation inside aiokafka is no cancellation of the caller."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE_S)
        raise
    if task.cancelled():
        raise ConnectionError("a Kafka client gave up midway")
    task.result()
