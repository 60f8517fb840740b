"""PostgreSQL and Kafka in containers, by testcontainers, where a Docker engine answers.

testcontainers is imported only after the engine has answered: constructing any of its containers without one raises.
Data stay in named volumes (a bind mount would belong to the image's user, whom the folder's owner could not remove).
A container dies with us: testcontainers' reaper removes it when our connection to it closes.
"""

import hashlib
import os
import secrets
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrm.parts.processes import POLL_S, PartFailed, PartMissing, free_port, recall, remember
from nrm.parts.wire import kafka_answers, postgres_answers

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

POSTGRES_IMAGE = "postgres:17"
KAFKA_IMAGE = "apache/kafka:4.1.2"
KAFKA_PORTS = range(24000, 27000)
READY_S = 120
PING = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
INSTALL = "no Docker engine answers: start one (`apt install docker.io`)"


def engine_answers() -> bool:
    """Whether a Docker engine answers now, at DOCKER_HOST or at the usual sockets."""
    host = os.environ.get("DOCKER_HOST", "")
    if host.startswith("tcp://"):
        name, _, port = host.removeprefix("tcp://").partition(":")
        return _pings(socket.AF_INET, (name, int(port or 2375)))
    sockets = [host.removeprefix("unix://")] if host.startswith("unix://") else ["/var/run/docker.sock"]
    if not host:
        sockets.append(f"{os.environ.get('XDG_RUNTIME_DIR', '/run')}/docker.sock")
    return any(_pings(socket.AF_UNIX, path) for path in sockets if Path(path).exists())


def _pings(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as engine:
        engine.settimeout(1)
        try:
            engine.connect(address)
            engine.sendall(PING)
            return b" 200 " in engine.recv(256)
        except OSError:
            return False


class Container(ABC):
    """What both containers share: built when prepared, ready when `answers` says so."""

    kind = "docker"

    def __init__(self, image: str, build: Callable[[], "DockerContainer"]) -> None:
        self.address = ""
        self._image = image
        self._build = build
        self._container: DockerContainer | None = None

    def prepare(self) -> None:
        """Ask the engine, and fetch the image where it is not there yet."""
        if not engine_answers():
            raise PartMissing(INSTALL)
        from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415 - only with an engine, see above
        from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415 - only with an engine

        try:
            client = DockerClient().client
            try:
                client.images.get(self._image)
            except ImageNotFound:
                client.images.pull(self._image)
        except DockerException as reason:
            raise PartMissing(f"Docker answers but has no image {self._image}: {reason}") from reason

    def launch(self) -> None:
        """Create and start the container."""
        self.stop()
        container = self._build()
        self._container = container
        container.start()

    @abstractmethod
    def wait(self) -> None:
        """Block until the server inside speaks its own protocol."""

    def alive(self) -> bool:
        """Whether the engine says that it runs."""
        if self._container is None:
            return False
        from docker.errors import DockerException  # noqa: PLC0415 - only with an engine

        inner = self._container.get_wrapped_container()
        try:
            inner.reload()
        except DockerException:
            return False
        return bool(inner.status == "running")

    def stop(self) -> None:
        """Stop the server in its own time, then remove the container; a named volume stays."""
        container, self._container = self._container, None
        if container is not None:
            container.get_wrapped_container().stop(timeout=30)
            container.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._container is not None:
            self._container.get_wrapped_container().kill()

    def pid(self) -> int:
        """Not a process of ours."""
        return 0

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S
        while not ready():
            if time.monotonic() > deadline or not self.alive():
                raise PartFailed(f"the container of {self._image} did not become ready: see `docker logs`")
            time.sleep(POLL_S * 5)


def _volume(data_dir: Path, name: str) -> str:
    return f"opennrm-{name}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"


class DockerPostgres(Container):
    """PostgreSQL in a container."""

    def __init__(self, data_dir: Path, *, keep: bool) -> None:
        super().__init__(POSTGRES_IMAGE, self._make)
        self._data_dir = data_dir
        self._keep = keep

    def _make(self) -> "DockerContainer":
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - only with an engine

        notes = {"password": secrets.token_urlsafe(24), **recall(self._data_dir / "postgres-docker.json")}
        remember(self._data_dir / "postgres-docker.json", notes)
        container = PostgresContainer(
            POSTGRES_IMAGE, username="postgres", password=notes["password"], dbname="nrm", driver=None
        )
        container.with_command("postgres -c max_connections=200 -c timezone=UTC -c log_min_error_statement=panic")
        container.with_env("POSTGRES_INITDB_ARGS", "--data-checksums --locale=C --lc-ctype=C.UTF-8")
        if self._keep:
            container.with_volume_mapping(_volume(self._data_dir, "postgres"), "/var/lib/postgresql/data", "rw")
        return container

    def wait(self) -> None:
        """Wait until it talks PostgreSQL on the published port (the image's first server listens inside only)."""
        container = self._container
        if container is None:
            raise PartFailed("PostgreSQL has not been launched")
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(5432))
        self.address = f"postgresql://postgres:{container.env['POSTGRES_PASSWORD']}@{host}:{port}/nrm"
        self._wait(lambda: postgres_answers(host, port))


class DockerKafka(Container):
    """Apache Kafka in a container: testcontainers' own class knows Confluent's image only."""

    def __init__(self, data_dir: Path, *, keep: bool) -> None:
        super().__init__(KAFKA_IMAGE, self._make)
        self._data_dir = data_dir
        self._keep = keep

    def _make(self) -> "DockerContainer":
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - only with an engine

        notes = recall(self._data_dir / "kafka-docker.json")
        port = free_port(notes.get("port", 0), KAFKA_PORTS)
        remember(self._data_dir / "kafka-docker.json", {"port": port})
        container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
        host = container.get_container_host_ip()
        self.address = f"{host}:{port}"
        container.with_envs(**kafka_environment(self.address))
        if self._keep:
            container.with_volume_mapping(_volume(self._data_dir, "kafka"), "/var/lib/kafka/data", "rw")
        return container

    def wait(self) -> None:
        """Wait until it talks Kafka."""
        host, _, port = self.address.rpartition(":")
        self._wait(lambda: kafka_answers(host, int(port)))


def kafka_environment(advertised: str) -> dict[str, Any]:
    """The image's settings: the same node as the local one, advertised at the published port."""
    return {
        "CLUSTER_ID": "b3Blbm5ybS1rYWZrYS0xMA",  # fixed, so that the volume fits the next container
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{advertised}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_LOG_RETENTION_MS": "-1",
        "KAFKA_HEAP_OPTS": "-Xmx384m",
    }
