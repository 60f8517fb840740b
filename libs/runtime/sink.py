"""Where log lines go: standard error, whose disk may be full, or which nobody reads. Neither is raised nor waited for.

A consume loop says that something is away before it waits for it; a log line that raised there would end the loop, and
one that waited for a reader would hold up every request. What cannot be written at once is lost and counted.
"""

import contextlib
import io
import os
import select

from prometheus_client import Counter

LOST = Counter("nrm_log_lines_lost", "Pieces of log that could not be written, e.g. as the disk is full")


class Sink(io.TextIOBase):
    """Writes to a file descriptor at once and keeps nothing back: what failed is not tried again at the next line."""

    def __init__(self, descriptor: int = 2) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)

    def write(self, text: str) -> int:
        """Write the text; how many characters were given."""
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        with contextlib.suppress(OSError):
            # A pipe that is ready takes so many bytes without making the writer wait.
            while rest and self._ready.poll(0):
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
        if rest:
            LOST.inc()
        return len(text)
