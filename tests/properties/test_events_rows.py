"""A batch of row changes gives what making them one by one gives: in PostgreSQL, and in a model that is plain."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.consume import Add, Change, Drop, Put
from libs.events.rows import Columns, columns_of, write
from libs.events.shelf import DoesNotFit

TABLE = "CREATE TABLE {0}.t (a text, b integer, n integer DEFAULT 0, m bigint, s text, d date, PRIMARY KEY (a, b))"
SCHEMAS = ("together", "one_by_one")
Rows = dict[tuple[str, int], dict[str, Any]]

KEYS = st.builds(
    lambda a, b, turned: {"b": b, "a": a} if turned else {"a": a, "b": b},
    st.sampled_from(["x", "y"]), st.sampled_from([1, 2]), st.booleans(),
)  # fmt: skip
PUTS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.none() | st.integers(-9, 9),
        "m": st.none() | st.integers(-9, 9),
        "s": st.none() | st.sampled_from(["", "ស", 'quote"', "\\"]),
        "d": st.none() | st.sampled_from(["2026-01-31", "1999-12-31"]),
    },
)
ADDS = st.fixed_dictionaries({}, optional={"n": st.integers(-9, 9), "m": st.integers(-9, 9)})
CHANGES = st.lists(
    st.builds(Put, st.just("t"), KEYS, PUTS)
    | st.builds(Add, st.just("t"), KEYS, ADDS)
    | st.builds(Drop, st.just("t"), KEYS),
    max_size=12,
)


@pytest.fixture(scope="module")
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    for schema in SCHEMAS:
        await connection.execute(f"CREATE SCHEMA {schema}")
        await connection.execute(TABLE.format(schema))
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def columns(connection: asyncpg.Connection) -> Columns:
    return await columns_of(connection, SCHEMAS[0])


def _model(rows: Rows, changes: Sequence[Change]) -> Rows:
    """What the changes mean, said as plainly as can be."""
    for change in changes:
        key = (change.key["a"], change.key["b"])
        if isinstance(change, Drop):
            rows.pop(key, None)
            continue
        row = rows.setdefault(key, {"n": 0, "m": None, "s": None, "d": None})
        for name, value in change.values.items():
            row[name] = value if isinstance(change, Put) else (row[name] or 0) + value
    return rows


async def _rows(connection: asyncpg.Connection, schema: str) -> Rows:
    rows = await connection.fetch(f"SELECT a, b, n, m, s, d::text FROM {schema}.t")
    return {(row["a"], row["b"]): {name: row[name] for name in ("n", "m", "s", "d")} for row in rows}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(CHANGES, min_size=1, max_size=3))
async def test_a_batch_is_its_changes_one_by_one(
    connection: asyncpg.Connection, columns: Columns, batches: list[list[Change]]
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        rows: Rows = {}
        for batch in batches:
            await write(connection, "together", columns, batch)
            for change in batch:
                await write(connection, "one_by_one", columns, [change])
            rows = _model(rows, batch)
            assert await _rows(connection, "together") == await _rows(connection, "one_by_one") == rows
    finally:
        await transaction.rollback()


@pytest.mark.parametrize(
    "change",
    [
        Put("nowhere", {"a": "x"}, {}),
        Drop("nowhere", {"a": "x"}),
        Put("t", {"a": "x", "b": 1}, {"no_column": 1}),
        Add("t", {"a": "x", "no_key": 1}, {"n": 1}),
        Put("t", {"a": "x", "b": 1}, {"s": object()}),
        Put("t", {"a": "x", "b": 1}, {"m": 2**70}),
    ],
    ids=["table", "drop", "column", "key", "no JSON", "too large"],
)
async def test_a_change_that_cannot_be_written_says_so(
    connection: asyncpg.Connection, columns: Columns, change: Change
) -> None:
    with pytest.raises(DoesNotFit):
        await write(connection, "together", columns, [change])
