"""A log line that cannot be written harms nobody: /dev/full answers every write as a full disk does."""

import os
import subprocess
import sys
from pathlib import Path

from libs.runtime.sink import LOST, Sink

PROGRAM = """
import logging
import structlog
from libs.runtime.telemetry import configure
configure("test", "INFO")
for number in range(2_000):
    structlog.get_logger().warning("projection.waiting", number=number)
    logging.getLogger("other").error("words")
print("went on")
"""


def test_a_process_whose_logs_disk_is_full_goes_on() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (0, "went on\n")


def test_a_lost_line_is_counted_and_the_next_is_written_whole() -> None:
    full, (read, write) = os.open("/dev/full", os.O_WRONLY), os.pipe()
    before = LOST._value.get()  # noqa: SLF001 - the library has no other way to read one counter
    Sink(full).write("lost")
    assert LOST._value.get() == before + 1  # noqa: SLF001 - likewise
    Sink(write).write("ករណី\ud800\n")
    assert os.read(read, 100) == "ករណី".encode() + b"\\ud800\n"
    for one in (full, read, write):
        os.close(one)
