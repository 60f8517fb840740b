"""What hiding costs is bounded, and paid beside the event loop."""

import threading

import pytest

from libs.runtime.problems import Problem
from projections.statistics.forms.asked import FIGURES_MAX, weighed


async def test_hiding_is_computed_beside_the_event_loop() -> None:
    assert await weighed(FIGURES_MAX, 10, threading.get_ident) != threading.get_ident()


async def test_a_table_that_is_too_large_is_refused_to_those_from_whom_something_is_hidden() -> None:
    with pytest.raises(Problem) as refused:
        await weighed(FIGURES_MAX + 1, 10, dict)
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, "/group_by")
    assert await weighed(FIGURES_MAX + 1, 0, dict) == {}
