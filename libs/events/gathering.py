"""Look-ups that wait at the same moment share one query, as the appends of a group commit share one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from libs.events.store import Unavailable

K = TypeVar("K")
V = TypeVar("V")

LOOKUPS_MAX = 512
"""Look-ups in one query; more only lengthens the wait of the first."""


class Gathering(Generic[K, V]):
    """Asks for many keys at once. A key's answer is never older than the call that asks for it."""

    def __init__(self, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._fetch = fetch
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What stands under the key. Raises what the query raises."""
        found: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, found))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await found

    async def _ask(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LOOKUPS_MAX], self._waiting[LOOKUPS_MAX:]
                await self._answer([one for one in batch if not one[1].done()])
        finally:
            self._asking = None

    async def _answer(self, batch: Sequence[tuple[K, asyncio.Future[V | None]]]) -> None:
        """Ask for all of them; where that is refused for what one of them is, for each alone."""
        if not batch:
            return
        try:
            values = await self._fetch(list(dict.fromkeys(key for key, _ in batch)))
        except Exception as fault:  # noqa: BLE001 - whatever it is, those who asked are told
            if len(batch) > 1 and not isinstance(fault, Unavailable):
                for one in batch:
                    await self._answer([one])
            else:
                _tell(batch, fault)
        else:
            for key, found in batch:
                if not found.done():  # else who asked has gone away
                    found.set_result(values.get(key))


def _tell(batch: Sequence[tuple[K, asyncio.Future[V | None]]], fault: Exception) -> None:
    for _, found in batch:
        if not found.done():
            found.set_exception(fault)
