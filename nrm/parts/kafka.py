"""Apache Kafka itself, as one KRaft node from its published jars, on the loopback address only."""

import base64
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from nrm.parts import docker
from nrm.parts.java import Java, java
from nrm.parts.kafka_jars import VERSION, jars
from nrm.parts.part import Given, Part, Server
from nrm.parts.processes import (
    PartFailed,
    Tethered,
    command_line,
    free_port,
    is_running,
    recall,
    remember,
    same_port,
    wait_gone,
    wait_until,
)
from nrm.parts.wire import kafka_answers

PORTS = range(24000, 27000)
CONTROLLER_PORTS = range(27000, 30000)
START_S = 120  # recovery after a crash reads the last segments first
OLD_ONE_S = 30
LOGGING = Path(__file__).with_name("log4j2.properties")
MEMORY = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


class Kafka(Part):
    """The broker; `.bootstrap` is what clients connect to."""

    name = "kafka"

    @property
    def bootstrap(self) -> str:
        """`host:port`, or several with commas."""
        return self.server.address

    def _from_address(self, address: str) -> Server:
        places = [one.strip().rpartition(":") for one in address.split(",")]
        return Given("Kafka", address, [(host, int(port)) for host, _, port in places])

    def _in_docker(self) -> Server:
        return docker.DockerKafka(self.data_dir, keep=self._keep)

    def _local(self) -> Server:
        return LocalKafka(self.data_dir, self.log)

    def _has_local_data(self) -> bool:
        return (self.data_dir / "kafka").exists()


class LocalKafka:
    """Kafka from its jars, its data in `<data_dir>/kafka`."""

    kind = "local"

    def __init__(self, data_dir: Path, log: Path) -> None:
        self.address = ""
        self._home = data_dir / "kafka"
        self._log = log
        self._notes = data_dir / "kafka.json"
        self._process: Tethered | None = None

    def prepare(self) -> None:
        """Find Java and the jars, write the settings, format the folder at the first start."""
        runtime = java()
        classpath = f"{jars(runtime)}/*"
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        notes = recall(self._notes)
        self._wait_for_old(notes.get("pid", 0))
        notes["port"] = same_port(notes["port"]) if self._process else free_port(notes.get("port", 0), PORTS)
        notes["controller_port"] = free_port(notes.get("controller_port", 0), CONTROLLER_PORTS)
        notes.setdefault("cluster", base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("="))
        settings = _settings(notes["port"], notes["controller_port"])
        (self._home / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        if not notes.get("formatted"):
            self._format(runtime, classpath, notes["cluster"])
        notes["formatted"] = True
        remember(self._notes, notes)
        self.address = f"127.0.0.1:{notes['port']}"
        self._process = Tethered(
            "Kafka",
            [*self._command(runtime, classpath, MEMORY), "kafka.Kafka", str(self._home / "server.properties")],
            log=self._log,
            environment=_environment(),
            folder=self._home,  # `log.dirs` is relative to it: a comma or a space in the path does no harm
        )

    def _format(self, runtime: Java, classpath: str, cluster: str) -> None:
        """Write the cluster's id into a fresh folder; one that was cut short is made anew, as it holds nothing."""
        shutil.rmtree(self._home / "log", ignore_errors=True)
        tool = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(self._home / "server.properties"),
        ]
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            [*self._command(runtime, classpath, MEMORY), *tool],
            cwd=self._home,
            env=_environment(),
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode != 0:
            raise PartFailed(f"Kafka's data folder cannot be formatted: {(done.stdout + done.stderr).strip()}")

    @staticmethod
    def _command(runtime: Java, classpath: str, options: tuple[str, ...]) -> list[str]:
        native = ["--enable-native-access=ALL-UNNAMED"] if runtime.warns_of_native_access else []
        return [str(runtime.program), *options, *native, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", classpath]

    def _wait_for_old(self, pid: int) -> None:
        """A broker of a launcher that was killed stops by itself; its lock goes with it."""
        mine = pid and str(self._home / "server.properties") in command_line(pid)
        if mine and is_running(pid) and not wait_gone(pid, OLD_ONE_S):
            raise PartFailed(f"another Kafka (process {pid}) runs on {self._home}: stop it first")

    def launch(self) -> None:
        """Start the broker and note its process id for the next start."""
        process = self._running()
        process.start()
        remember(self._notes, {**recall(self._notes), "pid": process.pid})

    def wait(self) -> None:
        """Wait until it serves requests."""
        host, _, port = self.address.rpartition(":")
        wait_until(lambda: kafka_answers(host, int(port)), self._running(), START_S)

    def alive(self) -> bool:
        """Whether the broker's process runs."""
        return self._process is not None and self._process.alive()

    def stop(self) -> None:
        """Let it close its segments."""
        if self._process is not None:
            self._process.stop(30)

    def kill(self) -> None:
        """End the broker as a crash would."""
        self._running().kill()

    def pid(self) -> int:
        """Process id of the broker."""
        return self._process.pid if self._process else 0

    def _running(self) -> Tethered:
        if self._process is None:
            raise PartFailed("Kafka has not been prepared")
        return self._process


def _environment() -> dict[str, str]:
    """Java reads file names by the locale: without UTF-8 a folder named in Khmer could not be opened."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC", "KAFKA_VERSION": VERSION}


def _settings(port: int, controller_port: int) -> dict[str, str | int]:
    """One node that is broker and controller; events are kept for ever, topics are made only on purpose."""
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": "log",
        "auto.create.topics.enable": "false",  # a typing error must not become a topic
        "num.partitions": 4,
        "log.retention.ms": -1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,  # default 50; fewer files, quicker start
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # after a crash the controller refuses the new broker until the old one's session ends: by default 9 s
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
    }
