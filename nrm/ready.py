"""Waiting for a process to answer 200 at its `/health/ready`."""

import asyncio
import time

from nrm.parts.processes import PartFailed, Tethered

POLL_S = 0.1
ANSWER_S = 5


async def wait_ready(process: Tethered, url: str, seconds: float) -> None:
    """Wait; a process that ends, or stays unready for longer, is a `PartFailed` with what it said last."""
    deadline = time.monotonic() + seconds
    status, said = 0, "nothing"
    while status != 200:  # noqa: PLR2004 - the status itself is the clearest name
        if not process.alive():
            text = f"{process.name} ended with {process.exit_code()} while starting"
            raise PartFailed(f"{text}; {process.log} ends with:\n{process.tail()}")
        if time.monotonic() > deadline:
            text = f"{process.name} is not ready after {seconds:.0f} s ({url} says {said})"
            raise PartFailed(f"{text}; see {process.log}")
        await asyncio.sleep(POLL_S)
        status, answer = await _get(url)
        said = answer or said


async def _get(url: str) -> tuple[int, str]:
    """Status and body of a plain GET; an HTTP client would take longer to import than the services to start."""
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
                answer = (await reader.read(65536)).decode(errors="replace")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, ""
    head, _, body = answer.partition("\r\n\r\n")
    words = head.split(" ", 2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body.strip()
