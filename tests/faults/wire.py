"""A bad wire: a TCP proxy that delays, chops, swallows and resets what goes through it."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


def through(url: str, port: int) -> str:
    """The same URL by way of a port of this machine."""
    address = urlsplit(url)
    return urlunsplit(address._replace(netloc=f"{address.netloc.rpartition('@')[0]}@127.0.0.1:{port}"))


@dataclass
class Wire:
    """One listening port in front of a server."""

    host: str
    port: int
    rng: random.Random
    delay_s: float = 0.0
    chop: bool = False
    passed: int = 0
    cuts: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _swallowed: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    @classmethod
    async def before(cls, url: str, rng: random.Random) -> tuple["Wire", str]:
        """A wire that listens before a URL's server, and the URL that leads through it."""
        address = urlsplit(url)
        wire = cls(address.hostname or "127.0.0.1", address.port or 5432, rng)
        return wire, through(url, await wire.start())

    async def stop(self) -> None:
        """Close everything."""
        if self._server:
            self._server.close()
        self.cut()

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        count = len(self._open)
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()
        self._swallowed.clear()
        self.cuts += count // 2
        return count // 2

    def swallow(self) -> int:
        """Half-open from now on: both sides of every present connection stand, and nothing arrives any more."""
        self._swallowed |= self._open
        return len(self._open) // 2

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        for one in (writer, far_writer):
            self._open.discard(one)
            self._swallowed.discard(one)
            one.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65_536):
            if self.delay_s:
                await asyncio.sleep(self.rng.random() * 2 * self.delay_s)
            if sink in self._swallowed:
                continue
            pieces = self._pieces(chunk) if self.chop else [chunk]
            for piece in pieces:
                sink.write(piece)
                await sink.drain()
                if self.chop:
                    await asyncio.sleep(0)
            self.passed += len(chunk)
        if sink not in self._swallowed:
            sink.close()

    def _pieces(self, chunk: bytes) -> list[bytes]:
        places = sorted(self.rng.sample(range(len(chunk) + 1), min(3, len(chunk))))
        return [chunk[start:end] for start, end in zip([0, *places], [*places, len(chunk)], strict=True) if end > start]
