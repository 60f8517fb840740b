"""PostgreSQL as a part: started, started again on the same data, killed, run as another user, not to be had."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from nrm.parts import postgres_programs
from nrm.parts.postgres import Postgres
from nrm.parts.processes import Account, PartFailed, PartMissing, is_running
from nrm.parts.unprivileged import NOBODY, reachable
from tests.platform.folders import private_folder, reachable_folder

LOCAL = ("local",)


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as path:
        yield path


async def _query(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def test_is_durable_and_keeps_data_and_address_over_a_restart(folder: Path) -> None:
    with Postgres(folder, kinds=LOCAL) as postgres:
        url = postgres.url
        assert await _query(url, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT n FROM kept") == 7
        settings = {
            name: await _query(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "data_checksums")
        }
        assert settings == {"fsync": "on", "synchronous_commit": "on", "data_checksums": "on"}
    with Postgres(folder, kinds=LOCAL) as again:
        assert again.url == url
        assert await _query(again.url, "SELECT n FROM kept") == 7


async def test_recovers_from_a_kill_with_the_same_object(folder: Path) -> None:
    with Postgres(folder, kinds=LOCAL) as postgres:
        await _query(postgres.url, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
        postgres.kill()
        assert not postgres.alive()
        url = postgres.url
        postgres.start()
        assert postgres.url == url
        assert await _query(url, "SELECT n FROM kept") == 7


async def test_starts_though_its_stale_pid_file_names_a_living_stranger(folder: Path) -> None:
    with Postgres(folder, kinds=LOCAL) as postgres:
        postgres.kill()
    file = folder / "postgres" / "postmaster.pid"
    lines = file.read_text().split("\n")
    owner = file.stat()
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
    try:
        file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        with Postgres(folder, kinds=LOCAL) as again:
            assert await _query(again.url, "SELECT 1") == 1
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_half_made_cluster_is_made_anew(folder: Path) -> None:
    (folder / "postgres.new" / "base").mkdir(parents=True)
    with Postgres(folder, kinds=LOCAL) as postgres:
        assert await _query(postgres.url, "SELECT 1") == 1


async def test_demands_its_password(folder: Path) -> None:
    with Postgres(folder, kinds=LOCAL) as postgres:
        password = postgres.url.partition("postgres:")[2].partition("@")[0]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.url.replace(password, "guessed"))


async def test_two_copies_run_side_by_side(folder: Path) -> None:
    with Postgres(folder / "one", kinds=LOCAL) as one, Postgres(folder / "two", kinds=LOCAL) as two:
        assert one.url != two.url
        assert await _query(two.url, "SELECT 1") == 1


async def test_uses_the_server_that_it_is_given_and_leaves_it_running(folder: Path) -> None:
    with Postgres(folder, kinds=LOCAL) as ours:
        with Postgres(folder / "unused", ours.url) as given:
            assert (given.kind, given.url, given.ours) == ("given", ours.url, False)
        assert ours.alive()


def test_says_where_a_given_server_does_not_answer(folder: Path) -> None:
    with pytest.raises(PartFailed, match=r"PostgreSQL does not answer at 127\.0\.0\.1:1, "):
        Postgres(folder, "postgresql://someone@127.0.0.1:1/nrm").start()


def test_says_what_to_install_where_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "FOLDERS", ())
    monkeypatch.setattr(postgres_programs, "WHEEL", "not_a_module")
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    with pytest.raises(PartMissing) as missing:
        Postgres(folder).start()
    text = str(missing.value)
    assert "no Docker engine answers" in text
    assert "apt install postgresql" in text
    assert "NRM_DATABASE_URL" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user's data")
def test_as_root_runs_as_somebody_else(folder: Path) -> None:
    with Postgres(folder, kinds=LOCAL) as postgres:
        status = Path(f"/proc/{postgres.pid}/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
        assert set(uids) == {str((folder / "postgres").stat().st_uid)}
        assert "0" not in uids


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user always reaches its own folder")
async def test_as_root_below_a_private_folder_moves_the_data_where_they_can_be_reached() -> None:
    with private_folder() as private:
        with Postgres(private / "data", kinds=LOCAL) as postgres:
            assert await _query(postgres.url, "SELECT 1") == 1
        link = private / "data" / "postgres"
        assert link.is_symlink()
        assert oct(private.stat().st_mode)[-3:] == "700"
        shutil.rmtree(link.resolve().parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole suite already runs as an ordinary user")
def test_an_ordinary_user_starts_it(folder: Path) -> None:
    nobody = Account(NOBODY, NOBODY)
    pythons = [Path(sys.executable), Path("/usr/bin/python3")]
    usable = [one for one in pythons if one.exists() and reachable(one.resolve(), nobody)]
    if not usable:
        pytest.skip("no Python here that another user may run")
    shutil.copytree(Path(postgres_programs.__file__).parent, folder / "nrm" / "parts")
    code = (
        "import pathlib, sys; from nrm.parts.postgres import Postgres\n"
        "with Postgres(pathlib.Path(sys.argv[1]), kinds=('local',)) as postgres: print(postgres.alive(), postgres.pid)"
    )
    folder.chmod(0o755)  # to import from it, it must be listed
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    done = subprocess.run(
        [usable[0], "-c", code, home / "data"],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=home,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("True "), done.stderr
    assert not is_running(int(done.stdout.split()[1]))
