"""The demonstration from the first case to the last attack: honest visits, live attacks, attacks on copies."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import httpx2

from libs.runtime.auth import mint
from libs.runtime.settings import Settings
from libs.transparency.bundle import CHECKPOINT
from libs.transparency.checkpoint import Checkpoint, parse_checkpoint
from libs.transparency.note import parse_note
from nrm.audit_demo import live
from nrm.audit_demo.attacks import ON_DATABASE, ON_EXPORT, ORDER
from nrm.audit_demo.auditor import Auditor, Unexpected, export
from nrm.audit_demo.ground import Ground, copied, superuser
from nrm.audit_demo.report import Outcome, Tried
from nrm.demo.histories import EXAMPLES, SHARED, Names, read
from nrm.demo.player import Player
from nrm.system import System

BEFORE = ("23-vn-girl-svay-rieng-home", "29-smuggled-at-poipet")
"""Histories that are played before the auditor's first visit; the others come between it and the second."""

AFTER = ("10-brick-kiln-wage-dispute", "19-bride-not-victim-real-marriage")
TOKEN_S = 3600
SEEN_ALONE = frozenset({"forked log", "cut-off tail, rewound"})
"""Attacks that only who kept a checkpoint can find."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Stage:
    """One demonstration on one running system."""

    system: System
    folder: Path
    say: Say
    outcome: Outcome

    @property
    def auditor(self) -> Auditor:
        """Who keeps the first visit's checkpoint."""
        return Auditor(self.folder / "first-visit")

    @property
    def retained(self) -> Checkpoint:
        """The kept checkpoint."""
        return parse_checkpoint(parse_note(self.auditor.checkpoint.read_bytes()).text)

    async def run(self) -> None:
        """Do all of it; the system's processes are stopped at the end, its database still runs."""
        await self._visit_twice()
        async with superuser(self.system.settings, self.retained) as ground:
            for attack in (live.history_says_so, live.reconcile_names_it, live.log_takes_no_forgery):
                self.say(f"live: {attack.__name__.replace('_', ' ')}")
                self.outcome.noticed.append(await attack(ground, self.system))
        self.say("stopping the processes")
        await asyncio.gather(*(self.system.hold(name) for name in self.system.processes))
        for attacked in ORDER:
            self.say(attacked)
            place = self.folder / attacked.replace(" ", "-").replace(",", "")
            tried = self._on_database if attacked in ON_DATABASE else self._on_export
            self.outcome.tried.append(await tried(attacked, place))
        self.say("the log after a rewind")
        async with superuser(self.system.settings, self.retained) as ground:
            self.outcome.noticed.append(await live.log_refuses_to_sign(ground, self.system))

    async def _visit_twice(self) -> None:
        """Record cases, export; record more, export again; the second export must be accepted."""
        await self._play((SHARED, *BEFORE))
        self.say("the auditor's first visit")
        await export(self.system.settings, self.auditor.folder)
        await self._play(AFTER)
        self.say("the auditor's second visit")
        await export(self.system.settings, self.folder / "honest")
        self.outcome.honest = await self.auditor.verify(self.folder / "honest")

    async def _play(self, names: tuple[str, ...]) -> None:
        self.say(f"recording {', '.join(names)}")
        histories = [read(EXAMPLES / (f"{SHARED}.yaml" if name == SHARED else f"cases/{name}.yaml")) for name in names]
        settings = self.system.settings
        token = lru_cache(lambda organisation, role: mint(settings, organisation, role, TOKEN_S))
        async with httpx2.AsyncClient(trust_env=False) as client:
            played = await Player(client, settings.url, token, Names(histories)).play_all(histories, lambda: None)
        if played.failures:
            raise Unexpected(f"the cases could not be recorded: {played.failures[0]}")

    async def _on_database(self, name: str, place: Path) -> Tried:
        """Commit an attack on a fresh copy of the database, then export and verify it."""
        async with copied(self.system.settings, "attacked") as settings:
            async with superuser(settings, self.retained) as ground:
                done = await ON_DATABASE[name](ground)
                if name == "forked log":
                    self.outcome.noticed.append(await self._witnessed(ground))
            await export(settings, place)
        alone = await self.auditor.verify(place, remembers=False) if name in SEEN_ALONE else None
        return Tried(name, "database", done, await self.auditor.verify(place), alone)

    async def _witnessed(self, ground: Ground) -> live.Noticed:
        retained = await asyncio.to_thread((self.auditor.folder / CHECKPOINT).read_text, encoding="utf-8")
        return await live.witness_refuses(ground, retained, "the forked log, shown to a witness")

    async def _on_export(self, name: str, place: Path) -> Tried:
        """Commit an attack on a fresh copy of the honest export, then verify it."""
        await asyncio.to_thread(shutil.copytree, self.folder / "honest", place)
        done = await asyncio.to_thread(ON_EXPORT[name], place)
        return Tried(name, "export", done, await self.auditor.verify(place))


def own_settings(data_dir: Path, port_base: int) -> Settings:
    """Settings of a world of its own: its own database, broker, keys and ports, whatever the environment says."""
    return Settings(
        database_url="", kafka_bootstrap_servers="", data_dir=data_dir, port_base=port_base, topic_prefix="nrm"
    )
