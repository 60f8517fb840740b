"""Topics for one test, records put on them and read from them, and waiting for what must come true."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS = 3
DEADLINE_S = 20


async def new_topic(bootstrap: str, service: str = "referral") -> str:
    """A topic of a service that nobody else uses."""
    name = f"t{uuid4().hex[:12]}.{service}.events.v1"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=PARTITIONS, replication_factor=1)])
    finally:
        await admin.close()
    return name


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of somebody's."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def produce(
    bootstrap: str, topic: str, values: Iterable[bytes | None], partition: Callable[[int], int] = lambda _: 0
) -> None:
    """Put records on a topic, the n-th on the partition that `partition` says."""
    async with producing(bootstrap) as producer:
        sent = [
            await producer.send(topic, value, key=b"k", partition=partition(number))
            for number, value in enumerate(values)
        ]
        await asyncio.gather(*sent)


async def records(bootstrap: str, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
    """Every record of a topic, in the order of each partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=50)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        found: list[ConsumerRecord[bytes, bytes]] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                found += (await consumer.getmany(partition, timeout_ms=500)).get(partition, [])
        return found
    finally:
        await consumer.stop()


async def until(true: Callable[[], Awaitable[bool]], deadline_s: float = DEADLINE_S) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(deadline_s):
        while not await true():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(*work: Awaitable[None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that run beside the test and are cancelled after it."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield tasks
    finally:
        await cancel(*tasks)


async def cancel(*tasks: "asyncio.Future[None]") -> None:
    """Cancel tasks; none may take longer than a clean end does."""
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
