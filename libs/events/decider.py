"""The core that every aggregate uses: `decide` says what a command causes, `evolve` what an event changes. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from libs.events.event import Event

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=Event)


class Refused(Exception):
    """A rule said no. `rule` is stable (the problem type's name); never retried, never logged as an error."""

    def __init__(self, rule: str, detail: str, *, status: int = 409, pointer: str | None = None) -> None:
        super().__init__(rule)
        self.rule = rule
        self.detail = detail
        self.status = status
        self.pointer = pointer


class NotYetKnown(Refused):
    """Another service's fact has not arrived yet; the same request may succeed a moment later."""

    def __init__(self, what: str) -> None:
        super().__init__("not-yet-known", f"{what} is not known here yet; retry with the same Idempotency-Key")


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S, E]):
    """One aggregate's rules. `initial` is the state before the first event."""

    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]

    def fold(self, events: Iterable[E], state: S | None = None) -> S:
        """The state after the events, from `state` or from the beginning."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current
