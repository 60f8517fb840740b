"""The mappings, checked at start, and what a file is by one of them. Nothing here waits for anybody."""

from dataclasses import dataclass
from datetime import date

from libs.events.decider import Refused
from libs.rules.mappings import SystemMap, load_mappings
from libs.tables.grid import Unreadable
from libs.tables.layout import NoTable, Table, table_of
from libs.tables.read import read_grids
from services.identification.imports.draft import Draft, drafts_of

MAPPINGS = load_mappings()


@dataclass(frozen=True, slots=True)
class File:
    """A file as its mapping reads it."""

    table: Table
    drafts: list[Draft]


def read_file(raw: bytes, mapping: SystemMap, today: date) -> File:
    """The rows of a file and what each would record. Raises Refused where it is no such file."""
    try:
        table = table_of(read_grids(raw), mapping.headings, mapping.header_rows_max, mapping.ends)
    except Unreadable as fault:
        raise Refused(fault.rule, fault.detail, status=422, pointer="/file") from None
    except NoTable as fault:
        missing = ", ".join(sorted(fault.missing)) or "every heading"
        detail = f"no sheet has the headings of {mapping.id}: {missing} not found; see GET /v1/import-systems"
        raise Refused("headings-missing", detail, status=422, pointer="/file") from None
    return File(table, drafts_of(table, mapping, today))
