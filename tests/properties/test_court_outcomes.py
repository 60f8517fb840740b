"""The court-outcome view answers what a count by hand gives: for any history, any moment, any state of knowledge."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.rows import columns_of, write
from projections.court_outcomes.api import PROJECTION
from projections.court_outcomes.queries import Asked, funnel, outcomes
from projections.court_outcomes.view import apply
from tests.unit.court_outcomes import oracle
from tests.unit.court_outcomes.past import BEGIN, past_of

NUMBER = st.integers(0, 11)
DAY = st.integers(0, 900)
OPENED = st.lists(st.tuples(st.just("court_case"), st.integers(0, 300), NUMBER, NUMBER, NUMBER), min_size=1, max_size=3)
WHAT = st.sampled_from([*["court_move"] * 5, "court_case", "victim", "of_case"])
MOVED = st.lists(st.tuples(WHAT, DAY, NUMBER, NUMBER, NUMBER), min_size=4, max_size=30)
HISTORIES = st.builds(lambda opened, moved: [*opened, *moved], OPENED, MOVED)
MOMENTS = st.none() | st.integers(0, 1000).map(lambda days: BEGIN + timedelta(days=days))
KNOWN = st.none() | st.integers(0, 40).map(lambda hours: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
FIGURES = (
    "prosecutions", "convicted", "acquitted", "dismissed", "pending", "days_to_verdict", "sentences", "compensation",
    "victims_charged", "non_prosecution_alerts",
)  # fmt: skip


@pytest.fixture(scope="module")
async def view(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE SCHEMA court_outcomes")
    await connection.execute("SET search_path TO court_outcomes")
    await connection.execute(PROJECTION.tables)
    yield connection
    await connection.close()


def shown(item: Any) -> dict[str, Any]:
    return {name: item[name] for name in FIGURES}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=HISTORIES,
    at=MOMENTS,
    known_at=KNOWN,
    by=st.sampled_from(["year", "reporting_year", "court", "article"]),
    by_event=st.booleans(),
)
async def test_every_figure_is_what_a_count_by_hand_gives(
    view: asyncpg.Connection, moves: Any, at: Any, known_at: Any, by: Any, by_event: Any
) -> None:
    past = past_of(moves)
    transaction = view.transaction()
    await transaction.start()
    try:
        columns = await columns_of(view, "court_outcomes")
        await write(view, "court_outcomes", columns, [change for fact in past.facts for change in apply(fact)])
        asked = Asked(at, known_at, dated_by="event" if by_event else "prosecution")
        items, totals = await outcomes(view, asked, [by])
        persons = (await funnel(view, asked, None))[0]
        known = {row["system"]: row for row in await funnel(view, asked, "system")}
    finally:
        await transaction.rollback()
    facts = oracle.seen(past.facts, at, known_at)
    expected = oracle.figures(facts, by, by_event=by_event, by_article=by == "article")
    keys = {"article": lambda item: (item["statute"], item["article"])}.get(by, lambda item: item[by])
    assert {keys(item): shown(item) for item in items} == {key: one for key, one in expected.items() if key is not None}
    if None in expected:
        assert shown(totals) == expected[None]
    assert {stage: persons[stage] for stage in oracle.STAGES} == oracle.funnel(facts)
    for system in ("mosvy", None):
        row = known.get(system or "nrm", dict.fromkeys(oracle.STAGES, 0))
        assert {stage: row[stage] for stage in oracle.STAGES} == oracle.funnel(facts, system)
