"""Rotating the master key: every person's key is wrapped anew, in batches; no event is touched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg
from cryptography.exceptions import InvalidTag

from libs.runtime.vault import unwrap, wrap

BATCH_KEYS = 500
_NEXT = "SELECT case_id, wrapped FROM vault.person_key WHERE wrapped IS NOT NULL AND case_id > $1 ORDER BY 1 LIMIT $2"
_SWAP = """
UPDATE vault.person_key old SET wrapped = new.wrapped
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS new (case_id, before, wrapped)
WHERE old.case_id = new.case_id AND old.wrapped = new.before
"""


@dataclass(slots=True)
class Rewrapped:
    """What a run found: keys wrapped anew, keys that were so already, and keys that no master key opens."""

    rewrapped: int = 0
    already: int = 0
    unreadable: int = 0


async def rewrap(
    database_url: str, target: bytes, masters: Sequence[bytes], tell: Callable[[Rewrapped], None] = lambda _: None
) -> Rewrapped:
    """Wrap every person's key by `target`. Safe to stop and run again; a key destroyed meanwhile stays destroyed."""
    done, after = Rewrapped(), ""
    connection = await asyncpg.connect(database_url)
    try:
        while rows := await connection.fetch(_NEXT, after, BATCH_KEYS):
            changed = [one for row in rows if (one := _again(row["case_id"], row["wrapped"], target, masters, done))]
            if changed:
                await connection.execute(_SWAP, *map(list, zip(*changed, strict=True)))
            after = rows[-1]["case_id"]
            tell(done)
    finally:
        await connection.close()
    return done


def _again(
    case_id: str, wrapped: bytes, target: bytes, masters: Sequence[bytes], done: Rewrapped
) -> tuple[str, bytes, bytes] | None:
    try:
        unwrap([target], case_id, wrapped)
    except InvalidTag:
        pass
    else:
        done.already += 1
        return None
    try:
        key = unwrap(masters, case_id, wrapped)
    except InvalidTag:
        done.unreadable += 1
        return None
    done.rewrapped += 1
    return case_id, wrapped, wrap(target, case_id, key)
