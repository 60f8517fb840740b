"""The route of possible duplicates: who else in the register may be this person, and why."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from libs.events.event import JSON
from libs.matching.scoring import Contribution
from libs.matching.weights import Weights
from libs.runtime.edge import Reader, case_of, reading, resource_response
from libs.runtime.keys import master_keys
from libs.runtime.problems import Problem
from services.identification.decider import DECIDER
from services.identification.duplicates.index import WEIGHTS, profile
from services.identification.duplicates.search import Found, NotReady, index_as_it_stands, search

router = APIRouter(tags=["identification"])
LIMIT_DEFAULT, LIMIT_MAX = 20, 100


@router.get("/v1/cases/{case}/possible-duplicates")
async def possible_duplicates(
    case: str,
    reader: Annotated[Reader, Depends(reading("case.duplicates"))],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> Response:
    """Cases that may be the same person, likeliest first, each with what speaks for and against it.

    Only among the cases that the caller may see. `complete` is false while the newest cases are still being indexed.
    A person decides: link them with `POST /v1/cases/{case}/links`.
    """
    case_id = case_of(case)
    loaded = await reader.load(DECIDER, f"case:{case_id}", "case")
    reader.require_own(loaded.state.identified.reported_by)
    edge = reader.edge
    try:
        index = await index_as_it_stands(
            edge.pool, await asyncio.to_thread(master_keys, edge.settings), WEIGHTS
        )  # fmt: skip
    except NotReady as fault:
        raise Problem(503, "not-yet-known", fault.detail, retry_after_s=2) from None
    subject = None if loaded.state.shredded else await profile(edge, case_id)
    if subject is None:
        raise Problem(410, "person-shredded", "the person's key is destroyed: nothing is left to compare")
    within = reader.caller.organisation if reader.scope == "own" else None
    found = await search(
        edge.pool, edge.vault, index.key, WEIGHTS, subject.person, besides=case_id, within=within
    )  # fmt: skip
    linked = loaded.state.linked
    return resource_response(
        loaded.version,
        {
            "case_id": case_id,
            "items": [_item(one, WEIGHTS, linked=one.case_id in linked) for one in found[:limit]],
            "complete": index.complete,
            "weights_version": WEIGHTS.version,
            "next": None,
        },
    )


def _item(found: Found, weights: Weights, *, linked: bool) -> dict[str, JSON]:
    return {
        "case_id": found.case_id,
        "verdict": found.match.verdict,
        "score": found.match.points,
        "likely_from": weights.likely,
        "linked": linked,
        "because": [_because(part, weights) for part in found.match.because],
    }


def _because(part: Contribution, weights: Weights) -> dict[str, JSON]:
    return {
        "feature": part.feature,
        "title": dict(weights.titles.get(part.feature, {})),
        "agreement": part.agreement,
        "points": part.points,
    }
