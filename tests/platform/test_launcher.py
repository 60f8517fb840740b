"""The launcher and the System: up, one at a time, restarted after a death, and nothing left behind however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.runtime.settings import Settings
from nrm.parts.processes import PartFailed, free_port, is_running, recall
from nrm.running import running, running_settings
from tests.platform.folders import reachable_folder
from tests.platform.launcher_with_stubs import system

UP_S = 60
Launch = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with reachable_folder() as path:
        yield path


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return Settings(
        data_dir=folder, port_base=free_port(0, range(18000, 19000, 10)), database_url="", kafka_bootstrap_servers=""
    )


@pytest.fixture
def launch(settings: Settings) -> Iterator[Launch]:
    started: list[subprocess.Popen[str]] = []
    environment = {name: text for name, text in os.environ.items() if not name.startswith("NRM_")}
    environment |= {"NRM_DATA_DIR": str(settings.data_dir), "NRM_PORT_BASE": str(settings.port_base)}

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.platform.launcher_with_stubs"]
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _wait(holds: Callable[[], object], seconds: float = UP_S) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _up(process: "subprocess.Popen[str]") -> str:
    text = ""
    assert process.stdout
    while not text.endswith("ready\n"):
        line = process.stdout.readline()
        assert line, text
        text += line
    return text


def _pids(facts: dict[str, Any]) -> set[int]:
    return {one["pid"] for kind in ("parts", "processes") for one in facts[kind].values()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_says_ready_and_stops_all_with_exit_code_0(launch: Launch, settings: Settings, number: signal.Signals) -> None:
    process = launch()
    text = _up(process)
    facts = running(settings.data_dir)
    assert facts
    assert facts["launcher"] == process.pid
    assert running_settings(settings).database_url.startswith("postgresql://postgres:")
    assert all(one["url"] in text for one in facts["processes"].values())
    pids = _pids(facts)
    assert all(is_running(pid) for pid in pids)
    process.send_signal(number)
    assert process.wait(60) == 0
    assert not [pid for pid in pids if is_running(pid)]
    assert running(settings.data_dir) is None


def test_leaves_no_orphan_when_it_is_killed_and_starts_again_at_once(launch: Launch, settings: Settings) -> None:
    process = launch()
    _up(process)
    pids = _pids(recall(settings.data_dir / "run.json"))
    process.kill()
    second = launch()
    _up(second)
    _wait(lambda: not [pid for pid in pids if is_running(pid)])
    second.terminate()
    assert second.wait(60) == 0


def test_a_second_one_on_the_same_folder_says_so_and_stops(launch: Launch, folder: Path) -> None:
    first = launch()
    _up(first)
    second = launch()
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"already runs on {folder}" in said
    assert f"(process {first.pid})" in said
    first.terminate()
    assert first.wait(60) == 0


async def test_says_which_port_is_taken_and_how_to_move(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port_base)), pytest.raises(PartFailed) as failed:
        await system(settings).start()
    assert f"port {settings.port_base} (portal)" in str(failed.value)
    assert "NRM_PORT_BASE" in str(failed.value)


async def test_starts_again_what_dies(settings: Settings) -> None:
    async with system(settings) as whole:
        before = {"portal": whole.processes["portal"].pid, "postgres": whole.postgres.pid, "kafka": whole.kafka.pid}
        addresses = (whole.postgres.url, whole.kafka.bootstrap)
        for name in before:
            whole.kill(name)

        def all_new() -> bool:
            now = {"portal": whole.processes["portal"].pid, "postgres": whole.postgres.pid, "kafka": whole.kafka.pid}
            return whole.healthy and not set(now.values()) & set(before.values())

        await whole.until(all_new)
        recorded = {
            whole.postgres.pid,
            whole.kafka.pid,
            *(one.pid for one in whole.processes.values()),
        }
        await whole.until(lambda: _pids(recall(settings.data_dir / "run.json")) == recorded)
        assert (whole.postgres.url, whole.kafka.bootstrap) == addresses


async def test_holds_down_what_it_is_told_to(settings: Settings) -> None:
    async with system(settings) as whole:
        await whole.hold("relay")
        assert not whole.processes["relay"].alive()
        await whole.release("relay")
        assert whole.processes["relay"].alive()
