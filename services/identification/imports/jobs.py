"""The files that are being taken in and their reports, in SQL. A file stands sealed, and only until its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import orjson

from libs.events.event import JSON

LEASE = timedelta(seconds=15)
"""How long a process that died keeps a file from the others; renewed with every few rows."""

ABANDONED = timedelta(minutes=10)
"""A file whose request never came to its record is thrown away after this."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file that was handed in: by whom, how it is read, and what may be done with it."""

    import_id: str
    organisation: str
    actor: str
    role: str
    may_correct: bool
    system: str
    mapping_version: int
    file_hash: str
    rows: int
    dry_run: bool
    notes: int = 0
    """Lines that are no row: totals, remarks."""
    unknown_columns: Sequence[tuple[int, int]] = ()
    sealed: str | None = None


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of one row."""

    number: int
    sheet: int
    row: int
    status: str
    case_id: str | None = None
    corrected: bool = False
    reasons: Sequence[Mapping[str, str]] = ()
    notes: Sequence[Mapping[str, str]] = ()
    beyond: Sequence[str] = ()


async def keep(pool: asyncpg.Pool, job: Job) -> None:
    """Make a file durable before its request is answered."""
    await pool.execute(
        "INSERT INTO identification_import.job (import_id, organisation, actor, role, may_correct, system, "
        "mapping_version, file_hash, rows, dry_run, notes, unknown_columns, sealed) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        job.import_id, job.organisation, job.actor, job.role, job.may_correct, job.system, job.mapping_version,
        job.file_hash, job.rows, job.dry_run, job.notes, orjson.dumps(job.unknown_columns).decode(), job.sealed,
    )  # fmt: skip


async def forget(pool: asyncpg.Pool, import_id: str) -> None:
    """Throw away a file whose request was answered otherwise."""
    await pool.execute("DELETE FROM identification_import.job WHERE import_id = $1", import_id)


async def pepper(pool: asyncpg.Pool) -> bytes:
    """What identities are digested with."""
    secret = await pool.fetchval("SELECT secret FROM identification_import.pepper")
    return b"".join(part.bytes for part in secret)


async def lease(pool: asyncpg.Pool) -> Job | None:
    """An unfinished file that nobody works on, oldest first; it is this process's for a while."""
    row = await pool.fetchrow(
        "UPDATE identification_import.job SET leased_until = now() + $1 WHERE import_id = ("
        "SELECT import_id FROM identification_import.job WHERE finished_at IS NULL "
        "AND coalesce(leased_until, '-infinity') < now() ORDER BY made_at LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "RETURNING *, made_at < now() - $2::interval AS old",
        LEASE, ABANDONED,
    )  # fmt: skip
    if row is None:
        return None
    return Job(**{name: row[name] for name in Job.__slots__ if name != "unknown_columns"})


async def keep_leased(pool: asyncpg.Pool, import_id: str) -> None:
    """Go on working on a file."""
    await pool.execute(
        "UPDATE identification_import.job SET leased_until = now() + $2 WHERE import_id = $1", import_id, LEASE
    )


async def release(pool: asyncpg.Pool, import_id: str) -> None:
    """Let somebody else try at once."""
    await pool.execute("UPDATE identification_import.job SET leased_until = NULL WHERE import_id = $1", import_id)


async def is_old(pool: asyncpg.Pool, import_id: str) -> bool:
    """Whether a file was handed in so long ago that its request must have ended."""
    sql = "SELECT made_at < now() - $2::interval FROM identification_import.job WHERE import_id = $1"
    return bool(await pool.fetchval(sql, import_id, ABANDONED))


async def reported(pool: asyncpg.Pool, import_id: str) -> set[int]:
    """The rows whose report is written."""
    rows = await pool.fetch("SELECT number FROM identification_import.row WHERE import_id = $1", import_id)
    return {row["number"] for row in rows}


async def report(pool: asyncpg.Pool, import_id: str, rows: Sequence[RowReport]) -> None:
    """Write down what became of some rows; the first report of a row stands."""
    values = [
        {name: getattr(one, name) for name in RowReport.__slots__} | {"import_id": import_id} for one in rows
    ]  # fmt: skip
    await pool.execute(
        "INSERT INTO identification_import.row SELECT n.* FROM jsonb_populate_recordset("
        "NULL::identification_import.row, $1::jsonb) AS n ON CONFLICT DO NOTHING",
        orjson.dumps(values).decode(),
    )


async def finish(pool: asyncpg.Pool, import_id: str, failed: str | None = None) -> None:
    """The last row is done: the file itself goes."""
    await pool.execute(
        "UPDATE identification_import.job SET finished_at = now(), sealed = NULL, leased_until = NULL, failed = $2 "
        "WHERE import_id = $1", import_id, failed,
    )  # fmt: skip


async def counts(pool: asyncpg.Pool, import_id: str) -> dict[str, int]:
    """How many rows came to each end."""
    rows = await pool.fetch(
        "SELECT status, count(*)::integer AS n FROM identification_import.row WHERE import_id = $1 GROUP BY 1",
        import_id,
    )
    found = {row["status"]: row["n"] for row in rows}
    return {status: found.get(status, 0) for status in ("recorded", "duplicate", "refused", "needs_review")}


async def by_rule(pool: asyncpg.Pool, import_id: str) -> dict[str, dict[str, int]]:
    """How many rows each rule named: as the reason why not, and as a note."""
    rows = await pool.fetch(
        "SELECT kind, rule, count(*)::integer AS n FROM (SELECT DISTINCT r.number, k.kind, f ->> 'rule' AS rule "
        "FROM identification_import.row r CROSS JOIN LATERAL (VALUES ('reasons', r.reasons), ('notes', r.notes)) "
        "AS k (kind, list) CROSS JOIN LATERAL jsonb_array_elements(k.list) AS f WHERE r.import_id = $1) each "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        import_id,
    )
    found: dict[str, dict[str, int]] = {"reasons": {}, "notes": {}}
    for row in rows:
        found[row["kind"]][row["rule"]] = row["n"]
    return found


async def job_row(pool: asyncpg.Pool, import_id: str) -> dict[str, Any] | None:
    """A file as it stands, without its content."""
    row = await pool.fetchrow(
        "SELECT to_jsonb(j) - 'sealed' - 'leased_until' - 'may_correct' - 'actor' AS job, "
        "(SELECT count(*)::integer FROM identification_import.row r WHERE r.import_id = j.import_id) AS done "
        "FROM identification_import.job j WHERE import_id = $1",
        import_id,
    )
    return None if row is None else {**orjson.loads(row["job"]), "done": row["done"]}


async def rows_of(
    pool: asyncpg.Pool, import_id: str, after: int, limit: int, status: str | None
) -> list[dict[str, JSON]]:
    """Reports of rows, in the order of the file."""
    rows = await pool.fetch(
        "SELECT to_jsonb(r) - 'import_id' AS item FROM identification_import.row r WHERE import_id = $1 "
        "AND number > $2 AND ($3::text IS NULL OR status = $3) ORDER BY number LIMIT $4",
        import_id, after, status, limit,
    )  # fmt: skip
    return [orjson.loads(row["item"]) for row in rows]


async def jobs_of(pool: asyncpg.Pool, organisation: str | None, after: str, limit: int) -> list[dict[str, JSON]]:
    """Files that were handed in, the newest last."""
    rows = await pool.fetch(
        "SELECT to_jsonb(j) - 'sealed' - 'leased_until' - 'may_correct' - 'actor' AS item "
        "FROM identification_import.job j WHERE import_id > $1 AND organisation = coalesce($2, organisation) "
        "ORDER BY import_id LIMIT $3",
        after, organisation, limit,
    )  # fmt: skip
    return [orjson.loads(row["item"]) for row in rows]
