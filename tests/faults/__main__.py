"""`python -m tests.faults`: hurt a system of its own under load, then prove that nothing was lost or doubled.

Seeded: the order of the kills, their moments and the clients' choices come from the seed; how the processes then
interleave is the machine's affair. Exit code 0 only where every promise held.
"""

import argparse
import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import structlog

from tests.faults.clock import clock, environment
from tests.faults.disk import able, disk, unmount_below
from tests.faults.drills import drills
from tests.faults.killing import Killer
from tests.faults.load import Speaker
from tests.faults.network import network, sessions_ended
from tests.faults.overload import SERVED_LEAST, overload
from tests.faults.proof import everything, quiet
from tests.faults.restarts import rebalance, rolling
from tests.faults.scenes import Cannot, Outcome, demo, kafka_away, load, repeat, replicas, say, system, terminate

SHOWN_MAX = 20


def main() -> int:
    """Run; 1 on any loss, 2 where this machine cannot show it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=["all", "demo", "drills", *SCENES],
        default="all",
        help="demo: the demo under fire; one scene",
    )
    parser.add_argument("--kills", type=int, default=13, help="SIGKILLs in all: each kind once (long form: 300)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--pause", type=float, nargs=2, default=(0.2, 1.2), help="between kills, in seconds")
    parser.add_argument("--kafka-away", type=float, default=4.0, metavar="S", help="long form: 60; 0: leave it out")
    parser.add_argument("--sigterm", type=int, default=3, metavar="N", help="SIGTERMs during a burst of requests")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each part of a scene")
    parser.add_argument("--no-replicas", action="store_true", help="one relay, views and audit only")
    parser.add_argument("--keep", action="store_true", help="leave the data folder with its logs")
    options = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )  # our own lines are enough
    folder = Path(tempfile.mkdtemp(prefix="nrm-faults-"))
    say(f"seed {options.seed}, data in {folder}")
    try:
        play = {"demo": _demo, "all": _all, "drills": _drills}.get(options.what, _scene)
        return asyncio.run(play(options, folder))
    except Cannot as lacks:
        say(f"cannot be shown here: {lacks}")
        return 2
    finally:
        unmount_below(folder)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


async def _all(options: argparse.Namespace, folder: Path) -> int:
    rng = random.Random(options.seed)  # noqa: S311 - to be repeated, not to be secret
    started = time.monotonic()
    async with system(folder) as running, httpx2.AsyncClient() as client:
        say(f"started in {time.monotonic() - started:.1f} s")
        others = {} if options.no_replicas else replicas(running)
        try:
            outcome = Outcome(Killer(running, rng, others), Speaker(running.settings, client, rng))
            killing = time.monotonic()
            async with load(outcome, rng, options.clients):
                await outcome.killer.kill(options.kills, tuple(options.pause))
                outcome.note(f"{options.kills} kills in {time.monotonic() - killing:.0f} s")
                if options.kafka_away:
                    await kafka_away(outcome, options.kafka_away)
            seconds, behind = await quiet(running.settings)
            outcome.note(f"quiet {seconds:.1f} s after the last answer" + "".join(f"; {one}" for one in behind))
            if options.sigterm:
                await terminate(outcome, options.sigterm)
            await repeat(outcome, 300)
            await _prove(outcome, behind)
        finally:
            for other in others.values():
                other.stop()
    say(f"whole run: {time.monotonic() - started:.0f} s")
    return _verdict(outcome)


async def _demo(options: argparse.Namespace, folder: Path) -> int:
    rng = random.Random(options.seed)  # noqa: S311 - as above
    async with system(folder) as running, httpx2.AsyncClient() as client:
        outcome = Outcome(Killer(running, rng), Speaker(running.settings, client, rng))
        if code := await demo(outcome.killer):
            outcome.lost.append(f"the demonstration ended with {code}: its counts do not match")
        await _prove(outcome, [])
    return _verdict(outcome)


async def _drills(options: argparse.Namespace, folder: Path) -> int:
    """What is lost and restored; the drills start and stop the system themselves."""
    rng = random.Random(options.seed)  # noqa: S311 - as above
    idle = system(folder)
    async with httpx2.AsyncClient() as client:
        outcome = Outcome(Killer(idle, rng), Speaker(idle.settings, client, rng))
        await drills(outcome, folder, options.seconds)
    return _verdict(outcome)


async def _scene(options: argparse.Namespace, folder: Path) -> int:
    """One scene on a system of its own, with every promise checked after it."""
    if options.what in PREPARED:
        os.environ |= PREPARED[options.what](folder)
    rng = random.Random(options.seed)  # noqa: S311 - as above
    async with system(folder) as running, httpx2.AsyncClient(limits=httpx2.Limits(max_connections=200)) as client:
        outcome = Outcome(Killer(running, rng), Speaker(running.settings, client, rng))
        await SCENES[options.what](outcome, options.seconds)
        await _prove(outcome, [])
    return _verdict(outcome)


async def _overload(outcome: Outcome, seconds: float) -> None:
    share = await overload(outcome, seconds)
    if share < SERVED_LEAST:
        outcome.lost.append(f"served {share:.0%} of the best rate under overload, not {SERVED_LEAST:.0%}")


async def _sessions(outcome: Outcome, seconds: float) -> None:
    await sessions_ended(outcome, round(seconds * 2))


SCENES = {
    "overload": _overload,
    "network": network,
    "sessions": _sessions,
    "rolling": rolling,
    "rebalance": rebalance,
    "disk": disk,
    "clock": clock,
}
PREPARED = {"disk": able, "clock": environment}
"""What a scene needs of the machine, and of its processes' environment."""


async def _prove(outcome: Outcome, behind: list[str]) -> None:
    """Wait until quiet, then check every promise."""
    settings = outcome.killer.system.settings
    seconds, later = await quiet(settings)
    outcome.note(f"quiet again {seconds:.1f} s after the last request")
    behind = behind + later
    outcome.lost += [f"never arrived: {one}" for one in behind]
    for name, found in (await everything(settings, outcome.speaker.requests)).items():
        say(f"{'ok  ' if not found else 'LOST'} {name}" + (f" ({len(found)} findings)" if found else ""))
        outcome.lost += found


def _verdict(outcome: Outcome) -> int:
    killer, speaker = outcome.killer, outcome.speaker
    say("\nprocess           kills")
    for name, count in sorted(killer.kills.items()):
        say(f"{name:<16}{count:>7}")
    say(f"{'all':<16}{sum(killer.kills.values()):>7}   ({killer.while_starting} of them while it was starting again)")
    answers = ", ".join(f"{count} x {name}" for name, count in sorted(speaker.tally().items()))
    recorded = sum(request.status == 201 for request in speaker.requests)
    attempts = sum(len(request.answers) for request in speaker.requests)
    say(f"\n{len(speaker.requests)} requests in {attempts} attempts: {recorded} recorded; answers: {answers}")
    for one in outcome.lost[:SHOWN_MAX]:
        say(f"LOST {one}")
    say(f"lost: {len(outcome.lost) or 'nothing'}")
    return 1 if outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())
