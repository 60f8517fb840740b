"""The one leader that makes the log grow: takes events, signs the tree's head, and stops where something is wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import orjson
import structlog
from prometheus_client import Counter, Gauge

from libs.events.handle import rfc3339
from libs.runtime import ids
from libs.runtime.settings import SERVICES, Settings
from libs.transparency.checkpoint import Checkpoint, Policy, sign_checkpoint
from libs.transparency.manifest import MANIFEST_STREAM, MANIFEST_TYPE, Heads
from libs.transparency.merkle import HashReader, Tree, range_root
from libs.transparency.note import NoteError, SigningKey
from nrm.log import keys, tables
from nrm.log.growth import ACCESS_STREAM, OWN_STREAMS, Broken, Epoch, Growth
from nrm.log.submitters import Listed
from nrm.log.tables import Signed

EPOCH_S = 0.5
"""Between two checkpoints at least: each has a manifest leaf, so a shorter epoch would fill the log with them."""

EPOCH_EVENTS_MAX = 2_000
EPOCH_ENTRIES_MAX = 10_000
IDLE_S = 0.25
PAUSE_S_MAX = 5.0

log = structlog.get_logger()
SIZE = Gauge("nrm_log_size", "Leaves of the transparency log")
BLOCKED = Gauge("nrm_log_blocked", "1 while an event of this service must not enter the log", ["service"])
EPOCHS = Counter("nrm_log_epochs", "Checkpoints signed")


class Backwards(Exception):
    """What is stored is not what was signed: nothing more is signed. Says what to do."""


@dataclass(slots=True)
class _Leader:
    """One session's work: its connection, the log's edge, and where the last checkpoint is kept."""

    connection: asyncpg.Connection
    growth: Growth
    signing: tuple[SigningKey, ...]
    file: Path


class Sequencer:
    """Makes the log grow while it holds the lock; a replica stands by."""

    def __init__(self, settings: Settings, dsn: str, *, witnessed: bool, signed: asyncio.Event) -> None:
        self._settings = settings
        self._dsn = dsn
        self._witnessed = witnessed
        self._signed = signed
        self.leading = self.standby = False
        self.refused = ""
        self.blocked: dict[str, int] = {}
        self._submitters = Listed(settings)

    async def run(self) -> None:
        """Sequence until cancelled; wait out whatever is away."""
        pause = 0.1
        while True:
            try:
                await self._lead()
            except Backwards as fault:
                if self.refused != str(fault):
                    log.error("log.refused", why=str(fault))
                self.refused = str(fault)
                pause = PAUSE_S_MAX
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
                log.warning("log.waiting", fault=type(fault).__name__)
            except Exception as fault:  # noqa: BLE001 - the sequencing loop: say it, start again from what is stored
                log.error("log.failed", fault=type(fault).__name__)
            self.leading = self.standby = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_S_MAX)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(self._dsn, server_settings={"application_name": "log"})
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('transparency log'))"):
                self.standby = True
                await asyncio.sleep(0.5)
            self.standby = False
            leader = await self._take_up(connection)
            self.refused, self.leading = "", True
            log.info("log.leading", size=leader.growth.tree.size, origin=leader.growth.origin)
            while True:
                taken = await self._epoch(leader)
                if taken < EPOCH_EVENTS_MAX:
                    await asyncio.sleep(EPOCH_S if taken else IDLE_S)
        finally:
            await connection.close(timeout=2)

    async def _epoch(self, leader: _Leader) -> int:
        """Take what is there into the log and sign its head; gives the number of leaves that were taken."""
        growth, connection = leader.growth, leader.connection
        rows = [
            await tables.next_rows(connection, service, growth.positions.get(service, 0), EPOCH_EVENTS_MAX)
            for service in SERVICES
        ]
        entries = await tables.access_entries(connection, growth.accessed, EPOCH_ENTRIES_MAX)
        epoch = Epoch()
        listed = await asyncio.to_thread(self._submitters.listed)  # behind the events, so that it lists their keys

        def grow() -> Checkpoint | None:
            growth.note_submitters(listed, epoch)
            self._tell([growth.take(of_one, epoch) for of_one in rows])
            growth.note_access(entries, epoch)
            return growth.finish(epoch) if epoch.leaves or not growth.tree.size or growth.outdated else None

        # In a thread: hashing thousands of events must not make the requests of this process wait.
        head = await asyncio.to_thread(grow)
        if head is None:
            return 0
        note = str(sign_checkpoint(head, *leader.signing))
        at = datetime.now(UTC)
        await tables.save(connection, epoch, Signed(head, note), at, show=not self._witnessed)
        await self._keep(leader.file, note)
        self._signed.set()
        SIZE.set(head.size)
        EPOCHS.inc()
        return len(epoch.leaves)

    async def _keep(self, file: Path, note: str) -> None:
        try:
            await asyncio.to_thread(keys.keep, file, note)
        except OSError as fault:
            log.error("log.not_kept", fault=type(fault).__name__)

    def _tell(self, outcomes: list[Broken | None]) -> None:
        for service, broken in zip(SERVICES, outcomes, strict=True):
            BLOCKED.labels(service).set(1 if broken else 0)
            if broken is None:
                self.blocked.pop(service, None)
            elif self.blocked.get(service) != broken.position:
                self.blocked[service] = broken.position
                log.error("log.blocked", service=service, position=broken.position, why=str(broken))

    async def _take_up(self, connection: asyncpg.Connection) -> _Leader:
        """The log's edge as it is stored, once it is shown to be what was signed. Raises Backwards."""
        installation = await tables.installation(connection)
        origin = keys.origin_of(self._settings, installation)
        signing = keys.signing_keys(self._settings, origin)
        file = keys.kept_file(self._settings, installation)
        size = await tables.stored_size(connection)
        last = await tables.last_signed(connection)
        check_signed(last, size, origin, signing)
        tree = Tree.read(size, await tables.hashes(connection, size, lambda reader: Tree.read(size, reader)))
        if last and tree.root() != last.head.root:
            raise Backwards("the stored leaves do not have the root that was signed: the log was tampered with")
        await _check_kept(connection, keys.kept(file), size, origin)
        own = await tables.own_heads(connection, OWN_STREAMS)
        growth = Growth(
            origin=origin,
            tree=tree,
            heads=await _heads(connection, size, own),
            positions=await tables.positions(connection),
            own={stream: (version, digest) for stream, (version, digest, _) in own.items()},
            accessed=orjson.loads(own[ACCESS_STREAM][2])["data"]["last"] if ACCESS_STREAM in own else 0,
            submitters=await tables.submitters(connection),
            new_id=ids.new_id,
            now=lambda: rfc3339(ids.now()),
            outdated=MANIFEST_STREAM in own and orjson.loads(own[MANIFEST_STREAM][2])["type"] != MANIFEST_TYPE,
        )
        SIZE.set(size)
        return _Leader(connection, growth, signing, file)


def check_signed(last: Signed | None, size: int, origin: str, signing: tuple[SigningKey, ...]) -> None:
    """Whether what is stored ends where it was signed. Raises Backwards."""
    if last is None:
        if size:
            raise Backwards(f"{size} leaves are stored and no checkpoint: the log was tampered with")
        return
    if last.head.size != size:
        raise Backwards(f"the last checkpoint signs {last.head.size} leaves, {size} are stored: restore a newer backup")
    if last.head.origin != origin:
        raise Backwards(f"this log is {last.head.origin}; NRM_LOG_ORIGIN now says {origin}: set it back")
    try:
        Policy.of([key.verifier for key in signing]).open(last.note)
    except NoteError:
        # The key's file is gone or new: those who hold the old verifier key will notice, and must be told why.
        log.error("log.key_changed", key=str(signing[0].verifier))


async def _check_kept(connection: asyncpg.Connection, kept: Checkpoint | None, size: int, origin: str) -> None:
    """Whether the log extends the checkpoint that this machine remembers. Raises Backwards."""
    if kept is None or kept.origin != origin:
        return
    if kept.size > size:
        raise Backwards(
            f"the log had {kept.size} leaves when it was last signed here, the database holds {size}: it was restored "
            "from an old backup. Restore a newer one; signing again would fork the log"
        )

    def root_then(reader: HashReader) -> bytes:
        return range_root(0, kept.size, reader)

    if root_then(await tables.hashes(connection, size, root_then)) != kept.root:
        raise Backwards(f"the first {kept.size} leaves are not those that were signed here: the log was rewritten")


async def _heads(connection: asyncpg.Connection, size: int, own: Mapping[str, tuple[int, str, str]]) -> Heads:
    """Every stream's head, checked against what the last manifest states. Raises Backwards."""
    restored = await tables.heads_below(connection, size)
    heads = await asyncio.to_thread(restored.heads)
    if MANIFEST_STREAM not in own:
        return heads
    stated = orjson.loads(own[MANIFEST_STREAM][2])["data"]
    now = heads.manifest_data()
    if (stated["entries"], stated["root"], stated["size"] + 1) != (now["entries"], now["root"], now["size"]):
        raise Backwards("the stored leaves do not give the last manifest: the log was tampered with")
    return heads
