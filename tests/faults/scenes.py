"""What is done to the system: kills under load, replicas, Kafka away, SIGTERM during requests, the demo under fire."""

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
import httpx2
from rich.console import Console

from libs.runtime.settings import SERVICES, Settings, settings
from nrm.parts.processes import Tethered
from nrm.system import MODULES, System, run_migrations
from tests.faults.killing import Killer, away
from tests.faults.load import ANSWER_S_MAX, CASE, MOSVY, POLICE, WHEN, Request, Speaker, Story

REPLICATED = ("relay", "views", "audit")
BURST = 60


class Cannot(Exception):
    """This machine cannot show it; the text says what lacks."""


@dataclass
class Outcome:
    """What a run did and found."""

    killer: Killer
    speaker: Speaker
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say what was done."""
        self.notes.append(text)
        say(text)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def free_base(beside: int = 0) -> int:
    """A port base with ten free ports above it: another for each run, as two may run at a time."""
    first = beside + 20 if beside else 30_100 + os.getpid() % 60 * 40
    for base in range(first, 32_700, 20):
        probes = [socket.socket() for _ in range(10)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
        return base
    raise RuntimeError("no ten free ports")


def system(data_dir: Path, migrate: Callable[[Settings], Awaitable[None]] = run_migrations) -> System:
    """A system of its own: every process but the portal, which keeps nothing."""
    data_dir.chmod(0o711)
    modules = {name: module for name, module in MODULES.items() if name != "portal"}
    return System(
        Settings(data_dir=data_dir, port_base=free_base()), modules=modules, say=lambda _: None, migrate=migrate
    )


def replicas(started: System) -> dict[str, Tethered]:
    """A second relay, views and audit on other ports against the same database and topics."""
    base = free_base(started.settings.port_base)
    config = started.settings.model_copy(update={"port_base": base})
    given = {f"NRM_{key.upper()}": str(value) for key, value in config.model_dump().items() if value != ""}
    made = {}
    for name in REPLICATED:
        log = started.data_dir / "logs" / f"{name}-2.log"
        program = [sys.executable, "-m", MODULES[name]]
        made[f"{name}-2"] = Tethered(
            f"{name}-2", program, log=log, environment={**os.environ, **given}, folder=Path.cwd()
        )
        made[f"{name}-2"].start()
    return made


@asynccontextmanager
async def load(outcome: Outcome, rng: random.Random, clients: int) -> AsyncIterator[Story]:
    """Clients that go on while the block runs; at its end each ends its story, however long that takes."""
    story = Story(outcome.speaker, rng)
    task = asyncio.create_task(story.play(clients))
    try:
        yield story
        story.stopping = True
        await task
    finally:
        task.cancel()
    outcome.lost += [f"the load: {fault}" for fault in story.faults]
    refused = "".join(f"; {count} ended by {rule} on older facts" for rule, count in story.stale.items())
    outcome.note(f"{story.told} stories told to their end by {clients} clients{refused}")


async def kafka_away(outcome: Outcome, seconds: float) -> None:
    """Kafka is stopped for a while; intakes go on meanwhile, each answered at the first attempt."""
    killer, speaker = outcome.killer, outcome.speaker
    speaker.patience_s = ANSWER_S_MAX + seconds
    down = asyncio.create_task(away(killer.system, "kafka", seconds))
    await killer.system.until(lambda: not killer.system.kafka.alive(), 60)
    intakes, until, waiting = [], time.monotonic() + seconds, 0
    while time.monotonic() < until:
        intakes.append(await speaker.until_answered(speaker.new("identification", "/v1/cases", CASE, POLICE)))
        waiting = max(waiting, await _unpublished(killer.system)) if len(intakes) % 50 == 1 else waiting
        await asyncio.sleep(0.02)
    await down
    slowest = max(request.done_at - request.asked_at for request in intakes)
    refused = [request for request in intakes if request.answers != ["201"]]
    outcome.note(
        f"Kafka away for {seconds:g} s: {len(intakes)} intakes meanwhile, {len(intakes) - len(refused)} answered 201"
        f" at the first attempt, the slowest in {slowest:.2f} s; up to {waiting} events waited"
    )
    outcome.lost += [f"an intake was answered {request.answers} while Kafka was away" for request in refused]


async def _unpublished(started: System) -> int:
    connection = await asyncpg.connect(started.settings.database_url)
    try:
        counts = [
            await connection.fetchval(
                f"SELECT (SELECT count(*) FROM {service}.event) - coalesce((SELECT max(position) FROM "
                f"{service}.published), 0)"
            )
            for service in SERVICES
        ]
    finally:
        await connection.close()
    return sum(counts)


async def terminate(outcome: Outcome, rounds: int) -> None:
    """SIGTERM to a service in the middle of a burst of requests, each on a connection of its own.

    A request that found the door closed is repeated by any client; one that got in and no answer was dropped.
    """
    system = outcome.killer.system
    under_way, closed, dropped = 0, 0, 0
    first = await outcome.speaker.made("identification", "/v1/cases", CASE, POLICE)
    for number in range(rounds):
        service = ("identification", "referral", "justice")[number % 3]
        async with httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0)) as client:
            burst = Speaker(system.settings, client, outcome.killer.rng)
            signalled = await _burst(burst, system, service, first["case_id"])
            for request in burst.requests:
                if request.asked_at < signalled and not 0 < request.done_at < signalled:
                    under_way += 1
                closed += request.answers[0] == "ConnectError"
                dropped += request.answers[0] not in ("ConnectError", "201")
            await asyncio.gather(*(burst.until_answered(request) for request in burst.requests))
        outcome.speaker.requests += burst.requests
        await system.until(lambda: system.healthy, 60)
        await system.wait_ready(service)
    outcome.note(
        f"SIGTERM amid requests, {rounds} times {BURST}: {under_way} under way at the signal, {closed} came after it "
        f"and found the door closed, {dropped} got in and no answer; all were repeated and recorded"
    )
    if dropped:
        outcome.lost.append(f"{dropped} requests got in and no answer at SIGTERM (their retries were recorded once)")


async def _burst(burst: Speaker, system: System, service: str, case: str) -> float:
    """Ask many times; the signal comes halfway. When that was."""
    tasks = []
    signalled = 0.0
    for one in range(BURST):
        tasks.append(asyncio.create_task(burst.once(_small(burst, service, case, one))))
        await asyncio.sleep(0.004)
        if one == BURST // 2:
            system.kill(service, signal.SIGTERM)
            signalled = time.monotonic()
    await asyncio.gather(*tasks)
    return signalled


def _small(burst: Speaker, service: str, case: str, number: int) -> Request:
    if service == "identification":
        return burst.new(service, "/v1/cases", CASE, POLICE)
    if service == "referral":
        body = {"occurred_at": WHEN, "name": f"House {number}", "province": "KH-12", "services": ["shelter"]}
        return burst.new(service, "/v1/providers", body, MOSVY)
    body = {"occurred_at": WHEN, "case_id": case, "reference": f"R{number}"}
    return burst.new(service, "/v1/reports", body, POLICE)


async def repeat(outcome: Outcome, most: int) -> None:
    """Ask again under used keys: the same answer, marked as a replay; what was given up is completed once."""
    speaker = outcome.speaker
    given_up = [request for request in speaker.requests if request.given_up]
    await asyncio.gather(*(speaker.until_answered(request) for request in given_up))
    known = sum(request.replayed for request in given_up)
    recorded = [request for request in speaker.requests if request.status == 201]
    sample = outcome.killer.rng.sample(recorded, min(most, len(recorded)))
    wrong = 0
    for start in range(0, len(sample), 20):
        part = [replace(one, status=0, answers=[], content=b"", replayed=False) for one in sample[start : start + 20]]
        await asyncio.gather(*(speaker.until_answered(one) for one in part))
        for first, again in zip(sample[start : start + 20], part, strict=True):
            if (again.status, again.content, again.replayed) != (first.status, first.content, True):
                wrong += 1
                outcome.lost.append(f"{first.path} {first.key}: another answer to its retry: {again.status}")
    outcome.note(
        f"{len(given_up)} requests that a client had given up were asked again: {known} had been recorded, "
        f"{len(given_up) - known} had not; {len(sample)} answered ones were asked again: {wrong} answers differ"
    )


async def demo(killer: Killer) -> int:
    """Play the demonstration while each kind is killed once; its own exit code, 0 where every count matches."""
    from nrm.demo.__main__ import demonstrate  # noqa: PLC0415 - reads the settings that are made here
    from nrm.demo.histories import read_all  # noqa: PLC0415

    config = killer.system.settings
    os.environ |= {f"NRM_{key.upper()}": str(value) for key, value in config.model_dump().items() if value != ""}
    settings.cache_clear()
    killing = asyncio.create_task(killer.kill(10, (0.3, 0.9)))
    code = await demonstrate(read_all(), Console(width=120))
    say(f"killed by the time the demonstration had been checked: {sum(killer.kills.values())} of 10")
    await killing
    return code
