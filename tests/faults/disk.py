"""Full disks: a small tmpfs over PostgreSQL's folder, Kafka's and the logs', filled to the last byte, then freed."""

import asyncio
import errno
import os
import shutil
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults.load import CASE, POLICE
from tests.faults.scenes import Cannot, Outcome, load

ROOM = 24 * 1024 * 1024
CLIENTS = 4
UP_S_MAX = 180
_GONE = {"ConnectError", "ReadError", "RemoteProtocolError"}
ALLOWED = {"kafka": {"201"}, "postgres": {"201", "503"}, "logs": {"201", "503", *_GONE}}
"""What an intake may be answered meanwhile: recording needs PostgreSQL alone; with the logs, processes are killed."""
PIECE = 256 * 1024


@dataclass
class SmallDisk:
    """A folder on a disk of its own, that can be filled and freed."""

    folder: Path

    def mount(self) -> None:
        """Put a tmpfs over the folder, with what was in it and a little room. Raises Cannot."""
        below = self.folder.with_name(f"{self.folder.name}.below")
        _run("cp", "-a", str(self.folder), str(below))
        used = sum(one.stat().st_size for one in below.rglob("*") if one.is_file())
        found = self.folder.stat()
        size = f"size={used * 2 + ROOM},mode={found.st_mode & 0o777:o},uid={found.st_uid},gid={found.st_gid}"
        _run("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder))
        _run("cp", "-a", f"{below}/.", str(self.folder))
        shutil.rmtree(below)

    def fill(self) -> int:
        """Leave no byte; how many were taken."""
        piece, size = b"\0" * PIECE, 0
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            while True:
                try:
                    size += filler.write(piece)
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise
                    if len(piece) == 1:
                        return size
                    piece = piece[: len(piece) // 2]

    def free(self) -> None:
        """Make room again."""
        (self.folder / "filler").unlink()


def unmount_below(folder: Path) -> None:
    """Take away whatever a scene has mounted there."""
    for line in Path("/proc/mounts").read_text().splitlines():
        target = line.split()[1]
        if target.startswith(f"{folder}/"):
            _run("umount", "-l", target)


def able(_: Path) -> dict[str, str]:
    """Raises Cannot for anybody but root."""
    if os.geteuid() != 0:
        raise Cannot("only root may mount the small disks")
    return {}


async def disk(outcome: Outcome, seconds: float) -> None:
    """Each data folder's disk is full for a while under load; nobody is called to help but to make room."""
    system = outcome.killer.system
    for name in ("kafka", "postgres", "logs"):
        small = SmallDisk(system.data_dir / name)
        if name in system.parts:
            await system.hold(name)
            await asyncio.to_thread(small.mount)
            await system.release(name)
        else:
            await asyncio.to_thread(small.mount)
        server = system.parts[name].pid if name in system.parts else 0
        async with load(outcome, outcome.killer.rng, CLIENTS):
            await asyncio.sleep(1)
            taken = await asyncio.to_thread(small.fill)
            answers, slowest, restarts = await _while_full(outcome, name, seconds)
            await asyncio.to_thread(small.free)
            freed = time.monotonic()
            await _up(outcome)
        if name in system.parts and system.parts[name].pid != server:
            restarts = "; the server ended of it and was started again"
        said = ", ".join(f"{count} x {answer}" for answer, count in sorted(answers.items()))
        outcome.note(
            f"{name}: disk full ({taken >> 20} MiB of filler) for {seconds:g} s{restarts}: intakes were answered "
            f"{said}, the slowest attempt in {slowest:.1f} s; all up {time.monotonic() - freed:.1f} s after there was "
            "room"
        )
        allowed = ALLOWED[name]
        outcome.lost += [f"{name}: {n} x {one} while full" for one, n in answers.items() if one not in allowed]


async def _while_full(outcome: Outcome, name: str, seconds: float) -> tuple[Counter[str], float, str]:
    """Intakes, one after the other; with the logs' disk each process is also ended and must come back."""
    answers: Counter[str] = Counter()
    until, slowest, restarts = time.monotonic() + seconds, 0.0, 0
    names = list(outcome.killer.system.processes) if name == "logs" else []
    while time.monotonic() < until or names:
        if names:
            outcome.killer.system.kill(names.pop())
            restarts += 1
        request = outcome.speaker.new("identification", "/v1/cases", CASE, POLICE)
        started = time.monotonic()
        await outcome.speaker.once(request)
        slowest = max(slowest, time.monotonic() - started)
        answers[request.answers[-1]] += 1
        request.given_up = not request.status
        await asyncio.sleep(0.05)
    return answers, slowest, f", {restarts} processes killed" if restarts else ""


async def _up(outcome: Outcome) -> None:
    """Everything is up again, without anybody's help; and what was not answered is asked again."""
    system, speaker = outcome.killer.system, outcome.speaker
    async with asyncio.timeout(UP_S_MAX):
        await system.until(lambda: system.healthy, UP_S_MAX)
        for name in system.processes:
            await system.wait_ready(name, UP_S_MAX)
        for request in [one for one in speaker.requests if one.given_up and not one.status]:
            await speaker.until_answered(request)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Cannot(f"{' '.join(words)}: {done.stderr.strip()}")
