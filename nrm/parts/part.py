"""A part is a real server that we are given, or start: the choice, and the life that PostgreSQL and Kafka share."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

from nrm.parts.processes import PartFailed, PartMissing, answers

KINDS = ("docker", "local")


class Server(Protocol):
    """One way to have the server."""

    kind: str
    address: str

    def prepare(self) -> None:
        """Get what is needed (programs, image, data folder); may block long, may run in any thread."""

    def launch(self) -> None:
        """Start it and return; the calling thread must outlive the server."""

    def wait(self) -> None:
        """Block until it answers."""

    def alive(self) -> bool:
        """Whether it runs."""

    def stop(self) -> None:
        """Stop it in an orderly way; the data stay."""

    def kill(self) -> None:
        """End it as a crash would."""

    def pid(self) -> int:
        """Its process id on this machine, else 0."""


class Given:
    """A server that somebody else runs: we only look whether it is there."""

    kind = "given"

    def __init__(self, name: str, address: str, places: Sequence[tuple[str, int]]) -> None:
        self.address = address
        self._name = name
        self._places = places

    def prepare(self) -> None:
        """Nothing to get."""

    def launch(self) -> None:
        """Nothing to start."""

    def wait(self) -> None:
        """Look once more where it should be."""
        if not any(answers(host, port, 5) for host, port in self._places):
            places = ", ".join(f"{host}:{port}" for host, port in self._places)
            raise PartFailed(f"{self._name} does not answer at {places}, which the environment names")

    def alive(self) -> bool:
        """Not ours to watch."""
        return True

    def stop(self) -> None:
        """Not ours to stop."""

    def kill(self) -> None:
        """Not ours to end."""
        raise PartFailed(f"{self._name} is not ours to end")

    def pid(self) -> int:
        """Not known."""
        return 0


class Part(ABC):
    """A real server, found or started by the order: address given, Docker, this machine's programs."""

    name: ClassVar[str]

    def __init__(self, data_dir: Path, address: str = "", *, keep: bool = True, kinds: Sequence[str] = KINDS) -> None:
        self.data_dir = data_dir.resolve()
        self.log = self.data_dir / "logs" / f"{self.name}.log"
        self._given = address
        self._keep = keep
        self._kinds = kinds
        self._server: Server | None = None

    @abstractmethod
    def _from_address(self, address: str) -> Server:
        """The server that somebody else runs."""

    @abstractmethod
    def _in_docker(self) -> Server:
        """The server in a container."""

    @abstractmethod
    def _local(self) -> Server:
        """The server from programs on this machine."""

    @abstractmethod
    def _has_local_data(self) -> bool:
        """Whether earlier runs left data that only the local server reads."""

    @property
    def server(self) -> Server:
        """The chosen server, once prepared."""
        if self._server is None:
            raise PartFailed(f"{self.name} has not been started")
        return self._server

    @property
    def kind(self) -> str:
        """`given`, `docker` or `local`."""
        return self.server.kind

    @property
    def ours(self) -> bool:
        """Whether we started it, and so restart and stop it."""
        return self._server is not None and self._server.kind != "given"

    @property
    def pid(self) -> int:
        """Process id of the server, 0 where it is not a process of ours."""
        return self._server.pid() if self._server else 0

    def prepare(self) -> None:
        """Choose the server and get what it needs; a second call prepares the same one again."""
        if self._server is not None:
            self._server.prepare()
            return
        if self._given:
            self._server = self._from_address(self._given)
            return
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        self._server = self._first_that_can_be_had()

    def _first_that_can_be_had(self) -> Server:
        ways = {"docker": self._in_docker, "local": self._local}
        kinds = ["local"] if self._has_local_data() else self._kinds
        missing: list[str] = []
        for kind in kinds:
            try:
                server = ways[kind]()
                server.prepare()
            except PartMissing as reason:
                missing.append(str(reason))
            else:
                return server
        raise PartMissing(f"{self.name} cannot be had:\n" + "\n".join(f"  - {reason}" for reason in missing))

    def launch(self) -> None:
        """Start the prepared server from this thread, which must outlive it."""
        self.server.launch()

    def wait(self) -> None:
        """Block until the server answers."""
        self.server.wait()

    def start(self) -> None:
        """Prepare, launch and wait; also after a crash, on the same data and address."""
        self.prepare()
        self.launch()
        self.wait()

    async def start_async(self) -> None:
        """Do the same as `start` without blocking the event loop; launched from the loop's own thread."""
        await asyncio.to_thread(self.prepare)
        self.launch()
        await asyncio.to_thread(self.wait)

    def alive(self) -> bool:
        """Whether it runs; one that is given counts as running."""
        return self._server is not None and self._server.alive()

    def stop(self) -> None:
        """Stop it if it is ours; the data stay."""
        if self._server is not None:
            self._server.stop()

    def kill(self) -> None:
        """End it as a crash would, for tests of faults."""
        self.server.kill()

    def __enter__(self) -> Self:
        """Start it, or leave nothing behind."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()
