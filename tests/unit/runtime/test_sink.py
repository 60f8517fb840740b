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


def test_a_reader_that_stands_still_or_leaves_holds_nobody_up() -> None:
    read, write = os.pipe()
    sink, before = Sink(write), LOST._value.get()  # noqa: SLF001 - likewise
    for _ in range(300):
        sink.write("x" * 999 + "\n")  # more than a pipe holds
    os.close(read)
    sink.write("nobody is there\n")
    os.close(write)
    sink.write("closed\n")
    assert LOST._value.get() > before + 2  # noqa: SLF001 - likewise
