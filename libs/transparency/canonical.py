"""The exact bytes that are hashed: an envelope's RFC 8785 canonical JSON without `hash` and `position`."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from libs.transparency.merkle import leaf_hash

FIRST_PREVHASH = "0" * 64
"""Contract, "The event envelope": `prevhash` of a stream's first event."""

_OUTSIDE = ("hash", "position")
"""Contract: the hash cannot cover itself, and the position comes after commit."""

Envelope = Mapping[str, Any]


def canonical(value: object) -> bytes:
    """RFC 8785, 3.2: sorted keys, no whitespace. Equal to orjson's for ASCII keys and integers (property-tested)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def leaf_data(envelope: Envelope) -> bytes:
    """Give the Merkle leaf's entry of an event."""
    return canonical({name: value for name, value in envelope.items() if name not in _OUTSIDE})


def event_hash(leaf: bytes) -> str:
    """Contract: `hash` is the hex SHA-256 of the leaf data."""
    return sha256(leaf).hexdigest()


def seal(envelope: Envelope) -> dict[str, Any]:
    """Give the envelope with its `hash`."""
    return {**envelope, "hash": event_hash(leaf_data(envelope))}


def event_leaf_hash(envelope: Envelope) -> bytes:
    """Give the RFC 6962 hash of an event's leaf."""
    return leaf_hash(leaf_data(envelope))
