"""Restarts on purpose, under load: every process in turn, as at an upgrade; replicas that join and leave rebuilds."""

import asyncio
import signal
import time
from collections import Counter

import httpx2

from libs.events.rebuild import CannotRebuild, rebuild
from libs.runtime.keys import role_dsn
from libs.runtime.service import source
from nrm.migrate import migrate
from nrm.parts.processes import Tethered
from tests.faults.load import Speaker
from tests.faults.proof import known
from tests.faults.scenes import Outcome, load, replicas

CLIENTS = 6
DROPPED = ("ReadError", "WriteError", "RemoteProtocolError", "ReadTimeout", "500", "502")
"""What a request that got in must not end with at a planned restart."""


async def rolling(outcome: Outcome, seconds: float) -> None:
    """Each process ends by SIGTERM and starts again, one after the other, as at an upgrade; migrations run beside."""
    system, killer = outcome.killer.system, outcome.killer
    others = replicas(system)
    rounds, restarts, slow = max(1, round(seconds / 6)), 0, []
    # Each request on a connection of its own: whether it got in is then certain.
    async with httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0)) as client:
        speaker = Speaker(system.settings, client, killer.rng)
        asking = Outcome(killer, speaker, outcome.lost, outcome.notes)
        try:
            async with load(asking, killer.rng, CLIENTS):
                for _ in range(rounds):
                    await migrate(system.settings)
                    for name, process in (*system.processes.items(), *others.items()):
                        slow += await _restart(outcome, name, process)
                        restarts += 1
        finally:
            for other in others.values():
                await asyncio.to_thread(other.stop)
    outcome.speaker.requests += speaker.requests
    tally = speaker.tally()
    dropped = {name: tally[name] for name in DROPPED if tally.get(name)}
    first = sum(one.answers == ["201"] for one in speaker.requests)
    outcome.note(
        f"{restarts} restarts one after the other in {rounds} rounds, migrations run {rounds} times beside them: "
        f"{len(speaker.requests)} requests, {first} recorded at the first attempt, "
        f"{tally.get('ConnectError', 0)} attempts found a door closed, {sum(dropped.values())} got in and no answer"
    )
    outcome.lost += [f"{count} requests got in and ended with {name}" for name, count in dropped.items()]
    outcome.lost += [f"{name} did not end by itself" for name in slow]


async def _restart(outcome: Outcome, name: str, process: Tethered) -> list[str]:
    """Restart one; its name where it had to be killed."""
    system = outcome.killer.system
    if name in system.processes:
        await system.hold(name)
        killed = process.exit_code() == -signal.SIGKILL
        await system.release(name)
    else:
        await asyncio.to_thread(process.stop)
        killed = process.exit_code() == -signal.SIGKILL
        process.start()
    return [name] if killed else []


async def rebalance(outcome: Outcome, seconds: float) -> None:
    """Two views and two audits join and leave, by SIGTERM and by SIGKILL, while every projection is rebuilt in turn."""
    killer = outcome.killer
    killer.others = replicas(killer.system)
    try:
        async with load(outcome, killer.rng, CLIENTS // 2):
            leaving = asyncio.create_task(_come_and_go(outcome))
            done = await _rebuild_in_turn(outcome, seconds)
            leaving.cancel()
            left = (await asyncio.gather(leaving, return_exceptions=True))[0]
            if isinstance(left, Exception):
                raise left
            await asyncio.gather(*killer.mended)
            await killer.system.until(lambda: killer.system.healthy, 120)
            for name in killer.system.processes:
                await killer.system.wait_ready(name, 120)
    finally:
        for other in killer.others.values():
            await asyncio.to_thread(other.stop)
    outcome.note(f"{sum(done.values())} rebuilds of {len(done)} projections under load, each equal to the live rows")


async def _come_and_go(outcome: Outcome) -> None:
    killer = outcome.killer
    ends = 0
    try:
        while True:
            await asyncio.sleep(killer.rng.uniform(0.2, 1.0))
            name = killer.rng.choice(["views-2", "audit-2", "views", "audit"])
            if name in killer.others and killer.rng.random() < 0.5 and killer.others[name].alive():
                await asyncio.to_thread(killer.others[name].stop)
                ends += 1
                killer.others[name].start()
            else:
                await killer.one(name)
    finally:
        killer.kills["by SIGTERM"] += ends


async def _rebuild_in_turn(outcome: Outcome, seconds: float) -> Counter[str]:
    """Rebuild each projection at least once, and again until the time is over; how often each."""
    settings = outcome.killer.system.settings
    events = source(settings)
    done: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until or not done:
        for name, (projection, role) in known().items():
            try:
                built = await rebuild(projection, role_dsn(settings, role), events)
            except CannotRebuild as fault:
                outcome.lost.append(f"{name}: {fault}")
                continue
            done[name] += 1
            outcome.lost += [f"{name}.{table}: {was}, rebuilt {now}" for table, (was, now) in built.differences.items()]
    return done
