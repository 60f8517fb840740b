"""The register of releases: what was published, frozen; and what the next one must hide because of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from libs.disclosure.control import Out, hidden
from libs.events.event import JSON
from projections.statistics.queries import Cells, Key

Persons = frozenset[str]
_CELLS = """
SELECT c.table_number, c.number, c.key, c.cases, c.members, r.tables
FROM statistics_release.cell c JOIN statistics_release.release r USING (release_id)
ORDER BY r.registered_at, c.release_id, c.table_number, c.number
"""


@dataclass(frozen=True, slots=True)
class Definition:
    """One table of a release: whom it counts, by which groups."""

    group_by: tuple[str, ...]
    measure: str


@dataclass(frozen=True, slots=True)
class Published:
    """Everything that was published, and each shown figure by its name."""

    out: Out
    named: Mapping[tuple[Definition, Key], Sequence[Persons]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of a release; the empty key of a grouped table is its total."""

    table: int
    key: Key
    members: Persons
    shown: bool


async def published(pool: asyncpg.Pool | asyncpg.pool.PoolConnectionProxy) -> Published:
    """What every release so far showed and hid."""
    shown: list[Persons] = []
    gone: list[Persons] = []
    named: dict[tuple[Definition, Key], list[Persons]] = {}
    for row in await pool.fetch(_CELLS):
        definition = _definition(orjson.loads(row["tables"])[row["table_number"]])
        members = frozenset(row["members"])
        if row["cases"] is None:
            gone.append(members)
        else:
            shown.append(members)
            named.setdefault((definition, tuple(orjson.loads(row["key"]))), []).append(members)
    return Published(Out(shown, gone), named)


def release(tables: Sequence[tuple[Definition, Cells]], before: Published, threshold: int) -> list[Cell]:
    """The figures of a release, the hidden ones marked, so that with all earlier ones nothing small comes out.

    Where a figure was published before and differs by a few persons now, those few are a small group too.
    """
    places: list[tuple[int, Key, Persons]] = []
    for number, (definition, found) in enumerate(tables):
        places += [(number, key, members) for key, members in found.items() if members]
        if definition.group_by:
            places.append((number, (), frozenset().union(*found.values())))
    few = [
        persons
        for number, key, members in places
        for earlier in before.named.get((tables[number][0], key), ())
        for persons in (members - earlier, earlier - members)
        if 0 < len(persons) < threshold
    ]
    out = replace(before.out, secret=few)
    gone = hidden([members for _, _, members in places], threshold, out)
    return [Cell(table, key, members, number not in gone) for number, (table, key, members) in enumerate(places)]


async def keep(connection: asyncpg.pool.PoolConnectionProxy, values: Mapping[str, Any], cells: Iterable[Cell]) -> None:
    """Store a release; from then on it only answers."""
    names = ", ".join(values)
    numbers = ", ".join(f"${number + 1}" for number in range(len(values)))
    await connection.execute(f"INSERT INTO statistics_release.release ({names}) VALUES ({numbers})", *values.values())
    rows = [
        (values["release_id"], cell.table, number, orjson.dumps(cell.key).decode(),
         len(cell.members) if cell.shown else None, sorted(cell.members))
        for number, cell in enumerate(cells)
    ]  # fmt: skip
    await connection.executemany("INSERT INTO statistics_release.cell VALUES ($1, $2, $3, $4, $5, $6)", rows)


async def releases(pool: asyncpg.Pool, after: str, limit: int) -> list[dict[str, JSON]]:
    """The releases by their ids, which rise with time."""
    rows = await pool.fetch(
        "SELECT * FROM statistics_release.release WHERE release_id::text > $1 ORDER BY release_id LIMIT $2",
        after, limit,
    )  # fmt: skip
    return [head(row) for row in rows]


async def release_of(pool: asyncpg.Pool, release_id: UUID) -> dict[str, JSON] | None:
    """A release with its tables as they were published; None where there is none."""
    row = await pool.fetchrow("SELECT * FROM statistics_release.release WHERE release_id = $1", release_id)
    if row is None:
        return None
    cells = await pool.fetch(
        "SELECT table_number, key, cases FROM statistics_release.cell WHERE release_id = $1 ORDER BY 1, number",
        release_id,
    )
    tables = [
        _table(stated, [(orjson.loads(one["key"]), one["cases"]) for one in cells if one["table_number"] == number])
        for number, stated in enumerate(orjson.loads(row["tables"]))
    ]
    return {**head(row), "tables": tables}


def head(row: asyncpg.Record) -> dict[str, JSON]:
    """A release in a list."""
    names = ("release_id", "title", "organisation", "registered_at", "since", "until", "as_of", "known_at", "threshold")
    shown = {{"since": "from", "until": "to"}.get(name, name): row[name] for name in names}
    return {
        **shown,
        "release_id": str(row["release_id"]),  # asyncpg's own kind of UUID, which orjson does not know
        "tables": orjson.loads(row["tables"]),
        "positions": orjson.loads(row["positions"]),
    }


async def members_of(
    pool: asyncpg.Pool, release_id: UUID, table: int, key: Sequence[JSON], after: str, limit: int
) -> list[dict[str, JSON]]:
    """The case references behind a figure of a release."""
    rows = await pool.fetch(
        "SELECT m AS case_id FROM statistics_release.cell c, unnest(c.members) m WHERE c.release_id = $1 "
        "AND c.table_number = $2 AND c.key = $3 AND m > $4 ORDER BY m LIMIT $5",
        release_id, table, orjson.dumps(list(key)).decode(), after, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


def _table(stated: Mapping[str, JSON], found: Sequence[tuple[Sequence[JSON], int | None]]) -> dict[str, JSON]:
    groups = stated["group_by"]
    rows = [{**dict(zip(groups, key, strict=True)), "cases": cases} for key, cases in found if len(key) == len(groups)]
    total = [cases for key, cases in found if not key]
    suppressed = sum(row["cases"] is None for row in rows)
    return {**stated, "rows": rows, "suppressed": suppressed, "totals": {"cases": total[0] if total else 0}}


def _definition(stated: Mapping[str, JSON]) -> Definition:
    return Definition(tuple(stated["group_by"]), stated["measure"])
