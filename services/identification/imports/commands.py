"""What can be asked of another system's file, and of one row of it. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.imports import AgencyReported, ImportStarted, SourceRecorded


@dataclass(frozen=True, slots=True)
class StartImport:
    """A file was handed in."""

    started: ImportStarted


@dataclass(frozen=True, slots=True)
class FinishImport:
    """Every row was looked at."""

    import_id: str
    counts: Mapping[str, int]
    """How many are `recorded`, `duplicate`, `refused`, `needs_review`."""


@dataclass(frozen=True, slots=True)
class TakeIn:
    """Keep that a row is about a case (or counts an agency's workers), and what it says now."""

    fact: SourceRecorded | AgencyReported


ImportCommand: TypeAlias = StartImport | FinishImport
