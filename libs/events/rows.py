"""Row changes to SQL: whatever a batch asks for is merged per row and written in a few statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
import orjson

from libs.events.consume import Add, Change, Drop, Put
from libs.events.event import JSON
from libs.events.shelf import DoesNotFit

Connection: TypeAlias = "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"
Columns: TypeAlias = Mapping[str, Mapping[str, str]]
"""Table → column → SQL type."""

_COLUMNS = """
SELECT c.relname AS table_name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(slots=True)
class _Row:
    key: Mapping[str, JSON]
    dropped: bool = False
    put: dict[str, JSON] = field(default_factory=dict)
    add: dict[str, int] = field(default_factory=dict)
    touched: bool = False


async def columns_of(connection: Connection, schema: str) -> Columns:
    """The column types of every table in a schema."""
    columns: dict[str, dict[str, str]] = {}
    for row in await connection.fetch(_COLUMNS, schema):
        columns.setdefault(row["table_name"], {})[row["column_name"]] = row["type"]
    return columns


async def write(connection: Connection, schema: str, columns: Columns, changes: Iterable[Change]) -> None:
    """Make the changes, in an order that gives what making them one by one would give."""
    try:
        made = [(sql, orjson.dumps(rows).decode()) for sql, rows in statements(schema, columns, merge(changes))]
    except (KeyError, TypeError) as fault:
        raise DoesNotFit(str(fault)) from fault
    for sql, rows in made:
        await connection.execute(sql, rows)


def merge(changes: Iterable[Change]) -> Mapping[str, Sequence[_Row]]:
    """The net change of each row, by table."""
    tables: dict[str, dict[frozenset[tuple[str, Any]], _Row]] = {}
    for change in changes:
        rows = tables.setdefault(change.table, {})
        identity = frozenset(change.key.items())
        row = rows.get(identity)
        if row is None:
            row = rows[identity] = _Row(change.key)
        match change:
            case Put():
                row.put.update(change.values)
                row.add = {name: amount for name, amount in row.add.items() if name not in change.values}
                row.touched = True
            case Add():
                for name, amount in change.values.items():
                    sums = row.put if name in row.put else row.add
                    sums[name] = (sums.get(name) or 0) + amount
                row.touched = True
            case Drop():
                rows[identity] = _Row(change.key, dropped=True)
    return {table: list(rows.values()) for table, rows in tables.items()}


def statements(
    schema: str, columns: Columns, tables: Mapping[str, Sequence[_Row]]
) -> Iterable[tuple[str, list[dict[str, JSON]]]]:
    """The SQL statements, each with the JSON rows that it takes as its only parameter."""
    for table, rows in tables.items():
        types = columns[table]
        dropped = [dict(row.key) for row in rows if row.dropped]
        if dropped:
            yield _delete(schema, table, types, list(dropped[0])), dropped
        shapes: dict[tuple[tuple[str, ...], ...], list[dict[str, JSON]]] = {}
        for row in rows:
            if row.touched:
                shape = (tuple(row.key), tuple(row.put), tuple(row.add))
                shapes.setdefault(shape, []).append({**row.key, **row.put, **row.add})
        for (key, put, add), values in shapes.items():
            yield _upsert(schema, table, types, key, put, add), values


def _delete(schema: str, table: str, types: Mapping[str, str], key: Sequence[str]) -> str:
    matches = " AND ".join(f"t.{name} = n.{name}" for name in key)
    return f"DELETE FROM {schema}.{table} t USING {_rows(types, key)} WHERE {matches}"


def _upsert(
    schema: str, table: str, types: Mapping[str, str], key: Sequence[str], put: Sequence[str], add: Sequence[str]
) -> str:
    names = [*key, *put, *add]
    listed = ", ".join(names)
    sets = [f"{name} = excluded.{name}" for name in put]
    sets += [f"{name} = coalesce(t.{name}, 0) + excluded.{name}" for name in add]
    action = f"UPDATE SET {', '.join(sets)}" if sets else "NOTHING"
    return (
        f"INSERT INTO {schema}.{table} AS t ({listed}) SELECT {listed} FROM {_rows(types, names)} "
        f"ON CONFLICT ({', '.join(key)}) DO {action}"
    )


def _rows(types: Mapping[str, str], names: Sequence[str]) -> str:
    typed = ", ".join(f"{name} {types[name]}" for name in names)
    return f"jsonb_to_recordset($1::jsonb) AS n ({typed})"
