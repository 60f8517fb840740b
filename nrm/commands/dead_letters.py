"""`nrm dead-letters`: what the projections could not apply, what waits behind it, what they refused; and a new try."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Annotated

import asyncpg
import typer

from libs.events.consume import Projection
from libs.events.generations import Generation, current
from libs.events.session import AWAY, session
from libs.events.writer import Writer
from libs.runtime.keys import role_dsn
from libs.runtime.settings import SERVICES, Settings
from nrm.running import running_settings
from nrm.stopping import require, stop

_DEAD = "SELECT stream, version, event_id::text, type, reason FROM {}.dead_letter ORDER BY 1, 2"
_PARKED = "SELECT stream, min(version) AS version, count(*) AS waiting FROM {}.parked GROUP BY 1 ORDER BY 1"
_REFUSED = "SELECT topic, kafka_partition, kafka_offset, reason FROM {}.refused ORDER BY 1, 2, 3"


@dataclass(frozen=True, slots=True)
class Letters:
    """What lies with one projection. No envelope is shown: an event's data may concern a person."""

    view: str
    replayed: int
    dead: list[dict[str, object]]
    parked: list[dict[str, object]]
    """Streams with events that wait for an earlier one, with the first such version and their number."""
    refused: list[dict[str, object]]

    @property
    def empty(self) -> bool:
        """Whether nothing waits for anybody. A refused record waits for nothing: it was no event of ours."""
        return not (self.dead or self.parked)


def command(
    view: Annotated[
        str, typer.Argument(help="a projection, e.g. court-outcomes or referral-known; all by default")
    ] = "",
    *,
    replay: Annotated[bool, typer.Option("--replay", help="try every dead letter again, after a fix")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON array on standard output")] = False,
) -> None:
    """List dead letters, parked and refused records of every projection. Exit 0 when nothing waits, else 1."""
    config = running_settings(Settings())
    chosen = _chosen(view)
    require("dead-letters", database_url=config.database_url)
    try:
        found = asyncio.run(_all(config, chosen, replay=replay))
    except AWAY as fault:
        stop("dead-letters", f"PostgreSQL cannot be reached: {type(fault).__name__}")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            _tell(one, replay=replay)
    raise typer.Exit(0 if all(one.empty for one in found) else 1)


async def _all(config: Settings, chosen: Mapping[str, tuple[Projection, str]], *, replay: bool) -> list[Letters]:
    found = [
        await _of(projection, role_dsn(config, role), replay=replay) for _, (projection, role) in sorted(chosen.items())
    ]
    return [one for one in found if one is not None]


async def _of(projection: Projection, dsn: str, *, replay: bool) -> Letters | None:
    """What lies with one projection; None where it has never run here."""
    async with session(dsn) as connection:
        generation = await current(connection, projection.name)
        if generation is None:
            return None
        replayed = await _replay(connection, projection, generation) if replay else 0
        dead, parked, refused = [
            [dict(row) for row in await connection.fetch(sql.format(generation.schema))]
            for sql in (_DEAD, _PARKED, _REFUSED)
        ]
        return Letters(projection.name.replace("_", "-"), replayed, dead, parked, refused)


async def _replay(connection: asyncpg.Connection, projection: Projection, generation: Generation) -> int:
    """Runs beside the projector: both write this generation under the same lock, one transaction at a time."""
    writer = await Writer.open(connection, projection, generation)
    return await writer.replay_dead_letters()


def _tell(letters: Letters, *, replay: bool) -> None:
    numbers = f"{len(letters.dead)} dead, {len(letters.parked)} streams waiting, {len(letters.refused)} refused"
    typer.echo(f"{letters.view}: {numbers}" + (f"; {letters.replayed} replayed" if replay else ""))
    for one in letters.dead:
        typer.echo(f"  DEAD {one['stream']} {one['version']} {one['type']} ({one['event_id']}): {one['reason']}")
    for one in letters.parked:
        typer.echo(f"  WAITING {one['stream']} from {one['version']}: {one['waiting']} events")
    for one in letters.refused:
        place = f"{one['topic']}/{one['kafka_partition']}@{one['kafka_offset']}"
        typer.echo(f"  REFUSED {place}: {one['reason']}")


def _chosen(view: str) -> Mapping[str, tuple[Projection, str]]:
    """The projections by name with the roles that own their rows: the views, the audit trail, the services' own."""
    known = _known()
    if not view:
        return known
    name = view.replace("-", "_")
    if name not in known:
        names = ", ".join(sorted(one.replace("_", "-") for one in known))
        raise typer.BadParameter(f"there is no such projection; there are {names}")
    return {name: known[name]}


def _known() -> Mapping[str, tuple[Projection, str]]:
    owners = [(f"nrm_{service}", f"services.{service}.reactions", "KNOWN") for service in SERVICES]
    owners.append(("nrm_audit", "nrm.audit", "PROJECTION"))
    found = {}
    for role, module, attribute in owners:  # imported only here: `nrm --help` does not wait for the services
        projection: Projection = getattr(import_module(module), attribute)
        found[projection.name] = (projection, role)
    views: tuple[Projection, ...] = import_module("nrm.views").PROJECTIONS
    return found | {projection.name: (projection, "nrm_views") for projection in views}
