"""Where log lines go: standard error, whose disk may be full. A line that cannot be written is counted, never raised.

A consume loop says that something is away before it waits for it; a log line that raised there would end the loop.
"""

import io
import os

from prometheus_client import Counter

LOST = Counter("nrm_log_lines_lost", "Pieces of log that could not be written, e.g. as the disk is full")


class Sink(io.TextIOBase):
    """Writes to a file descriptor at once and keeps nothing back: what failed is not tried again at the next line."""

    def __init__(self, descriptor: int = 2) -> None:
        super().__init__()
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write the text; how many characters were given."""
        rest = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            LOST.inc()
        return len(text)
