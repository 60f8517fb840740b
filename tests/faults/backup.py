"""A base backup and the WAL that follows it, and the way back to a moment: PostgreSQL's own tools, nothing else."""

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from nrm.parts.postgres_programs import programs
from nrm.parts.processes import PartMissing, Tethered
from nrm.parts.unprivileged import account_for
from nrm.system import System
from tests.faults.scenes import Cannot


def _program(name: str) -> str:
    try:
        found = programs("", Path("/"), None).folder / name
    except PartMissing as lacks:
        raise Cannot(str(lacks)) from lacks
    if not found.exists():
        raise Cannot(f"{found} is not here: install PostgreSQL's client programs")
    return str(found)


async def tool(name: str, *words: str) -> None:
    """Run one of PostgreSQL's programs to its end."""
    done = await asyncio.to_thread(
        subprocess.run, [_program(name), *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr.strip()}")


@dataclass
class Backup:
    """One base backup with its WAL, beside the data folder's database."""

    running: System
    _receiver: Tethered | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.cluster = self.running.data_dir / "postgres"
        self.base = self.running.data_dir / "base"
        self.wal = self.running.data_dir / "wal"

    async def begin(self) -> None:
        """Keep every byte of WAL from now on, then copy the cluster while it is written to."""
        self.wal.mkdir()
        program = [_program("pg_receivewal"), "-D", str(self.wal), "-d", self.running.settings.database_url]
        self._receiver = Tethered(
            "pg_receivewal", program, log=self.running.data_dir / "logs" / "wal.log", environment=dict(os.environ)
        )
        self._receiver.start()
        await tool(
            "pg_basebackup", "-D", str(self.base), "-X", "none", "-c", "fast", "-d", self.running.settings.database_url
        )

    async def moment(self) -> str:
        """The moment to which one will go back: after everything that was answered."""
        return str(await self._asked("SELECT clock_timestamp()::text"))

    async def end(self) -> None:
        """Wait until the WAL up to now is kept."""
        segment = await self._asked("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        await self._asked("SELECT pg_switch_wal()::text")
        async with asyncio.timeout(60):
            while not (self.wal / str(segment)).exists():
                await asyncio.sleep(0.1)
        if self._receiver:
            await asyncio.to_thread(self._receiver.stop)

    def restore(self, moment: str) -> None:
        """Put the copy in the place of the lost cluster; its next start replays WAL up to the moment."""
        account = account_for(self.cluster)
        shutil.rmtree(self.cluster)
        self.base.replace(self.cluster)
        with (self.cluster / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"restore_command = 'cp {self.wal}/%f %p'\nrecovery_target_time = '{moment}'\n")
            conf.write("recovery_target_action = 'promote'\n")
        (self.cluster / "recovery.signal").touch()
        if account:
            for folder in (self.cluster, self.wal):
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, account.uid, account.gid)

    async def _asked(self, sql: str) -> object:
        connection = await asyncpg.connect(self.running.settings.database_url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()
