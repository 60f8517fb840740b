"""Where a projection's events come from: a consumer of every partition of some topics, from recorded offsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.events import clients


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from: the brokers and the topics of the services."""

    bootstrap: str
    topics: Sequence[str]


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


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 - the public call asks for subscribed topics only
    known: set[int] | None = consumer.partitions_for_topic(topic)
    if not known:
        raise ConnectionError(f"topic {topic} does not exist")
    return known
