"""Which events a view or the Merkle log lacks, by stream and version: what a count alone cannot say."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from nrm.log.compare import Difference
from nrm.log.tables import Source

Heads: TypeAlias = Mapping[str, tuple[str, int]]
"""The service and the last version of a stream."""

NAMED_MAX = 100
"""Events that are named; where more are lacking, a list of them helps nobody."""


async def heads(source: Source, services: Iterable[str]) -> Heads:
    """The last versions of all streams that have positions."""
    found: dict[str, tuple[str, int]] = {}
    for service in services:
        for row in await source.fetch(f"SELECT stream, max(version) AS version FROM {service}.log GROUP BY stream"):
            found[row["stream"]] = (service, row["version"])
    return found


async def applied_by(source: Source, view: str) -> dict[str, int]:
    """The last version of every stream that a view has applied."""
    return {row["stream"]: row["version"] for row in await source.fetch(f"SELECT * FROM {view}.progress")}


def unapplied(view: str, applied: Mapping[str, int], before: Heads, after: Heads) -> list[Difference]:
    """What a view lacks, and what it has applied though no log has it. Pure.

    Its progress was read between the two: what was recorded meanwhile is neither.
    """
    lacking = [
        Difference(service, view, stream, applied.get(stream, 0) + 1, "is not applied")
        for stream, (service, version) in before.items()
        if applied.get(stream, 0) < version
    ]
    beyond = [
        Difference(after.get(stream, ("?", 0))[0], view, stream, version, "is applied and has no position")
        for stream, version in applied.items()
        if version > after.get(stream, ("?", 0))[1]
    ]
    return [*lacking, *beyond][:NAMED_MAX]


async def unlogged(source: Source, service: str) -> list[Difference]:
    """The events of a service that have a position and are no leaf of the Merkle log."""
    rows = await source.fetch(
        f"SELECT g.stream, g.version FROM {service}.log g WHERE NOT EXISTS (SELECT FROM transparency.leaf l "
        f"WHERE l.service = '{service}' AND l.position = g.position) ORDER BY g.position LIMIT {NAMED_MAX}"
    )
    return [Difference(service, "transparency", row["stream"], row["version"], "is not in the log") for row in rows]
