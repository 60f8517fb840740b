"""What may become of a file and of its rows: a file ends once, a row is taken in once and again only if it changed."""

from libs.events.catalogue.imports import ImportFinished, SourceRecorded
from libs.events.decider import Decider, Refused
from services.identification.imports.commands import ImportCommand, StartImport, TakeIn
from services.identification.imports.state import (
    Import,
    ImportEvent,
    SourceEvent,
    SourceRow,
    import_after,
    row_after,
)  # fmt: skip


def decide_import(command: ImportCommand, state: Import) -> tuple[ImportEvent, ...]:
    """A file is handed in once, and ends once."""
    if isinstance(command, StartImport):
        if state.started:
            raise Refused("already-so", "this import has begun")
        return (command.started,)
    return () if state.finished else (ImportFinished(import_id=command.import_id, **command.counts),)


def take_in(command: TakeIn, state: SourceRow) -> tuple[SourceEvent, ...]:
    """A row that says what it said before is known already; a row never moves to another person's case."""
    fact, latest = command.fact, state.latest
    if latest is None:
        return (fact,)
    if latest.row_hash == fact.row_hash:
        raise Refused("row-known", "this row was taken in before")
    if isinstance(latest, SourceRecorded) != isinstance(fact, SourceRecorded) or (
        isinstance(latest, SourceRecorded) and isinstance(fact, SourceRecorded) and latest.case_id != fact.case_id
    ):
        raise Refused("row-of-another-case", "this row was taken in for another case")
    return (fact,)


IMPORTS: Decider[ImportCommand, Import, ImportEvent] = Decider(Import(), decide_import, import_after)
SOURCES: Decider[TakeIn, SourceRow, SourceEvent] = Decider(SourceRow(), take_in, row_after)
