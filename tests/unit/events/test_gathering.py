"""Look-ups that wait together share a query; none is told what another's key, fault or departure is to blame for."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from libs.events.gathering import Gathering
from libs.events.store import Unavailable


class Asked:
    """Answers a key with its upper case; refuses `bad`; is away for good where told so. Remembers every query."""

    def __init__(self, *, away: bool = False) -> None:
        self.queries: list[list[str]] = []
        self._away = away

    async def __call__(self, keys: Sequence[str]) -> Mapping[str, str]:
        """The upper case of each key that is not `none`."""
        self.queries.append(list(keys))
        await asyncio.sleep(0)
        if self._away:
            raise Unavailable("away")
        if "bad" in keys:
            raise ValueError("bad")
        return {key: key.upper() for key in keys if key != "none"}


async def test_what_waits_together_is_asked_together_and_once() -> None:
    asked = Asked()
    lookups = Gathering(asked)
    assert await asyncio.gather(*map(lookups.get, ["a", "b", "a", "none"])) == ["A", "B", "A", None]
    assert asked.queries == [["a", "b", "none"]]


async def test_a_key_asked_while_a_query_runs_is_not_answered_from_it() -> None:
    asked = Asked()
    lookups = Gathering(asked)
    first = asyncio.create_task(lookups.get("a"))
    while not asked.queries:
        await asyncio.sleep(0)
    assert await lookups.get("a") == "A"
    assert await first == "A"
    assert asked.queries == [["a"], ["a"]]


async def test_only_the_key_that_is_refused_is_told_so() -> None:
    lookups = Gathering(Asked())
    good, bad, other = await asyncio.gather(*map(lookups.get, ["a", "bad", "b"]), return_exceptions=True)
    assert (good, other) == ("A", "B")
    assert isinstance(bad, ValueError)


async def test_everybody_is_told_that_the_store_is_away_after_one_query() -> None:
    asked = Asked(away=True)
    told = await asyncio.gather(*map(Gathering(asked).get, ["a", "b"]), return_exceptions=True)
    assert [type(one) for one in told] == [Unavailable, Unavailable]
    assert asked.queries == [["a", "b"]]


async def test_who_goes_away_holds_up_nobody() -> None:
    lookups = Gathering(Asked())
    gone = asyncio.create_task(lookups.get("a"))
    stays = asyncio.create_task(lookups.get("b"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "B"
    with pytest.raises(asyncio.CancelledError):
        await gone
