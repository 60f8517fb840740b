"""The route of the HTCDS export: cases for partners who are entitled to them, as JSON or CSV."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response

from libs.events.event import JSON
from libs.runtime.edge import Reader, reading
from libs.runtime.pages import Paged, cursor_of
from projections.statistics.forms.asked import AS_CSV, Format, as_csv, csv_of, scoped
from projections.statistics.htcds.profile import PROFILE, SCHEMA, profile
from projections.statistics.queries import Scope, persons

router = APIRouter(tags=["statistics"])


@router.get("/v1/statistics/htcds", responses=AS_CSV)
async def export(
    request: Request,
    reader: Annotated[Reader, Depends(reading("statistics.export"))],
    scope: Annotated[Scope, Depends(scoped)],
    asked: Paged,
    format: Format = None,  # noqa: A002 - the contract's name
) -> Response:
    """Cases in the profile that `/v1/statistics/htcds/schema` describes; names and birth dates are not among them."""
    rows = await reader.desk.pool.fetch(
        f"{persons(scope)} SELECT * FROM asked WHERE case_id > $5 ORDER BY case_id LIMIT $6",
        *scope.parameters, asked.after, asked.limit + 1,
    )  # fmt: skip
    items = [profile(dict(row)) for row in rows[: asked.limit]]
    following = cursor_of(str(items[-1]["nrm_case_id"])) if len(rows) > asked.limit else None
    if as_csv(request, format):
        answer = csv_of(list(SCHEMA["properties"]), [_flat(one) for one in items])
        answer.headers["X-Next-Cursor"] = following or ""
        return answer
    return Response(
        orjson.dumps({"profile": PROFILE, "items": items, "next": following}), media_type="application/json"
    )


@router.get("/v1/statistics/htcds/schema", responses={200: {"content": {"application/schema+json": {}}}})
async def schema(_: Annotated[Reader, Depends(reading("statistics.read"))]) -> Response:
    """The JSON Schema of one exported case."""
    return Response(orjson.dumps(SCHEMA), media_type="application/schema+json")


def _flat(item: dict[str, JSON]) -> dict[str, JSON]:
    """Several values in one field of a CSV line, parted by semicolons as HTCDS does for multi-picklists."""
    return {name: ";".join(value) if isinstance(value, list) else value for name, value in item.items()}
