"""How a process serves and stops: nobody is cut off at SIGTERM, and no process lives on without its work."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from libs.runtime.settings import Settings

GRACE_S = 10
HAND_OVER_S = 0.3
"""How long after SIGTERM a connection that is open already may still bring a request."""
GARBAGE_OBJECTS = 50_000
"""New objects after which Python looks for cycles among them. By default 700: then it stops at every few requests."""
log = structlog.get_logger()


def serve(app: FastAPI, settings: Settings, process: str) -> None:
    """Serve until SIGTERM; requests under way are finished."""
    config = uvicorn.Config(
        app,
        host=settings.bind,
        port=settings.port(process),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    server = _Patient(config)
    app.state.stopping = lambda: server.should_exit  # an answer that never ends must end now
    server.run()


class _Patient(uvicorn.Server):
    """At SIGTERM lets in who stands in the kernel's queue, closes the door, and waits for what those inside bring.

    uvicorn alone resets both: connections that the kernel has taken, and those whose request is still on its way.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then leave what was loaded for the start out of every later search for garbage."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does, but cut nobody off; streams that would never end are told first."""
        stopping = getattr(getattr(self.config.app, "state", None), "stopping", None)
        if isinstance(stopping, asyncio.Event):
            stopping.set()
        doors = [socket.socket(fileno=os.dup(one.fileno())) for server in self.servers for one in server.sockets]
        for server in self.servers:
            server.close()
        for door in doors:
            await self._let_in(door)
        await asyncio.sleep(HAND_OVER_S)
        await super().shutdown(sockets)

    async def _let_in(self, door: socket.socket) -> None:
        protocol: Any = self.config.http_protocol_class
        make = partial(protocol, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        door.settimeout(0)
        waiting = []
        with door, contextlib.suppress(BlockingIOError):
            while True:
                waiting.append(door.accept()[0])
        for connection in waiting:
            connection.settimeout(0)
            await asyncio.get_running_loop().connect_accepted_socket(make, connection)


@asynccontextmanager
async def tasks(*running: Awaitable[None]) -> AsyncIterator[None]:
    """Run background work while the application serves; the process stops where any of it ends.

    A process whose projector or relay has died would answer as if nothing were wrong. It is started again instead.
    """
    stopping = False

    def ended(task: asyncio.Future[None]) -> None:
        if stopping:
            return
        fault = None if task.cancelled() else task.exception()
        log.error("process.work_ended", fault=type(fault).__name__)
        os.kill(os.getpid(), signal.SIGTERM)

    started = [asyncio.ensure_future(one) for one in running]
    for task in started:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        stopping = True
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)
