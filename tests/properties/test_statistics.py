"""The authoritative count agrees with the history in both clocks; later words change nothing known before."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.catalogue.identification import Corrected, Determined, Identified, Linked, Screened, Unlinked
from libs.events.consume import Fact
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from libs.events.handle import rfc3339
from libs.events.rows import columns_of, write
from projections.statistics.api import PROJECTION
from projections.statistics.queries import FOREVER, Scope, cells
from projections.statistics.view import apply

CASES = ("KH-AAAA-AAAA", "KH-BBBB-BBBB", "KH-CCCC-CCCC")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SEXES = ("female", "male", "unknown")


@dataclass(frozen=True, slots=True)
class Said:
    """An event of a case, and its two clocks."""

    event: Event
    happened: datetime
    recorded: datetime


def past_of(moves: Sequence[tuple[int, int, int, int]]) -> list[Said]:
    """Cases that open first, then moves of (case, kind, choice, days back), recorded an hour apart."""
    opened = [
        Said(
            Identified(
                case_id=case,
                reported_by="ngo",
                channel="hotline",
                sex="female",
                age_group="unknown",
                child=False,
                nationality="KH",
                continuum="A",
                exploitation=("forced_labour",),
                country="KH",
                province="KH-1",
            ),
            BEGIN - timedelta(days=100 + number),
            BEGIN + timedelta(minutes=number),
        )
        for number, case in enumerate(CASES)
    ]
    later = [
        Said(_move(CASES[case], kind, choice), BEGIN - timedelta(days=back), BEGIN + timedelta(hours=number))
        for number, (case, kind, choice, back) in enumerate(moves, 1)
    ]
    return opened + later


def _move(case: str, kind: int, choice: int) -> Event:
    other = next(one for one in CASES[choice % 2 :] + CASES if one != case)
    return (
        Corrected(case_id=case, sex=SEXES[choice]),
        Corrected(case_id=case, exploitation=("other", "servitude")[: choice + 1]),
        Determined(case_id=case, act=(), means=(), purpose=(), outcome="victim" if choice else "not_victim",
                   legal_basis=(), child=False),
        Screened(case_id=case, instrument="card", instrument_version=1, result="none", act=(), means=(), purpose=(),
                 initial_determination="presumed_victim" if choice else "not_presumed"),
        Linked(case_id=case, other_case_id=other),
        Unlinked(case_id=case, other_case_id=other),
    )[kind]  # fmt: skip


def facts(past: Sequence[Said]) -> list[Fact]:
    versions: Counter[str] = Counter()
    made = []
    for one in past:
        case = str(one.event.data()["case_id"])
        versions[case] += 1
        envelope = Envelope(
            id="i", type=one.event.wire, source="/services/identification", subject=case, time=rfc3339(one.recorded),
            occurredat=rfc3339(one.happened), stream=f"case:{case}", streamversion=versions[case], organisation="o",
            actor="a", role="r", correlationid="c", prevhash=GENESIS, data=one.event.data(),
        )  # fmt: skip
        made.append(Fact(one.event, envelope))
    return made


def by_hand(past: Sequence[Said], at: datetime | None, known_at: datetime | None) -> Counter[str]:
    """Persons by sex, as a reader of the history would count them: an event at a time, cut by both clocks."""
    sexes: dict[str, str] = {}
    pairs: dict[frozenset[str], bool] = {}
    for one in past:
        if (at and one.happened > at) or (known_at and one.recorded > known_at):
            continue
        match one.event:
            case Identified() as event:
                sexes[event.case_id] = event.sex
            case Corrected(sex=str(sex)) as event:
                sexes[event.case_id] = sex
            case Linked() | Unlinked() as event:
                pairs[frozenset((event.case_id, event.other_case_id))] = isinstance(event, Linked)
            case _:
                continue
    person = {case: case for case in CASES}
    for _ in CASES:
        for pair, linked in pairs.items():
            if linked:
                first = min(person[case] for case in pair)
                person |= dict.fromkeys(pair, first)
    shown: dict[str, str] = {}  # of a person's cases that are told by then, the first says the sex
    for case in sorted(sexes):
        shown.setdefault(person[case], sexes[case])
    return Counter(shown.values())


@pytest.fixture(scope="module")
async def view(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE SCHEMA statistics")
    await connection.execute("SET search_path TO statistics")
    await connection.execute(PROJECTION.tables)
    yield connection
    await connection.close()


MOVES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 2), st.integers(0, 120)), max_size=12)
AT = st.none() | st.integers(0, 130).map(lambda days: BEGIN - timedelta(days=days))
KNOWN = st.none() | st.integers(0, 13).map(lambda hours: BEGIN + timedelta(hours=hours, minutes=30))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, later=MOVES, at=AT, known_at=KNOWN)
async def test_the_count_is_the_historys_and_later_words_change_nothing_known_before(
    view: asyncpg.Connection, moves: list[tuple[int, int, int, int]], later: list[tuple[int, int, int, int]],
    at: datetime | None, known_at: datetime | None,
) -> None:  # fmt: skip
    past, whole = past_of(moves), past_of([*moves, *later])
    told = facts(whole)
    columns = await columns_of(view, "statistics")
    transaction = view.transaction()
    await transaction.start()
    try:
        await write(view, "statistics", columns, [change for fact in told[: len(past)] for change in apply(fact)])
        counted = await cells(view, ["sex"], "true", Scope(as_of=at or FOREVER, known_at=known_at or FOREVER))
        assert {key[0]: len(persons) for key, persons in counted.items()} == by_hand(past, at, known_at)
        end = max(one.recorded for one in past)
        then = Scope(as_of=at or FOREVER, known_at=known_at or end)
        before = await cells(view, ["status", "exploitation"], "true", then)
        await write(view, "statistics", columns, [change for fact in told[len(past) :] for change in apply(fact)])
        if known_at is None or known_at <= end:
            assert await cells(view, ["status", "exploitation"], "true", then) == before
    finally:
        await transaction.rollback()
