"""Given–when–then for deciders: whole events compared, no IO, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from libs.events.decider import Decider, Refused
from libs.events.event import Event

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class When(Generic[S]):
    """What a command led to: events, or a refusal."""

    state: S
    events: Sequence[Event]
    refused: Refused | None

    def then(self, *expected: Event) -> None:
        """Exactly these events followed."""
        assert self.refused is None, f"refused: {self.refused.rule}" if self.refused else ""
        assert tuple(self.events) == expected

    def then_refused(self, rule: str) -> None:
        """The command was refused by this rule, and nothing followed."""
        assert self.refused is not None, f"events: {self.events}"
        assert self.refused.rule == rule


@dataclass(frozen=True, slots=True)
class Given(Generic[C, S, E]):
    """A stream's past."""

    decider: Decider[C, S, E]
    past: Sequence[E]

    def and_then(self, *events: E) -> Self:
        """The same past with more events."""
        return type(self)(self.decider, (*self.past, *events))

    def when(self, command: C) -> When[S]:
        """What the command leads to."""
        state = self.decider.fold(self.past)
        try:
            events = self.decider.decide(command, state)
        except Refused as refused:
            return When(state, (), refused)
        return When(self.decider.fold(events, state), events, None)


def given(decider: Decider[Any, Any, Any], *past: Event) -> Given[Any, Any, Any]:
    """A decider's stream after some events."""
    return Given(decider, past)
