"""Kafka as a part: started, started again on the same data, killed, not to be had."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from nrm.parts import java, kafka_jars
from nrm.parts.kafka import Kafka
from nrm.parts.processes import PartMissing
from tests.platform.folders import reachable_folder

LOCAL = ("local",)
TOPIC = "kept"


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as path:
        yield path


async def _create(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _topics(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def _send(bootstrap: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC, value)
    finally:
        await producer.stop()


async def _read(bootstrap: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, 0)])
        await consumer.seek_to_beginning()
        return [(await consumer.getone()).value or b"" for _ in range(count)]
    finally:
        await consumer.stop()


async def test_keeps_events_and_address_over_a_restart_and_a_kill(folder: Path) -> None:
    with Kafka(folder, kinds=LOCAL) as kafka:
        bootstrap = kafka.bootstrap
        await _create(bootstrap)
        await _send(bootstrap, b"first")
    with Kafka(folder, kinds=LOCAL) as again:
        assert again.bootstrap == bootstrap
        await _send(bootstrap, b"second")
        again.kill()
        assert not again.alive()
        again.start()
        assert again.bootstrap == bootstrap
        assert await _read(bootstrap, 2) == [b"first", b"second"]


async def test_makes_no_topic_by_itself(kafka_bootstrap: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, request_timeout_ms=1500)
    await producer.start()
    try:
        await producer.client.force_metadata_update()
        producer.client.add_topic("mistyped")
        await producer.client.force_metadata_update()
    finally:
        await producer.stop()
    assert "mistyped" not in await _topics(kafka_bootstrap)


async def test_an_unfinished_format_is_made_anew(folder: Path) -> None:
    (folder / "kafka" / "log").mkdir(parents=True)
    (folder / "kafka" / "log" / "meta.properties").write_text("cut sh")
    with Kafka(folder, kinds=LOCAL) as kafka:
        assert await _topics(kafka.bootstrap) == set()


def test_says_what_to_install_without_java(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "_programs", list)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    with pytest.raises(PartMissing) as missing:
        Kafka(folder).start()
    text = str(missing.value)
    assert "no Docker engine answers" in text
    assert "openjdk-17-jre-headless" in text
    assert "NRM_KAFKA_BOOTSTRAP_SERVERS" in text


def test_says_what_to_install_without_maven(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_jars, "CACHE", tmp_path / "none")
    found = java.java()
    monkeypatch.setattr(java, "_programs", lambda: [found.program])
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PartMissing, match="apt install maven"):
        Kafka(folder, kinds=LOCAL).start()
