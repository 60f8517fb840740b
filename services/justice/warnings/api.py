"""`GET /v1/warnings`: everything in justice that somebody should look at again, each with its reason."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Depends, Response

from libs.events.event import JSON
from libs.runtime.edge import Reader, case_of, reading, resource_response
from libs.runtime.ids import now
from libs.runtime.pages import Paged, bad_cursor, page_of
from services.justice.api import CaseFilter
from services.justice.rulebook import COURT_CASES, listed
from services.justice.warnings.rulebook import REPORTS, VICTIM_CHARGES, of_report, of_victim_charge

router = APIRouter(tags=["justice"])
Warned = Annotated[Reader, Depends(reading("court_case.read"))]
Item: TypeAlias = dict[str, JSON]
Code = Literal[
    "charge-fit",
    "other-article-stands",
    "conviction-without-compensation",
    "conviction-without-sentence",
    "broken-chain-of-custody",
    "no-movement",
    "non-prosecution",
]
ROWS = 200
"""Subjects that are read at once while warnings are looked for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of subject: its id's name, the query of its rows, and what a row warns of."""

    key: str
    sql: str
    warned: Callable[[Mapping[str, JSON]], Iterator[Item]]
    filters: tuple[object, ...] = ()
    """The query's parameters between the case and the moment."""


def _of_court_case(row: Mapping[str, JSON]) -> Iterator[Item]:
    item = listed(row)
    about = {name: item[name] for name in ("court_case_id", "case_ids", "court")}
    yield from ({**one, **about, "since": item["moved_at"]} for one in item["warnings"])


KINDS = (
    Kind("court_case_id", COURT_CASES, _of_court_case, (None, None, None, None)),
    Kind("report_id", REPORTS, of_report),
    Kind("victim_charge_id", VICTIM_CHARGES, of_victim_charge),
)


@router.get("/v1/warnings")
async def list_warnings(reader: Warned, asked: Paged, code: Code | None = None, case_id: CaseFilter = None) -> Response:
    """Warnings of court cases, reports and charges against victims, each with its reason; a moment behind the writes.

    Nothing here stops anything: a person looks again.
    """
    found: list[Item] = []
    async for item in _warnings(reader.desk.pool, asked.after, case_of(case_id) if case_id else None, code):
        if item["warning_id"] > asked.after:
            found.append(item)
        if len(found) > asked.limit:
            break
    return page_of(found, "warning_id", asked)


@router.get("/v1/warnings/totals")
async def count_warnings(reader: Warned) -> Response:
    """How many warnings there are of each code; an alert for non-prosecution counts until it is resolved."""
    counted = Counter([item["code"] async for item in _warnings(reader.desk.pool, "", None, None)])
    return resource_response(1, {"totals": dict(sorted(counted.items())), "warnings": counted.total()})


async def _warnings(pool: asyncpg.Pool, after: str, case_id: str | None, code: str | None) -> AsyncIterator[Item]:
    """The warnings in the order of their ids, from the subject of `after` on."""
    first, subject = _place(after)
    for number, kind in enumerate(KINDS[first:], first):
        since = subject if number == first else ""
        while True:
            rows = await pool.fetch(kind.sql, since, ROWS, case_id, *kind.filters, now())
            for row in rows:
                item = orjson.loads(row["item"])
                since = item[kind.key]
                for place, warning in enumerate(kind.warned(item)):
                    if code in {None, warning["code"]}:
                        yield {"warning_id": f"{number}/{since}/{place:04}", **warning}
            if len(rows) < ROWS:
                break


def _place(after: str) -> tuple[int, str]:
    """The kind to go on with, and the id after which: the cursor's own subject may have more. Raises 400."""
    if not after:
        return 0, ""
    kind, _, rest = after.partition("/")
    try:
        return min(int(kind), len(KINDS)), str(UUID(int=UUID(rest.partition("/")[0]).int - 1))
    except ValueError:
        raise bad_cursor() from None
