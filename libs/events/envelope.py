"""The envelope: CloudEvents 1.0 in structured JSON, its canonical bytes and its hash. Pure functions over bytes."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

import orjson

from libs.events.event import JSON

GENESIS = "0" * 64
"""`prevhash` of a stream's first event."""

ENVELOPE_BYTES_MAX = 65_000
"""An entry of the transparency log is at most 65,535 bytes (C2SP tlog-tiles); the rest is for its frame."""

_OPTIONAL = ("causationid", "traceparent")


class Tampered(ValueError):
    """Bytes that claim to be an event but do not have its hash, or are no envelope at all."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One recorded event with everything that is known about its recording. Times are RFC 3339, UTC, microseconds."""

    id: str
    type: str
    source: str
    subject: str
    time: str
    occurredat: str
    stream: str
    streamversion: int
    organisation: str
    actor: str
    role: str
    correlationid: str
    prevhash: str
    data: dict[str, JSON]
    causationid: str | None = None
    traceparent: str | None = None
    hash: str = ""
    position: int | None = None

    def canonical(self) -> bytes:
        """The bytes that are hashed: RFC 8785 JSON of the envelope without `hash` and `position`."""
        return canonical(self._attributes())

    def sealed(self) -> tuple[Self, bytes]:
        """The same envelope with its hash, and the canonical bytes that the hash covers."""
        body = self.canonical()
        return replace(self, hash=sha256(body).hexdigest()), body

    def public(self) -> dict[str, JSON]:
        """The whole envelope as a CloudEvents JSON object."""
        attributes = self._attributes()
        attributes["hash"] = self.hash
        if self.position is not None:
            attributes["position"] = self.position
        return attributes

    def _attributes(self) -> dict[str, JSON]:
        attributes: dict[str, JSON] = {
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": self.time,
            "occurredat": self.occurredat,
            "stream": self.stream,
            "streamversion": self.streamversion,
            "organisation": self.organisation,
            "actor": self.actor,
            "role": self.role,
            "correlationid": self.correlationid,
            "prevhash": self.prevhash,
            "data": self.data,
        }
        for name in _OPTIONAL:
            value = getattr(self, name)
            if value is not None:
                attributes[name] = value
        return attributes


def canonical(value: JSON) -> bytes:
    """RFC 8785 bytes of a value with ASCII keys and integer numbers (there, sorted keys and no spaces suffice)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def wire_bytes(body: bytes, digest: bytes, position: int) -> bytes:
    """The published JSON: the canonical bytes with `hash` and `position` put in, without parsing them again."""
    return body[:-1] + b',"hash":"' + digest.hex().encode() + b'","position":' + str(position).encode() + b"}"


def parse(body: bytes, *, digest: str | None = None, position: int | None = None) -> Envelope:
    """The envelope in canonical bytes, or in published bytes; its hash is recomputed and compared.

    Raises Tampered where the bytes are no envelope or do not have the hash they claim.
    """
    try:
        attributes = orjson.loads(body)
        claimed = attributes.pop("hash", digest)
        position = attributes.pop("position", position)
        actual = sha256(canonical(attributes)).hexdigest()
        version, content = attributes.pop("specversion"), attributes.pop("datacontenttype")
        envelope = Envelope(**attributes, hash=actual, position=position)
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as fault:
        raise Tampered("not an event envelope") from fault
    if version != "1.0" or content != "application/json":
        raise Tampered("not a CloudEvents 1.0 JSON envelope")
    if actual != claimed:
        raise Tampered(f"event {envelope.id} does not have the hash it claims")
    return envelope
