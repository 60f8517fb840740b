"""How long a search takes in a register of so many persons, by the service's own code on a real PostgreSQL."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import asyncpg

from bench.matching.people import Record, records
from libs.matching.blocking import indexed
from libs.matching.person import Person, kept, person_of
from libs.matching.weights import load_weights
from libs.runtime.database import open_pool
from libs.runtime.ids import new_case_reference
from libs.runtime.keys import master_key, master_keys, match_key, role_dsn
from libs.runtime.settings import Settings
from libs.runtime.vault import Vault, wrap
from nrm.system import System
from services.identification.duplicates.search import search

BATCH = 1_000
WEIGHTS = load_weights()


async def search_ms(seed: int, persons: int, searches: int, tell: Callable[[int], None]) -> list[float]:
    """Milliseconds of each search, one at a time, in an index of so many persons; nothing is cached here."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-bench-"))
    folder.chmod(0o711)  # noqa: ASYNC240 - once, before anything runs
    try:
        async with System(Settings(data_dir=folder, port_base=17_100)) as system:
            return await _measured(system.settings, records(seed, persons)[:persons], searches, tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measured(
    settings: Settings, found: Sequence[Record], searches: int, tell: Callable[[int], None]
) -> list[float]:
    admin = await asyncpg.connect(settings.database_url)
    pool = await open_pool(role_dsn(settings, "nrm_identification"), "bench")
    try:
        vault = Vault(pool, lambda: master_keys(settings))
        key = match_key(master_key(settings))
        persons = [person_of(one.clear, one.personal, one.met, WEIGHTS.ignored) for one in found]
        for at in range(0, len(persons), BATCH):
            await _store(admin, vault, settings, persons[at : at + BATCH], key)
            tell(at + BATCH)
        await admin.execute("VACUUM ANALYZE identification.match_token, identification.match_person, vault.person_key")
        taken = []
        for person in _spread(persons, searches):
            started = time.perf_counter()
            await search(pool, vault, key, WEIGHTS, person, besides="", within=None)
            taken.append((time.perf_counter() - started) * 1000)
        return taken
    finally:
        await pool.close()
        await admin.close()


def _spread(persons: Sequence[Person], how_many: int) -> Iterator[Person]:
    step = max(1, len(persons) // how_many)
    yield from persons[::step][:how_many]


async def _store(
    admin: asyncpg.Connection, vault: Vault, settings: Settings, persons: Sequence[Person], key: bytes
) -> None:
    """Rows as the service writes them, in bulk: a key per person, the sealed profile, the tokens."""
    master = master_key(settings)
    cases = [new_case_reference() for _ in persons]
    await admin.copy_records_to_table(
        "person_key", schema_name="vault", columns=("case_id", "wrapped"),
        records=[(case, wrap(master, case, case.encode().ljust(32, b"0"))) for case in cases],
    )  # fmt: skip
    sealed = [
        (case, "bench", await vault.seal(case, {"person": kept(person), "born": None}))
        for case, person in zip(cases, persons, strict=True)
    ]
    await admin.copy_records_to_table("match_person", schema_name="identification", records=sealed)
    tokens = [
        (token, case) for case, person in zip(cases, persons, strict=True) for token in indexed(person, key)
    ]  # fmt: skip
    await admin.copy_records_to_table("match_token", schema_name="identification", records=tokens)
