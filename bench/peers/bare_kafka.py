"""The limit of the machine: aiokafka alone, producing with acks=all and an idempotent producer, and consuming."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.measure import paced


async def consumed_per_second(bootstrap: str, topics: Sequence[str], most: int) -> float:
    """Events per second of fetching whole topics, with nothing done to a record but counting it."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=4 * 1024 * 1024
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, 0) for topic in topics]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        expected = min(most, sum(ends.values()))
        count, started = 0, time.perf_counter()
        while count < expected:
            for records in (await consumer.getmany(timeout_ms=500, max_records=2_000)).values():
                count += len(records)
        return count / (time.perf_counter() - started)
    finally:
        await consumer.stop()


async def produce_to_consume_ms(bootstrap: str, topic: str, value: bytes, rate: int, seconds: float) -> list[float]:
    """How long each record takes from `send` to a consumer that waits for it, at a steady rate."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await producer.start()
    await consumer.start()
    sent: list[float] = []
    took: list[float] = []
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_end(partition)
        await consumer.position(partition)

        async def send(_: int) -> None:
            sent.append(time.perf_counter())
            await producer.send(topic, value)

        sending = asyncio.create_task(paced(send, rate=rate, seconds=seconds))
        while not sending.done() or len(took) < len(sent):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                seen = time.perf_counter()
                took += [(seen - sent[len(took) + n]) * 1000 for n in range(len(records))]
        await sending
    finally:
        await consumer.stop()
        await producer.stop()
    return took
