"""Where the launcher has no room for logs and notes, what dies is started again all the same."""

import asyncio
import errno
import sys
from pathlib import Path

from nrm.parts.processes import Tethered
from nrm.supervisor import Supervisor


def _no_room() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _sleeper(folder: Path) -> Tethered:
    (folder / "logs").write_text("a file where the folder should be: no log can be opened")
    return Tethered("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], log=folder / "logs" / "one.log")


async def test_is_started_again_without_a_log_and_without_notes(tmp_path: Path) -> None:
    process = _sleeper(tmp_path)
    said: list[str] = []
    supervisor = Supervisor({"sleeper": process}, {}, said.append, _no_room)
    process.start()
    supervisor.start()
    try:
        for _ in range(2):
            before = process.pid
            process.kill()
            async with asyncio.timeout(60):
                while process.pid == before or not process.alive():
                    await asyncio.sleep(0.02)
    finally:
        await supervisor.stop()
        process.kill()
    assert any("No space left" in line for line in said)
