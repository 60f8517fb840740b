"""Each attack once, by a superuser on a real database or on a real export: found, and named by event id."""

import asyncio
import contextlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from libs.events import generations
from libs.events.envelope import GENESIS, Envelope
from libs.runtime import ids
from libs.runtime.keys import role_dsn
from libs.runtime.settings import Settings
from libs.transparency.bundle import CHECKPOINT, KEY
from libs.transparency.checkpoint import Checkpoint, parse_checkpoint, parse_policy
from libs.transparency.note import parse_note
from libs.transparency.verify import Report, verify_folder
from nrm.audit import PROJECTION
from nrm.audit_demo.attacks import ON_DATABASE, ON_EXPORT, ORDER
from nrm.audit_demo.auditor import Verdict
from nrm.audit_demo.ground import Ground, copied, superuser
from nrm.audit_demo.live import witness_refuses
from nrm.log.exporting import Wanted, export
from nrm.log.sequencer import Sequencer
from nrm.migrate import migrate_database

SERVICE = "identification"
CASES = ("KH-ONE", "KH-TWO")
MOMENT = "2026-03-01T00:00:00.000000Z"


@dataclass
class Register:
    """A database with a log of two cases, an export of it, and what an auditor kept from an earlier one."""

    settings: Settings
    honest: Path
    kept: Path

    @property
    def retained(self) -> Checkpoint:
        return parse_checkpoint(parse_note((self.kept / CHECKPOINT).read_bytes()).text)

    async def verify(self, folder: Path, *, remembers: bool = True) -> Report:
        policy = parse_policy((self.kept / KEY).read_text())
        retained = [(self.kept / CHECKPOINT).read_bytes()] if remembers else []
        return await asyncio.to_thread(verify_folder, folder, policy, retained)


@pytest.fixture(scope="module")
async def register(database: str, tmp_path_factory: pytest.TempPathFactory) -> Register:
    folder = tmp_path_factory.mktemp("register")
    settings = Settings(database_url=database, data_dir=folder, role_secret="for tests only")  # noqa: S106 - throw-away
    await migrate_database(settings)
    own = await asyncpg.connect(role_dsn(settings, "nrm_audit"))
    await generations.ensure(own, PROJECTION)
    await own.close()
    writer = Writer(await asyncpg.connect(database))
    for _ in range(3):  # an epoch each, so that there are checkpoints to go back to
        await record(writer, settings, CASES[0])
    await export(settings, Wanted(), folder / "kept")
    await record(writer, settings, CASES[1])
    await export(settings, Wanted(), folder / "honest")
    await writer.admin.close()
    return Register(settings, folder / "honest", folder / "kept")


class Writer:
    """Records events as a service and the audit_trail projection together would."""

    def __init__(self, admin: asyncpg.Connection) -> None:
        self.admin = admin
        self.position = 0
        self.heads: dict[str, tuple[int, str]] = {}

    async def add(self, case: str) -> None:
        self.position += 1
        version, head = self.heads.get(case, (0, GENESIS))
        stream, version = f"case:{case}", version + 1
        envelope, body = Envelope(
            id=ids.new_id(), type=f"org.opennrm.{SERVICE}.screened.v1", source=f"/services/{SERVICE}", subject=case,
            time=MOMENT, occurredat=MOMENT, stream=stream, streamversion=version, organisation="cnp-poipet",
            actor="officer", role="first_responder", correlationid="c", prevhash=head, data={"given": True},
        ).sealed()  # fmt: skip
        self.heads[case] = (version, envelope.hash)
        await self.admin.execute(
            f"INSERT INTO {SERVICE}.event VALUES ($1, $2, $3, $4, $5, $6)",
            stream, version, envelope.id, case, bytes.fromhex(envelope.hash), body,
        )  # fmt: skip
        await self.admin.execute(f"INSERT INTO {SERVICE}.log VALUES ($1, $2, $3)", self.position, stream, version)
        await self.admin.execute(
            "INSERT INTO audit_trail.event (stream, version, id, service, position, type, subject, hash, body) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            stream, version, envelope.id, SERVICE, self.position, envelope.type, case, envelope.hash, body.decode(),
        )  # fmt: skip


async def record(writer: Writer, settings: Settings, case: str) -> None:
    """Record two events and let the log take and sign them."""
    for _ in range(2):
        await writer.add(case)
    sequencer = Sequencer(settings, role_dsn(settings, "nrm_audit"), witnessed=False, signed=asyncio.Event())
    task = asyncio.create_task(sequencer.run())
    try:
        async with asyncio.timeout(10):
            sql = "SELECT max(position) FROM transparency.leaf WHERE service = $1"
            while await writer.admin.fetchval(sql, SERVICE) != writer.position:
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def said_by(report: Report) -> Verdict:
    return Verdict(report.events, tuple((one.event_id, one.what) for one in report.findings))


async def test_the_honest_export_is_accepted(register: Register) -> None:
    report = await register.verify(register.honest)
    assert report.findings == ()
    assert report.events > 8


@pytest.mark.parametrize("attack", [name for name in ORDER if name in ON_DATABASE])
async def test_an_attack_on_the_database_is_found_and_named(register: Register, attack: str, tmp_path: Path) -> None:
    async with copied(register.settings, f"nrm_{ids.new_id()}") as settings:
        async with superuser(settings, register.retained) as ground:
            done = await ON_DATABASE[attack](ground)
        await export(settings, Wanted(), tmp_path)
    verdict = said_by(await register.verify(tmp_path))
    assert verdict.names(done), verdict


@pytest.mark.parametrize("attack", [name for name in ORDER if name in ON_EXPORT])
async def test_an_attack_on_the_export_is_found_and_named(register: Register, attack: str, tmp_path: Path) -> None:
    await asyncio.to_thread(shutil.copytree, register.honest, tmp_path, dirs_exist_ok=True)
    done = ON_EXPORT[attack](tmp_path)
    verdict = said_by(await register.verify(tmp_path))
    assert verdict.ids == set(done.ids), verdict


async def test_a_fork_is_good_in_itself_and_only_memory_refuses_it(register: Register, tmp_path: Path) -> None:
    """The chain, the proofs and the signature of a forked log all hold: that is why checkpoints are kept."""
    async with copied(register.settings, f"nrm_{ids.new_id()}") as settings:
        async with superuser(settings, register.retained) as ground:
            await ON_DATABASE["forked log"](ground)
            noticed = await witness_refuses(ground, (register.kept / CHECKPOINT).read_text(), "fork")
        await export(settings, Wanted(), tmp_path)
    assert noticed.found, noticed
    assert (await register.verify(tmp_path, remembers=False)).findings == ()
    [finding] = (await register.verify(tmp_path)).findings
    assert finding.what.startswith("forked")


async def test_what_came_after_the_kept_checkpoint_can_be_cut_away_unseen(register: Register, tmp_path: Path) -> None:
    """The limit of a kept checkpoint, said in docs/threat-model.md: only receipts and witnesses reach beyond it."""
    async with copied(register.settings, f"nrm_{ids.new_id()}") as settings:
        async with superuser(settings, register.retained) as ground:
            await ON_DATABASE["cut-off tail, rewound"](beyond(ground))
        await export(settings, Wanted(), tmp_path)
    assert (await register.verify(tmp_path)).findings == ()


def beyond(ground: Ground) -> Ground:
    """The same ground for an attacker who knows that the auditor holds this size, and cuts behind it."""
    return replace(ground, retained=replace(ground.retained, size=ground.retained.size + 1))
