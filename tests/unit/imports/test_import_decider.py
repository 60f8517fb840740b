"""A file begins and ends once; a row is taken in once, again only when it says something else, never elsewhere."""

from datetime import date

from libs.events.catalogue.imports import AgencyReported, ImportFinished, ImportStarted, SourceRecorded
from libs.events.testing import given
from services.identification.imports.commands import FinishImport, StartImport, TakeIn
from services.identification.imports.decider import IMPORTS, SOURCES

STARTED = ImportStarted(
    import_id="i1", system="mosvy", mapping_version=1, file_hash="a" * 64, rows=2, dry_run=False
)  # fmt: skip
COUNTS = {"recorded": 1, "duplicate": 0, "refused": 1, "needs_review": 0}
FINISHED = ImportFinished(import_id="i1", **COUNTS)
ROW = SourceRecorded(
    case_id="KH-0000-0000", import_id="i1", system="mosvy", mapping_version=1, file_hash="a" * 64, sheet=1, row=4,
    row_hash="b" * 64, met_on=date(2011, 5, 2), age_group="18-20", sex="female",
)  # fmt: skip
AGENCY = AgencyReported(
    import_id="i1", system="molvt", mapping_version=1, file_hash="a" * 64, sheet=1, row=4, row_hash="b" * 64,
    licence="L-1", agency="An agency", country="TH", year=2010, women=3, men=4,
)  # fmt: skip


def test_a_file_begins_once_and_ends_once() -> None:
    given(IMPORTS).when(StartImport(STARTED)).then(STARTED)
    given(IMPORTS, STARTED).when(StartImport(STARTED)).then_refused("already-so")
    given(IMPORTS, STARTED).when(FinishImport("i1", COUNTS)).then(FINISHED)
    given(IMPORTS, STARTED, FINISHED).when(FinishImport("i1", COUNTS)).then()


def test_a_row_is_taken_in_once() -> None:
    given(SOURCES).when(TakeIn(ROW)).then(ROW)
    given(SOURCES, ROW).when(TakeIn(ROW)).then_refused("row-known")


def test_a_row_that_says_something_else_is_taken_in_again() -> None:
    newer = ROW.model_copy(update={"row_hash": "c" * 64, "sex": "male"})
    given(SOURCES, ROW).when(TakeIn(newer)).then(newer)
    counted = AGENCY.model_copy(update={"row_hash": "c" * 64, "women": 9})
    given(SOURCES, AGENCY).when(TakeIn(counted)).then(counted)


def test_a_row_never_moves_to_another_case() -> None:
    moved = ROW.model_copy(update={"row_hash": "c" * 64, "case_id": "KH-1111-1111"})
    given(SOURCES, ROW).when(TakeIn(moved)).then_refused("row-of-another-case")
    given(SOURCES, ROW).when(TakeIn(AGENCY.model_copy(update={"row_hash": "c" * 64}))).then_refused(
        "row-of-another-case"
    )


def test_a_row_that_was_first_another_way_is_told_from_this_one() -> None:
    """Two processes that take the same new row in at once: the second is refused, and reports a duplicate."""
    given(SOURCES, ROW).when(TakeIn(ROW.model_copy(update={"case_id": "KH-1111-1111"}))).then_refused("row-known")
