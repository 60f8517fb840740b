"""Takes files in, row by row, while the service serves. A process that dies is followed by another at the same row."""

import asyncio
import base64

import structlog

from libs.events.decider import Refused
from libs.events.handle import Step, Submission
from libs.runtime.edge import Edge
from libs.runtime.ids import now
from libs.runtime.vault import Shredded
from services.identification.imports import jobs
from services.identification.imports.commands import FinishImport
from services.identification.imports.decider import IMPORTS
from services.identification.imports.reading import MAPPINGS, read_file
from services.identification.imports.rows import Desk, take_in

POLL_S = 0.3
ROWS_AT_ONCE = 20
"""They share transactions; more would let requests of people wait."""

log = structlog.get_logger()


async def take_in_files(edge: Edge) -> None:
    """Work on what was handed in, one file at a time, for as long as the process serves."""
    while True:
        try:
            job = await jobs.lease(edge.pool)
            if job is not None:
                await _take_in(edge, job)
                continue
        except Exception as fault:  # noqa: BLE001 - the loop outlives whatever is away; nothing is lost, only later
            log.warning("imports.waiting", fault=type(fault).__name__)
        await asyncio.sleep(POLL_S)


async def _take_in(edge: Edge, job: jobs.Job) -> None:
    if (await edge.recorder.load(IMPORTS, f"import:{job.import_id}")).state.started is None:
        # Kept, but its request is not recorded yet; or its process died before, and nobody was told of it.
        if await jobs.is_old(edge.pool, job.import_id):
            await jobs.forget(edge.pool, job.import_id)
        return
    try:
        raw = base64.b64decode((await edge.vault.open(job.import_id, job.sealed or ""))["file"])
        file = await asyncio.to_thread(
            read_file, raw, MAPPINGS.of(job.system, job.mapping_version), now().date()
        )  # fmt: skip
    except (Refused, Shredded) as fault:  # it was readable when it was handed in: the software changed since
        await jobs.finish(edge.pool, job.import_id, failed=getattr(fault, "rule", "key-destroyed"))
        return
    submission = await _submission(edge, job)
    desk = Desk(edge, job, MAPPINGS.of(job.system, job.mapping_version), await jobs.pepper(edge.pool), submission)
    written = await jobs.reported(edge.pool, job.import_id)
    left = [(number, draft) for number, draft in enumerate(file.drafts, 1) if number not in written]
    for start in range(0, len(left), ROWS_AT_ONCE):
        some = left[start : start + ROWS_AT_ONCE]
        found = await asyncio.gather(*(take_in(desk, number, draft) for number, draft in some))
        await jobs.report(edge.pool, job.import_id, found)
        await jobs.keep_leased(edge.pool, job.import_id)
    counts = await jobs.counts(edge.pool, job.import_id)
    command = FinishImport(job.import_id, counts)
    await edge.recorder.record([Step(IMPORTS, f"import:{job.import_id}", command)], desk.origin(now()))
    await jobs.finish(edge.pool, job.import_id)


async def _submission(edge: Edge, job: jobs.Job) -> Submission | None:
    """The signature of the request that handed the file in."""
    [started, *_] = await edge.store.read(f"import:{job.import_id}")
    return Submission.of(started)
