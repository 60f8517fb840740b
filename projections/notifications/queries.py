"""SQL to notices: those that have arisen by now and were not told yet; and those told, by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg
import orjson

from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.rules.calendar import load_calendars
from libs.rules.corridors import FOLDER, load_corridors
from libs.rules.duties import DutyNotice, Elsewhere, Happened, load_duties, merged, told_of
from libs.rules.local import day_of
from libs.rules.notices import Delivery, Known, Notice, recipients, told
from libs.rules.procedure import Corridor
from libs.rules.progress import RESTARTED, Procedure, Recorded
from libs.runtime.settings import settings
from projections.notifications.view import STARTED

Connection: TypeAlias = "asyncpg.Connection | asyncpg.Pool | asyncpg.pool.PoolConnectionProxy"
CORRIDORS: Final = load_corridors(Path(settings().corridors_dir or FOLDER))
CALENDARS: Final = load_calendars()
DUTIES: Final = load_duties()
LOOKED_AT_ONCE_MAX = 200


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found of a repatriation or an inbox event: what to tell, and how far it looked."""

    subject: str
    version: int
    again: date | None
    notices: Sequence[Mapping[str, JSON]]


async def look(connection: Connection, now: datetime, delivery: Delivery) -> list[Look]:
    """The next subjects that have changed, or of which time has come, each with its notices."""
    heads = await connection.fetch(
        "SELECT h.* FROM notifications.head h LEFT JOIN outbound.looked l ON l.subject = h.repatriation_id "
        "WHERE h.opened_at IS NOT NULL AND (l.version IS NULL OR l.version < h.version OR l.again <= $1) "
        "ORDER BY h.repatriation_id LIMIT $2", day_of(now), LOOKED_AT_ONCE_MAX,
    )  # fmt: skip
    facts = await connection.fetch(
        "SELECT * FROM notifications.fact WHERE repatriation_id = ANY($1) ORDER BY repatriation_id, version",
        [head["repatriation_id"] for head in heads],
    )
    known = {
        name: [_known(row) for row in rows] for name, rows in groupby(facts, key=lambda row: row["repatriation_id"])
    }
    settled = await connection.fetch(
        "SELECT s.* FROM notifications.settled s LEFT JOIN outbound.looked l ON l.subject = s.inbox_id "
        "WHERE l.subject IS NULL ORDER BY s.known_at, s.inbox_id LIMIT $1", LOOKED_AT_ONCE_MAX,
    )  # fmt: skip
    returns = [_look(head, known[head["repatriation_id"]], now, delivery) for head in heads]
    return [*returns, *map(_settled, settled), *await _duties(connection, now, delivery)]


async def _duties(connection: Connection, now: datetime, delivery: Delivery) -> list[Look]:
    """The next cases and referrals in which something is waited for anew, or no more, or late by now."""
    heads = await connection.fetch(
        "SELECT h.* FROM notifications.duty_head h LEFT JOIN outbound.looked l USING (subject) "
        "WHERE h.version IS NOT NULL AND (l.version IS NULL OR l.version < h.version OR l.again <= $1) "
        "ORDER BY h.subject LIMIT $2", day_of(now), LOOKED_AT_ONCE_MAX,
    )  # fmt: skip
    facts = await connection.fetch(
        "SELECT * FROM notifications.duty_fact WHERE subject = ANY($1) ORDER BY subject, version",
        [head["subject"] for head in heads],
    )
    happened = {
        name: [
            Happened(row["version"], row["known_at"], row["since"], tuple(row["opens"]), tuple(row["ends"]), row["due"])
            for row in rows
        ]
        for name, rows in groupby(facts, key=lambda row: row["subject"])
    }
    elsewhere = await connection.fetch(
        "SELECT * FROM notifications.duty_elsewhere WHERE about = ANY($1) ORDER BY known_at, about, version",
        [about for head in heads for about in _abouts(head)],
    )
    ends = [(row["about"], Elsewhere(row["known_at"], row["since"], row["ends"])) for row in elsewhere]
    return [
        _duty_look(
            head,
            merged(happened.get(head["subject"], []), [one for about, one in ends if about in _abouts(head)]),
            now,
            delivery,
        )
        for head in heads
    ]


def _abouts(head: asyncpg.Record) -> tuple[str, ...]:
    """What else than its own events may end a referral's duties: those of its person and of its provider."""
    return (f"case:{head['case_id']}", f"provider:{head['provider_id']}") if head["case_id"] else ()


def _duty_look(head: asyncpg.Record, happened: Sequence[Happened], now: datetime, delivery: Delivery) -> Look:
    notices, again = told_of(DUTIES, happened, now, delivery.due_ahead)
    rows = [row for one in notices for row in _duty_rows(one, head)]
    return Look(head["subject"], head["version"], again, rows)


def _duty_rows(one: DutyNotice, head: asyncpg.Record) -> list[Mapping[str, JSON]]:
    """A notice for each organisation that must act: those that hold the role, or the one that the case names."""
    duty, key = one.duty, f"{one.kind}.{head['subject']}.{one.duty.kind}.{one.serial}"
    about = {
        ("case_id" if duty.owner == "identification" else "referral_id"): head["name"],
        "what": duty.kind,
        "party": duty.party,
        "since": one.since.isoformat(),
        "due": one.due.day.isoformat(),
        "due_provisional": one.due.provisional,
    }
    own = head[duty.party] if duty.party in {"reporter", "provider"} else None
    organisations = (own,) if own else DUTIES.organisations.get(duty.party, ())
    return [_row(name, key, f"{duty.owner}.{one.kind}", one.at, about) for name in organisations]


async def told_after(connection: Connection, organisation: str, after: int, limit: int) -> list[dict[str, JSON]]:
    """An organisation's notices after a position, in order."""
    rows = await connection.fetch(
        "SELECT position, id, kind, at, data FROM outbound.notice WHERE organisation = $1 AND position > $2 "
        "ORDER BY position LIMIT $3", organisation, after, limit,
    )  # fmt: skip
    return [shown(dict(row)) for row in rows]


async def head_of(connection: Connection, organisation: str) -> int:
    """The position of an organisation's last notice; 0 where it was told nothing yet."""
    found: int = await connection.fetchval(
        "SELECT coalesce(max(position), 0) FROM outbound.notice WHERE organisation = $1", organisation
    )
    return found


def shown(row: Mapping[str, Any]) -> dict[str, JSON]:
    """A notice as an organisation reads it."""
    return {
        "position": row["position"],
        "id": row["id"],
        "type": row["kind"],
        "timestamp": rfc3339(row["at"]),
        "data": orjson.loads(row["data"]),
    }


def _known(row: asyncpg.Record) -> Known:
    if row["kind"] == STARTED:
        return Known(row["known_at"], None)
    return Known(row["known_at"], Recorded(row["step"] or RESTARTED, row["outcome"] or "done", row["occurred_at"]))


def _look(head: asyncpg.Record, known: Sequence[Known], now: datetime, delivery: Delivery) -> Look:
    corridor = CORRIDORS.of(head["sop"])
    found = told(Procedure(corridor, CALENDARS), head["opened_at"], known, now, delivery.due_ahead)
    rows = [row for one in found.notices for row in _rows(one, head, corridor)]
    return Look(head["repatriation_id"], head["version"], found.again, rows)


def _rows(one: Notice, head: asyncpg.Record, corridor: Corridor) -> list[Mapping[str, JSON]]:
    key = f"{one.kind}.{head['repatriation_id']}.{one.step.id}.{one.serial}"
    about = {
        "repatriation_id": head["repatriation_id"],
        "corridor": corridor.id,
        "direction": corridor.direction,
        "step": one.step.id,
        "party": one.step.party,
        "side": one.step.side,
        "due": one.due.isoformat() if one.due else None,
        "due_provisional": one.provisional,
    }
    return [
        _row(organisation, key, f"repatriation.{one.kind}", one.at, {**about, "told_as": told_as})
        for organisation, told_as in sorted(recipients(corridor, one.step).items())
    ]


def _settled(row: asyncpg.Record) -> Look:
    about = {name: row[name] for name in ("inbox_id", "outcome", "rule")} | {"missing": row["missing"] or []}
    notice = _row(row["organisation"], f"settled.{row['inbox_id']}", "inbox.settled", row["known_at"], about)
    return Look(row["inbox_id"], 1, None, [notice])


def _row(organisation: str, key: str, kind: str, at: datetime, data: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """A notice as `outbound.tell` takes it; its id is the same however often it is worked out."""
    name = sha256(f"{organisation}\n{key}".encode()).hexdigest()[:32]
    return {
        "organisation": organisation,
        "id": f"ntc_{name}",
        "key": key,
        "kind": kind,
        "at": rfc3339(at),
        "data": data,
    }
