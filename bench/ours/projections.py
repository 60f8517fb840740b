"""Each view from the beginning of a long log: against bare consumption, COPY out, and the library's own reading."""

import asyncio
import resource
import time

import asyncpg

from bench.measure import Figure, Scale
from bench.peers import bare_kafka
from bench.peers.library import Peer
from libs.events.rebuild import rebuild
from libs.runtime.keys import role_dsn
from libs.runtime.service import source
from libs.runtime.settings import SERVICES, Settings
from nrm.audit import PROJECTION as AUDIT_TRAIL
from nrm.views import PROJECTIONS

LIBRARY_EVENTS_MAX = 50_000
"""More only lengthens the run: it reads a page at a time."""


async def figures(settings: Settings, scale: Scale) -> list[Figure]:
    """Events per second of each view's rebuild beside its live rows, and of the peers, on the same events."""
    events = source(settings)
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(scale.runs):
        rate = await bare_kafka.consumed_per_second(events.bootstrap, events.topics, scale.events)
        found.setdefault(("projections", "bare aiokafka"), []).append(rate)
        found.setdefault(("projections", "COPY out"), []).append(await _copy_out(settings))
        for projection, role in [(one, "nrm_views") for one in PROJECTIONS] + [(AUDIT_TRAIL, "nrm_audit")]:
            done = await rebuild(projection, role_dsn(settings, role), events)
            if not done.switched:
                raise RuntimeError(f"{projection.name} differs from its rebuild: {dict(done.differences)}")
            found.setdefault(("projections", projection.name), []).append(done.events / done.seconds)
    for rate in await asyncio.to_thread(_library, settings, scale):
        found.setdefault(("projections", "eventsourcing reads"), []).append(rate)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [Figure(measure, subject, "1/s", tuple(runs)) for (measure, subject), runs in found.items()] + [
        Figure("memory", "rebuild, peak of the whole benchmark process", "MB", (peak_mb,))
    ]


async def _copy_out(settings: Settings) -> float:
    """Events per second of COPY to STDOUT of every service's bodies."""
    connection = await asyncpg.connect(settings.database_url)
    count, started = 0, time.perf_counter()
    try:

        async def swallow(_: bytes) -> None:
            pass

        for service in SERVICES:
            sql = f"SELECT body FROM {service}.event"
            said = await connection.copy_from_query(sql, output=swallow, format="binary")
            count += int(said.split()[-1])
    finally:
        await connection.close()
    return count / (time.perf_counter() - started)


def _library(settings: Settings, scale: Scale) -> list[float]:
    from bench.ours.append import entry  # noqa: PLC0415 - the peer stores the same bodies

    peer = Peer(settings.database_url, 2)
    try:
        peer.fill([entry().body for _ in range(min(scale.events, LIBRARY_EVENTS_MAX))])
        return [peer.reads_per_second() for _ in range(scale.runs)]
    finally:
        peer.close()
