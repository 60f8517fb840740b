"""What a file is: started, finished; and what a row of another system was last taken in as."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from libs.events.catalogue.imports import AgencyReported, ImportFinished, ImportStarted, SourceRecorded

ImportEvent: TypeAlias = ImportStarted | ImportFinished
SourceEvent: TypeAlias = SourceRecorded | AgencyReported


@dataclass(frozen=True, slots=True)
class Import:
    """A file that was handed in."""

    started: ImportStarted | None = None
    finished: ImportFinished | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of another system, known by its identity there."""

    latest: SourceEvent | None = None


def import_after(state: Import, event: ImportEvent) -> Import:
    """The file after an event."""
    return Import(event) if isinstance(event, ImportStarted) else replace(state, finished=event)


def row_after(_: SourceRow, event: SourceEvent) -> SourceRow:
    """The row as it stands now; what it said before stays in its history."""
    return SourceRow(event)
