"""Load, decide, append: lost races are run again, what is remembered never refuses wrongly, time never goes back."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from libs.events.catalogue.referral import RegistrationDecided
from libs.events.decider import Decider, Refused
from libs.events.envelope import GENESIS, Tampered
from libs.events.handle import ATTEMPTS_MAX, Moved, Origin, Outcome, Recorder, Step, rfc3339
from libs.events.store import Answer, Append, Conflict, KeyReused
from libs.events.store_memory import MemoryStore
from tests.contracts.kit import append, entry

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ORIGIN = Origin("mosvy", "officer-7", "social_affairs", "correlation", NOON)


def _decide(command: str, state: tuple[str, ...]) -> Sequence[RegistrationDecided]:
    """`once X` refuses a repetition, `ensure X` does nothing where X holds, `X` always records."""
    verb, _, grounds = command.rpartition(" ")
    if verb == "once" and grounds in state:
        raise Refused("said-before", "it was said before")
    if verb == "after-a" and "a" not in state:
        raise Refused("not-yet", "a comes first")
    if verb == "ensure" and state[-1:] == (grounds,):
        return ()
    return (RegistrationDecided(provider_id="p", decision="approve", grounds=grounds),)


DECIDER: Decider[str, tuple[str, ...], Any] = Decider((), _decide, lambda state, event: (*state, event.grounds))


class Sealer:
    async def seal(self, case_id: str, personal: Mapping[str, Any]) -> str:
        return f"{case_id}:{sorted(personal)}"


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Racing(MemoryStore):
    """A store in which another writer is faster, so many times."""

    times: int = 0
    tries: int = 0
    seen: list[Append] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def append(self, append: Append) -> None:
        self.tries += 1
        if self.times:
            self.times -= 1
            raise Conflict(append.entries[0].envelope.stream)
        await super().append(append)


def _recorder(store: MemoryStore, clock: Clock | None = None) -> Recorder:
    numbers = count(1)
    return Recorder(store, "referral", Sealer(), clock or Clock(), lambda: str(UUID(int=next(numbers))))


def _step(command: str, stream: str = "provider:p", expected: int | None = None) -> Step:
    return Step(DECIDER, stream, command, expected)


async def _record(recorder: Recorder, *steps: Step | str, **more: Any) -> Outcome:
    return await recorder.record([_step(one) if isinstance(one, str) else one for one in steps], ORIGIN, **more)


def _keep(key: str) -> Any:
    return lambda outcome: Answer("mosvy", key, b"r", 201, str(outcome.version).encode(), "/v1", outcome.version)


async def test_events_are_chained_and_say_who_recorded_them() -> None:
    store = MemoryStore()
    recorder = _recorder(store)
    outcome = await _record(recorder, "a")
    await _record(recorder, "b")
    first, second = await store.read("provider:p")
    assert (outcome.version, outcome.state, outcome.stream) == (1, ("a",), "provider:p")
    assert (first.streamversion, first.prevhash, second.streamversion, second.prevhash) == (1, GENESIS, 2, first.hash)
    assert (first.organisation, first.actor, first.role, first.source) == (
        "mosvy", "officer-7", "social_affairs", "/services/referral",
    )  # fmt: skip
    assert (first.subject, first.time, first.occurredat) == ("p", rfc3339(NOON), rfc3339(NOON))


async def test_a_lost_race_is_run_again() -> None:
    store = Racing(times=ATTEMPTS_MAX - 1)
    assert (await _record(_recorder(store), "a")).version == 1
    assert store.tries == ATTEMPTS_MAX


async def test_a_race_lost_time_and_again_is_told() -> None:
    store = Racing(times=ATTEMPTS_MAX)
    with pytest.raises(Conflict):
        await _record(_recorder(store), "a")
    assert store.tries == ATTEMPTS_MAX


async def test_two_processes_share_a_stream() -> None:
    store = MemoryStore()
    one, other = _recorder(store), _recorder(store)
    await asyncio.gather(*(_record(process, f"{n}") for n in range(20) for process in (one, other)))
    assert [envelope.streamversion for envelope in await store.read("provider:p")] == list(range(1, 41))


async def test_tasks_of_one_process_do_not_even_conflict() -> None:
    store = Racing()
    recorder = _recorder(store)
    await asyncio.gather(*(_record(recorder, f"{n}") for n in range(64)))
    assert store.tries == 64
    assert len(store.streams["provider:p"]) == 64


async def test_what_is_remembered_never_refuses_wrongly() -> None:
    store = MemoryStore()
    stale, other = _recorder(store), _recorder(store)
    await _record(stale, "x")
    await _record(other, "a")
    assert (await _record(stale, "after-a b")).state == ("x", "a", "b")


async def test_what_is_remembered_refuses_rightly() -> None:
    recorder = _recorder(MemoryStore())
    await _record(recorder, "a")
    with pytest.raises(Refused, match="said-before"):
        await _record(recorder, "once a")


async def test_what_is_remembered_never_says_that_nothing_is_to_be_done() -> None:
    store = MemoryStore()
    stale, other = _recorder(store), _recorder(store)
    await _record(stale, "open")
    await _record(other, "closed")
    outcome = await _record(stale, "ensure open")
    assert (outcome.version, outcome.state) == (3, ("open", "closed", "open"))


async def test_nothing_to_be_done_answers_with_the_version_that_holds() -> None:
    recorder = _recorder(MemoryStore())
    await _record(recorder, "open")
    outcome = await _record(recorder, "ensure open")
    assert (outcome.version, list(outcome.entries)) == (1, [])


async def test_the_callers_version_is_compared_with_the_stored_one() -> None:
    store = MemoryStore()
    stale, other = _recorder(store), _recorder(store)
    await _record(stale, "a")
    await _record(other, "b")
    with pytest.raises(Moved) as moved:
        await _record(stale, _step("c", expected=1))
    assert moved.value.status == 412
    assert (await _record(stale, _step("c", expected=2))).version == 3
    await _record(other, "d")
    assert (await _record(stale, _step("e", expected=4))).version == 5
    with pytest.raises(Moved):
        await _record(stale, _step("ensure e", expected=4))


async def test_several_steps_of_one_stream_see_each_other() -> None:
    outcome = await _record(_recorder(MemoryStore()), "a", "after-a b")
    assert (outcome.version, outcome.state) == (2, ("a", "b"))


async def test_a_refusal_of_a_later_step_is_a_refusal_of_all() -> None:
    store = MemoryStore()
    recorder = _recorder(store)
    await _record(recorder, "x")
    with pytest.raises(Refused, match="said-before"):
        await _record(recorder, "a", "once a")
    assert len(store.streams["provider:p"]) == 1


async def test_several_streams_are_recorded_together_or_not_at_all() -> None:
    store = MemoryStore()
    recorder = _recorder(store)
    await _record(recorder, _step("a", "provider:1"), _step("a", "provider:2"))
    with pytest.raises(Refused):
        await _record(recorder, _step("b", "provider:1"), _step("once a", "provider:2"))
    assert [len(store.streams[name]) for name in ("provider:1", "provider:2")] == [1, 1]


async def test_crossing_streams_do_not_wait_for_each_other_for_ever() -> None:
    recorder = _recorder(MemoryStore())
    one, two = _step("a", "provider:1"), _step("a", "provider:2")
    async with asyncio.timeout(5):
        await asyncio.gather(*(_record(recorder, *pair) for pair in [(one, two), (two, one)] * 20))


async def test_a_key_is_used_once_and_its_first_answer_is_told() -> None:
    store = MemoryStore()
    recorder = _recorder(store)
    await _record(recorder, "a", answer=_keep("k"))
    with pytest.raises(KeyReused) as reused:
        await _record(recorder, "b", answer=_keep("k"))
    assert reused.value.answer.body == b"1"
    assert len(store.streams["provider:p"]) == 1
    assert await store.answer("mosvy", "k") == reused.value.answer
    assert await store.answer("other", "k") is None


async def test_the_first_answer_wins_a_race_of_the_same_key() -> None:
    store = MemoryStore()
    recorders = [_recorder(store) for _ in range(8)]
    done = await asyncio.gather(
        *(_record(recorder, "a", answer=_keep("k")) for recorder in recorders), return_exceptions=True
    )
    assert sum(isinstance(one, Outcome) for one in done) == 1
    assert sum(isinstance(one, KeyReused) for one in done) == 7
    assert len(store.streams["provider:p"]) == 1


async def test_time_never_goes_back_within_a_stream() -> None:
    store, clock = MemoryStore(), Clock()
    recorder = _recorder(store, clock)
    for step in (0, -600, 0, 0, -3600, 5):
        clock.now += timedelta(seconds=step)
        await _record(recorder, "a", "b")
    times = [envelope.time for envelope in await store.read("provider:p")]
    assert times == sorted(set(times))
    assert times[0] == rfc3339(NOON)


async def test_times_are_utc_whatever_the_caller_says() -> None:
    phnom_penh = timezone(timedelta(hours=7))
    assert rfc3339(datetime(2026, 1, 1, 3, tzinfo=phnom_penh)) == "2025-12-31T20:00:00.000000Z"
    assert rfc3339(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00.000000Z"


async def test_an_event_that_is_too_large_is_refused() -> None:
    with pytest.raises(Refused, match="event-too-large"):
        await _record(_recorder(MemoryStore()), "x" * 70_000)


async def test_the_memory_store_refuses_what_the_real_one_refuses() -> None:
    one = entry("provider:p")
    with pytest.raises(Tampered):
        await MemoryStore().append(append(type(one)(one.envelope, one.body + b" ")))
