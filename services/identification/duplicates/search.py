"""Who else in the register may be a person: candidates by shared tokens, opened, compared and explained."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from libs.events.decider import Refused
from libs.matching.blocking import name_token, searched
from libs.matching.person import Person, read_back
from libs.matching.scoring import Match, match
from libs.matching.weights import Weights
from libs.runtime.keys import match_key
from libs.runtime.vault import Vault
from services.identification.duplicates.index import form_of

CANDIDATES_MAX = 100
"""Those that share most tokens are compared. Comparing one takes about as long as reading one."""

_CANDIDATES = """
WITH shared AS (
    SELECT case_id, count(*) AS tokens FROM identification.match_token
    WHERE token = ANY($1) AND case_id <> $2 GROUP BY case_id
)
SELECT p.case_id, p.sealed FROM shared JOIN identification.match_person p USING (case_id)
WHERE $3::text IS NULL OR p.reported_by = $3
ORDER BY shared.tokens DESC, p.case_id LIMIT $4
"""
_SHARING = "SELECT count(*) FROM identification.match_token WHERE token = $1"
_STANDS = """
SELECT p.form, p.position >= coalesce((SELECT max(position) FROM identification.log), 0) AS complete
FROM identification.match_progress p
"""


class NotReady(Refused):
    """The index is being made, or made anew under another key."""

    def __init__(self) -> None:
        super().__init__("not-yet-known", "the index of persons is being made; ask again in a moment", status=503)


@dataclass(frozen=True, slots=True)
class Found:
    """A case that may be the same person, with the explained score."""

    case_id: str
    match: Match


@dataclass(frozen=True, slots=True)
class Index:
    """The index as it stands: the key of its tokens, and whether it has seen every event that has a position."""

    key: bytes
    complete: bool


async def index_as_it_stands(pool: asyncpg.Pool, masters: Sequence[bytes], weights: Weights) -> Index:
    """Where the index stands. Raises NotReady where no key that this process has made it."""
    row = await pool.fetchrow(_STANDS)
    for key in map(match_key, masters):
        if row and row["form"] == form_of(key, weights):
            return Index(key, row["complete"])
    raise NotReady


async def search(
    pool: asyncpg.Pool, vault: Vault, key: bytes, weights: Weights, person: Person, *, besides: str, within: str | None
) -> list[Found]:
    """The cases besides one that may be this person, best first; `within` limits them to one organisation's."""
    rows = await pool.fetch(_CANDIDATES, searched(person, key), besides, within, CANDIDATES_MAX)
    opened = await vault.open_each({row["case_id"]: row["sealed"] for row in rows})
    token = name_token(person, key)
    sharing = await pool.fetchval(_SHARING, token) if token is not None else 0
    found = [
        Found(case_id, match(person, read_back(stored["person"]), weights, sharing=sharing))
        for case_id, stored in opened.items()
    ]
    return sorted(
        (one for one in found if one.match.verdict != "unlikely"), key=lambda one: (-one.match.points, one.case_id)
    )
