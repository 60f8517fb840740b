"""Types of the projection side: what a projection is, and the row changes that it asks for. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from libs.events.envelope import Envelope
from libs.events.event import JSON, Event


@dataclass(frozen=True, slots=True)
class Put:
    """Set these columns of the row with this key, creating it where it is not there; other columns stay."""

    table: str
    key: Mapping[str, JSON]
    values: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Add:
    """Add these integers to the row's columns, creating it where it is not there."""

    table: str
    key: Mapping[str, JSON]
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove the row with this key."""

    table: str
    key: Mapping[str, JSON]


Change: TypeAlias = Put | Add | Drop


@dataclass(frozen=True, slots=True)
class Fact:
    """One event as a projection sees it: the decoded event and its envelope."""

    event: Event
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Projection:
    """A question's answer as rows. `apply` is pure; events of one stream reach it in order and once.

    Events of different streams may come in any order, so changes to one row from different streams must not
    depend on which came first: each stream puts its own columns, or adds.
    """

    name: str
    apply: Callable[[Fact], Sequence[Change]]
    tables: str
    """SQL that creates the tables in the current schema (no IF NOT EXISTS; it runs in a new, empty schema).

    A column outside the key is nullable or has a default: a change may create the row without it. The default of a
    column that is added to is 0 or null.
    """
    wants: frozenset[str] | None = None
    """Wire names that `apply` looks at; None is all. Others only advance the progress."""
