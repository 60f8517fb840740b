"""The short form of `make fuzz`: the whole corpus, and some seconds of schemathesis on each process."""

import asyncio
import os
import sys

import pytest


@pytest.mark.timeout(1200)
async def test_no_input_breaks_anything() -> None:
    seconds = os.environ.get("NRM_FUZZ_SECONDS", "6")
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fuzz", "--seed", "1", "--examples", "2", "--seconds", seconds),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    assert run.returncode == 0, said.decode(errors="replace")[-8000:]
