"""A look at a published event that does not read what it says: enough to know it and to keep its stream's chain.

A projection passes most events by. Of those it needs proof that their bytes have their hash and follow the event before
them, but no JSON object: reading one takes five times as long. Only bytes that are laid out exactly as the relay
publishes them are seen; `envelope.parse` judges all others.
"""

import re
from hashlib import sha256
from typing import NamedTuple

from libs.events.envelope import FORMS

_DATA_ENDS = b'},"datacontenttype":"application/json","id":"'
"""In canonical bytes what follows `data` has one order, and no text within `data` can hold a bare quote."""
_TEXT = r'[^"\\\x00-\x1f]*'
_TAIL = re.compile(
    rf'}},"datacontenttype":"application/json","id":"({FORMS["id"]})","occurredat":"{FORMS["occurredat"]}"'
    rf',"organisation":"{_TEXT}","prevhash":"({FORMS["prevhash"]})","role":"{_TEXT}","source":"/services/([a-z]+)"'
    rf',"specversion":"1\.0","stream":"({_TEXT})","streamversion":([1-9][0-9]{{0,8}}),"subject":"{_TEXT}"'
    rf'(?:,"submissionbase":"{_TEXT}")?(?:,"submissionbody":"{_TEXT}")?(?:,"submissionsignature":"{_TEXT}")?'
    rf',"time":"{FORMS["time"]}"(?:,"traceparent":"{_TEXT}")?,"type":"(org\.opennrm\.\3\.[a-z0-9_-]+\.v[1-9][0-9]*)"'
    r'(,"hash":"([0-9a-f]{64})","position":[1-9][0-9]{0,14}})'
)


class Outline(NamedTuple):
    """What a projection must know of an event that it passes by."""

    id: str
    type: str
    stream: str
    streamversion: int
    prevhash: str
    hash: str


def outline(raw: bytes) -> Outline | None:
    """The outline of a published event whose bytes have the hash that they claim; None where that takes a closer look.

    Its source is the service of its type.
    """
    ends = raw.rfind(_DATA_ENDS)
    try:
        seen = _TAIL.fullmatch(raw[ends:].decode()) if ends > 0 else None
    except UnicodeDecodeError:
        return None
    if seen is None:
        return None
    identity, previous, _, stream, version, wire, put_in, digest = seen.groups()
    if sha256(raw[: -len(put_in)] + b"}").hexdigest() != digest:
        return None
    return Outline(identity, wire, stream, int(version), previous, digest)
