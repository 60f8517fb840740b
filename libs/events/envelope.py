"""The envelope: CloudEvents 1.0 in structured JSON, its canonical bytes and its hash. Pure functions over bytes."""

import re
from hashlib import sha256
from operator import attrgetter
from typing import NamedTuple, Self

import orjson

from libs.events.event import JSON

GENESIS = "0" * 64
"""`prevhash` of a stream's first event."""

ENVELOPE_BYTES_MAX = 65_000
"""An entry of the transparency log is at most 65,535 bytes (C2SP tlog-tiles); the rest is for its frame."""

_OPTIONAL = ("causationid", "traceparent", "submissionbase", "submissionsignature", "submissionbody")
_TEXTS = ("subject", "stream", "organisation", "actor", "role", "correlationid")
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
FORMS = {
    "id": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "type": r"org\.opennrm\.[a-z]+\.[a-z0-9_-]+\.v[1-9][0-9]*",
    "source": r"/services/[a-z]+",
    "time": _TIME,
    "occurredat": _TIME,
    "prevhash": r"[0-9a-f]{64}",
}
"""Attributes of which every reader may expect exactly this form."""
_formed = attrgetter(*FORMS)
_worded = attrgetter(*_TEXTS)
_optional = attrgetter(*_OPTIONAL)
_FORM = re.compile(r"\n".join(FORMS.values()))
"""All forms at once, a line each: none of them can hold a line break. One match an event keeps projections fast."""
_VERSION_MAX, _INTEGER_MAX = 2**31 - 1, 2**53 - 1


class Tampered(ValueError):
    """Bytes that claim to be an event but do not have its hash, or are no envelope at all."""


class Envelope(NamedTuple):
    """One recorded event with everything that is known about its recording. Times are RFC 3339, UTC, microseconds.

    A tuple, since projections make one for every event: a frozen dataclass takes six times as long to make.
    """

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
    submissionbase: str | None = None
    submissionsignature: str | None = None
    submissionbody: str | None = None
    hash: str = ""
    position: int | None = None

    def canonical(self) -> bytes:
        """The bytes that are hashed: RFC 8785 JSON of the envelope without `hash` and `position`."""
        return canonical(self._attributes())

    def sealed(self) -> tuple[Self, bytes]:
        """The same envelope with its hash, and the canonical bytes that the hash covers.

        Raises ValueError where the data have a key or a number for which our bytes would not be RFC 8785's, or where
        a reader would refuse the envelope: what is stored is never changed, so it must be readable before it is stored.
        """
        if not _is_well_formed(self) or not _is_canonical(self.data):
            raise ValueError("an event has attributes in their form, ASCII keys and integers only")
        body = self.canonical()
        return self._replace(hash=sha256(body).hexdigest()), body

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
    """The envelope in stored bytes (with their `digest`) or in published bytes (which say their own hash).

    Raises Tampered where the bytes are no well-formed envelope or do not have the hash that is claimed.
    """
    try:
        attributes = orjson.loads(body)
        if digest is None:
            digest, position = attributes.pop("hash"), attributes.pop("position", position)
            actual = sha256(canonical(attributes)).hexdigest()
        else:
            actual = sha256(body).hexdigest()
        version, content = attributes.pop("specversion"), attributes.pop("datacontenttype")
        envelope = Envelope(**attributes, hash=actual, position=position)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, TypeError, KeyError, AttributeError) as fault:
        raise Tampered("not an event envelope") from fault
    if version != "1.0" or content != "application/json":
        raise Tampered("not a CloudEvents 1.0 JSON envelope")
    if actual != digest:
        raise Tampered("an event does not have the hash it claims")
    if not _is_well_formed(envelope):
        raise Tampered("an attribute of the envelope has not its form")
    return envelope


def _is_well_formed(envelope: Envelope) -> bool:
    """Whether every attribute has its type and form, so that nothing behind this point trips over a forged one."""
    optional = [value for value in _optional(envelope) if value is not None]
    try:
        forms, texts = "\n".join(_formed(envelope)), "".join([*_worded(envelope), *optional])
    except TypeError:  # not all of them are texts
        return False
    position = envelope.position
    return (
        "\0" not in texts
        and _FORM.fullmatch(forms) is not None
        and type(envelope.streamversion) is int
        and 0 < envelope.streamversion <= _VERSION_MAX
        and (position is None or (type(position) is int and 0 < position <= _INTEGER_MAX))
        and isinstance(envelope.data, dict)
    )


def _is_canonical(value: JSON) -> bool:
    """Whether sorting keys as bytes and printing numbers plainly is what RFC 8785 says for this value."""
    if isinstance(value, dict):
        return all(key.isascii() and _is_canonical(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_canonical, value))
    if isinstance(value, int):
        return -_INTEGER_MAX <= value <= _INTEGER_MAX
    return value is None or isinstance(value, str)
