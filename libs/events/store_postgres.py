"""The event store on PostgreSQL. Concurrent appends share one transaction (group commit); reads use the pool."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import asyncpg

from libs.events.envelope import GENESIS, Envelope, Tampered, parse
from libs.events.gathering import Gathering
from libs.events.store import Answer, Append, Conflict, Entry, KeyReused, Unavailable, check, follows

BATCH_EVENTS_MAX = 512
"""Appends that share one transaction; more only lengthens the wait of the first."""

QUEUE_MAX = 4096
"""Appends waiting for a transaction; beyond it the process says 503 rather than grow."""

_NO_PREDECESSOR = "NR001"
_LOST = (
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalServerError,
    asyncpg.InternalClientError,  # what asyncpg says where a session ends between two of its steps
    OSError,
    TimeoutError,
)
_LOST_RACE = (asyncpg.UniqueViolationError, asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


@dataclass(slots=True)
class _Waiting:
    append: Append
    done: asyncio.Future[None]


class PostgresStore:
    """The streams of one service in its own schema. Start it before the first append, stop it after the last."""

    def __init__(self, pool: asyncpg.Pool, schema: str) -> None:
        self._pool = pool
        self._schema = schema
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(QUEUE_MAX)
        self._writer: asyncio.Task[None] | None = None
        self._append_sql = f"SELECT {schema}.append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)"
        self._read_sql = (
            f"SELECT stream, hash, body FROM {schema}.event WHERE stream = ANY($1) ORDER BY stream, version"
        )
        self._rows: Gathering[str, list[tuple[bytes, bytes]]] = Gathering(self._rows_of)
        self._answer_sql = (
            f"SELECT i.organisation, i.key, request, status, body, location, version FROM {schema}.idempotency i "
            "JOIN unnest($1::text[], $2::text[]) AS asked (organisation, key) USING (organisation, key)"
        )
        self._answers: Gathering[tuple[str, str], Answer] = Gathering(self._answers_under)

    async def start(self) -> None:
        """Begin to commit what is appended."""
        self._writer = asyncio.create_task(self._write(), name=f"append-{self._schema}")

    async def stop(self) -> None:
        """Commit what is waiting, then end."""
        writer, self._writer = self._writer, None
        if writer:
            await self._queue.join()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def read(self, stream: str) -> list[Envelope]:
        """Every event of a stream in order; Tampered where it is not the unbroken chain that was written."""
        rows = await self._rows.get(stream) or []
        envelopes = [parse(body, digest=digest.hex()) for digest, body in rows]
        version, digest = 0, GENESIS
        for envelope in envelopes:
            if envelope.stream != stream or not follows(envelope, version, digest):
                raise Tampered(f"the chain of stream {stream} is broken after version {version}")
            version, digest = envelope.streamversion, envelope.hash
        return envelopes

    async def _rows_of(self, streams: Sequence[str]) -> dict[str, list[tuple[bytes, bytes]]]:
        try:
            rows = await self._pool.fetch(self._read_sql, streams)
        except _LOST as fault:
            raise Unavailable("the event store cannot be reached") from fault
        found: dict[str, list[tuple[bytes, bytes]]] = {}
        for stream, digest, body in rows:
            found.setdefault(stream, []).append((digest, body))
        return found

    async def answer(self, organisation: str, key: str) -> Answer | None:
        """What was answered under an idempotency key."""
        return await self._answers.get((organisation, key))

    async def _answers_under(self, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        try:
            rows = await self._pool.fetch(self._answer_sql, *map(list, zip(*asked, strict=True)))
        except _LOST as fault:
            raise Unavailable("the event store cannot be reached") from fault
        return {(row[0], row[1]): Answer(*row) for row in rows}

    async def append(self, append: Append) -> None:
        """Store all of it durably in a transaction shared with whoever else is waiting."""
        check(append)
        if self._writer is None:
            raise Unavailable("this process is starting or stopping")
        waiting = _Waiting(append, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull as full:
            raise Unavailable("too many appends are waiting") from full
        # The commit goes on even when the caller is cancelled: its answer is then found by its idempotency key.
        await asyncio.shield(waiting.done)

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            held: list[_Waiting] = []
            streams = set(_streams(batch[0]))
            while not self._queue.empty() and len(batch) < BATCH_EVENTS_MAX:
                waiting = self._queue.get_nowait()
                if streams.isdisjoint(_streams(waiting)):
                    streams.update(_streams(waiting))
                    batch.append(waiting)
                else:  # the same stream twice in one transaction: the second must see the first's outcome
                    held.append(waiting)
            await self._commit(batch)
            for waiting in held:
                await self._commit([waiting])
            for _ in range(len(batch) + len(held)):
                self._queue.task_done()

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Commit the batch; where one of it is refused, halve until the refused ones stand alone."""
        try:
            await self._pool.execute(self._append_sql, *_columns([waiting.append for waiting in batch]))
        except _LOST:
            _fail(batch, Unavailable("the connection was lost; the outcome is not known"))
        except Exception as fault:  # noqa: BLE001 - refused by the server, or no value for it: the writer goes on
            if len(batch) == 1:
                await self._refuse(batch[0], fault)
            else:
                middle = len(batch) // 2
                await self._commit(batch[:middle])
                await self._commit(batch[middle:])
        else:
            for waiting in batch:
                _resolve(waiting, None)

    async def _refuse(self, waiting: _Waiting, fault: Exception) -> None:
        append = waiting.append
        if isinstance(fault, asyncpg.UniqueViolationError) and fault.constraint_name == "idempotency_pkey":
            try:
                answer = append.answer and await self.answer(append.answer.organisation, append.answer.key)
            except Unavailable as lost:
                _resolve(waiting, lost)
            else:
                _resolve(waiting, KeyReused(answer) if answer else Unavailable("the first answer is not visible"))
        elif isinstance(fault, _LOST_RACE) or getattr(fault, "sqlstate", None) == _NO_PREDECESSOR:
            _resolve(waiting, Conflict(append.entries[0].envelope.stream if append.entries else "of no event"))
        else:
            _resolve(waiting, fault)


def _streams(waiting: _Waiting) -> set[str]:
    names = {entry.envelope.stream for entry in waiting.append.entries}
    answer = waiting.append.answer
    # An idempotency key counts as a stream of its own: two requests under one key never share a transaction.
    return names | ({f"key {answer.organisation} {answer.key}"} if answer else set())


def _resolve(waiting: _Waiting, fault: BaseException | None) -> None:
    if waiting.done.done():
        return
    if fault is None:
        waiting.done.set_result(None)
    else:
        waiting.done.set_exception(fault)


def _fail(batch: Sequence[_Waiting], fault: Exception) -> None:
    for waiting in batch:
        _resolve(waiting, fault)


def _columns(appends: Sequence[Append]) -> tuple[list[object], ...]:
    """The arrays that the SQL function takes: one element per event, per answer and per new key."""
    entries = [(entry, first) for append in appends for entry, first in _marked(append)]
    answers = [append.answer for append in appends if append.answer]
    keys = list(chain.from_iterable(append.person_keys for append in appends))
    return (
        [entry.envelope.stream for entry, _ in entries],
        [entry.envelope.streamversion for entry, _ in entries],
        [entry.envelope.id for entry, _ in entries],
        [entry.envelope.subject for entry, _ in entries],
        [bytes.fromhex(entry.envelope.prevhash) if first else None for entry, first in entries],
        [bytes.fromhex(entry.envelope.hash) for entry, _ in entries],
        [entry.body for entry, _ in entries],
        [answer.organisation for answer in answers],
        [answer.key for answer in answers],
        [answer.request for answer in answers],
        [answer.status for answer in answers],
        [answer.body for answer in answers],
        [answer.location for answer in answers],
        [answer.version for answer in answers],
        [case_id for case_id, _ in keys],
        [wrapped for _, wrapped in keys],
    )


def _marked(append: Append) -> list[tuple[Entry, bool]]:
    """Each event with whether it is the first of its stream in this append (then its predecessor must be stored)."""
    seen: set[str] = set()
    marked = []
    for entry in append.entries:
        marked.append((entry, entry.envelope.stream not in seen))
        seen.add(entry.envelope.stream)
    return marked
