"""The short form of `make simulate`: no schedule breaks a promise, each planted mistake is found, a seed repeats."""

import pytest

from tests.simulation.__main__ import some
from tests.simulation.mutants import MUTANTS
from tests.simulation.schedule import run

SHORT = 2_000


@pytest.mark.timeout(600)
def test_no_schedule_breaks_a_promise() -> None:
    done = some(1, SHORT)
    assert done.failing == {}
    assert done.schedules == SHORT
    assert set(done.faults) == {"kill", "cut", "away", "clock", "copy", "early", "forged"}
    assert done.events > SHORT


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_planted_mistake_is_found(mutant: str) -> None:
    assert any(some(first, 100, mutant).failing for first in range(1, SHORT, 100))


def test_a_seed_is_a_schedule() -> None:
    first, again, other = run(7, traced=True), run(7, traced=True), run(8, traced=True)
    assert first.trace == again.trace
    assert first.trace != other.trace
