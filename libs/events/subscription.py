"""Where a projection's events come from: a consumer of every partition of some topics, from recorded offsets."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.events import clients

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from: the brokers and the topics of the services; and where goes what cannot be applied."""

    bootstrap: str
    topics: Sequence[str]
    dead_letters: str = ""
    """The topic for events that cannot be applied; none where empty."""


async def subscribe(source: Source, offsets: Mapping[TopicPartition, int]) -> AIOKafkaConsumer:
    """A consumer of every partition of the topics, from the recorded offsets or the beginning."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=source.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=250,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        await clients.start(consumer)
        partitions = []
        for topic in source.topics:
            known = consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
            partitions += [TopicPartition(topic, number) for number in sorted(known)]
        consumer.assign(partitions)
        for partition in partitions:
            if partition in offsets:
                consumer.seek(partition, offsets[partition])
            else:
                await consumer.seek_to_beginning(partition)
    except BaseException:
        await clients.stop(consumer)
        raise
    return consumer


async def ahead(items: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The items of a generator, each made while the one before it is used. Close it, or both stay open."""

    async def make() -> T | None:
        return await anext(items, None)

    async with aclosing(items):
        making = asyncio.create_task(make())
        try:
            while (item := await making) is not None:
                making = asyncio.create_task(make())
                yield item
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 - the public call asks for subscribed topics only
    known: set[int] | None = consumer.partitions_for_topic(topic)
    if not known:
        raise ConnectionError(f"topic {topic} does not exist")
    return known
