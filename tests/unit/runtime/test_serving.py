"""A process whose background work has ended stops, so that it is started again."""

import asyncio
import signal

import pytest

from libs.runtime.serving import tasks


async def _ends(fault: Exception | None) -> None:
    await asyncio.sleep(0)
    if fault is not None:
        raise fault


@pytest.mark.parametrize("fault", [None, RuntimeError("gone")])
async def test_a_process_does_not_live_on_without_its_work(fault: Exception | None) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    try:
        async with tasks(_ends(fault), asyncio.sleep(60)):
            await asyncio.wait_for(asked.wait(), 5)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_stopping_is_no_ending() -> None:
    asked: list[bool] = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asked.append(True))
    try:
        async with tasks(asyncio.sleep(60)):
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    assert not asked
