"""What can be asked of an event that a desk sent, and of its batch. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.repatriation import HeldOutcome, InboxEventHeld


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep an event that came early."""

    held: InboxEventHeld


@dataclass(frozen=True, slots=True)
class Settle:
    """Say what became of an event that waited."""

    outcome: HeldOutcome
    rule: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseBatch:
    """Count what became of a batch of a desk."""

    organisation: str
    batch: str
    counts: Mapping[str, int]
    """How many were `accepted`, `duplicate`, `waiting`, `refused`."""


HeldCommand: TypeAlias = Hold | Settle
