"""How the log grows, without touching anything: events in, leaves out, each checked before it is taken.

An epoch is some events of each service in the order of their positions, the access entries since the last one, and a
manifest as its last leaf; so every checkpoint's last leaf says how every stream and every case stood below it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from libs.events.envelope import GENESIS, Envelope
from libs.events.event import JSON
from libs.transparency.canonical import canonical
from libs.transparency.checkpoint import Checkpoint
from libs.transparency.manifest import MANIFEST_STREAM, MANIFEST_TYPE, NO_FOLD, Head, Heads, concerned, fold
from libs.transparency.merkle import Tree, leaf_hash
from libs.transparency.submissions import SUBMITTERS_STREAM, SUBMITTERS_TYPE
from libs.transparency.tiles import HEIGHT

OWN = "audit"
"""The service that the log's own leaves belong to; they count their positions like any other's."""

ACCESS_STREAM = "log-access"
ACCESS_TYPE = "org.opennrm.log.accessed.v1"
OWN_STREAMS = (MANIFEST_STREAM, ACCESS_STREAM, SUBMITTERS_STREAM)


class Broken(Exception):
    """An event that must not enter the log: it has not the hash, the place or the predecessor that it claims."""

    def __init__(self, service: str, position: int, what: str) -> None:
        super().__init__(f"{service} {position}: {what}")
        self.service = service
        self.position = position


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it stands in the audit_trail rows."""

    service: str
    position: int
    event_id: str
    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class NewLeaf:
    """One leaf to store. `body` is set for the log's own leaves; an event's stands in the audit_trail rows."""

    index: int
    event_id: str
    hash: bytes
    leaf_hash: bytes
    service: str
    position: int
    stream: str
    version: int
    subject: str
    body: str | None
    concerns: tuple[str, ...] = ()
    """Every case that it concerns besides its subject."""


@dataclass(slots=True)
class Epoch:
    """What one transaction stores: leaves, the roots of full subtrees at every eighth level, and the tree head."""

    leaves: list[NewLeaf] = field(default_factory=list)
    nodes: list[tuple[int, int, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Growth:
    """The log's right edge: enough to take the next leaf."""

    origin: str
    tree: Tree
    heads: Heads
    positions: dict[str, int]
    """The last position of each service that is in the log."""
    own: dict[str, tuple[int, str]]
    """Version and hash of the last leaf of each of the log's own streams."""
    accessed: int
    """The last access entry that a leaf covers."""
    new_id: Callable[[], str]
    now: Callable[[], str]
    submitters: dict[str, Mapping[str, JSON]] = field(default_factory=dict)
    """What the log holds of the organisations that sign: their public keys, as last listed."""
    outdated: bool = False
    """Whether the last manifest is of the first type: then the next one is due, with or without leaves."""

    def take(self, rows: Iterable[Row], epoch: Epoch) -> Broken | None:
        """Take a service's next events in order; stops before a gap, and at an event that must not enter."""
        for row in rows:
            if row.position != self.positions.get(row.service, 0) + 1:
                return None
            try:
                envelope = self._checked(row)
            except Broken as broken:
                return broken
            self._add(envelope, row.body, row.service, epoch, body=None)
        return None

    def note_access(self, entries: Sequence[Mapping[str, JSON]], epoch: Epoch) -> None:
        """Make a leaf that commits to access entries without telling them."""
        if not entries:
            return
        first, last = entries[0]["seq"], entries[-1]["seq"]
        data = {"first": first, "last": last, "count": len(entries), "digest": access_digest(entries)}
        self._add_own(ACCESS_STREAM, ACCESS_TYPE, data, epoch)
        self.accessed = last

    def note_submitters(self, submitters: Mapping[str, Mapping[str, JSON]], epoch: Epoch) -> None:
        """Make a leaf for each organisation whose listed keys are not those that the log holds: none is exchanged."""
        for organisation, entry in sorted(submitters.items()):
            if self.submitters.get(organisation) != entry:
                self._add_own(SUBMITTERS_STREAM, SUBMITTERS_TYPE, entry, epoch)
                self.submitters[organisation] = entry

    def finish(self, epoch: Epoch) -> Checkpoint:
        """Close the epoch with its manifest; gives the tree head to sign."""
        self._add_own(MANIFEST_STREAM, MANIFEST_TYPE, self.heads.manifest_data(), epoch)
        self.outdated = False
        return Checkpoint(self.origin, self.tree.size, self.tree.root())

    def _checked(self, row: Row) -> dict[str, Any]:
        """The event, recomputed from its bytes: never what a column or a message says about it."""
        if sha256(row.body).hexdigest() != row.hash:
            raise Broken(row.service, row.position, "its bytes do not have its hash")
        envelope: dict[str, Any] = orjson.loads(row.body)
        if canonical(envelope) != row.body:
            raise Broken(row.service, row.position, "its bytes are not canonical")
        if envelope["id"] != row.event_id or envelope["source"] != f"/services/{row.service}":
            raise Broken(row.service, row.position, "it is not the event that its row says")
        stream = envelope["stream"]
        head = self.heads.found.get(f"stream/{stream}")
        version, digest = (head.count, head.digest.hex()) if head else (0, GENESIS)
        if envelope["streamversion"] != version + 1 or envelope["prevhash"] != digest or stream in OWN_STREAMS:
            raise Broken(row.service, row.position, f"it does not follow {stream} {version}")
        return envelope

    def _add_own(self, stream: str, wire: str, data: Mapping[str, JSON], epoch: Epoch) -> None:
        version, head = self.own.get(stream, (0, GENESIS))
        moment, identifier = self.now(), self.new_id()
        envelope, body = Envelope(
            id=identifier,
            type=wire,
            source=f"/services/{OWN}",
            subject=stream,
            time=moment,
            occurredat=moment,
            stream=stream,
            streamversion=version + 1,
            organisation="opennrm",
            actor="audit",
            role="log",
            correlationid=identifier,
            prevhash=head,
            data=dict(data),
        ).sealed()
        self.own[stream] = (envelope.streamversion, envelope.hash)
        self._add(orjson.loads(body), body, OWN, epoch, body=body.decode())

    def _add(self, envelope: dict[str, Any], raw: bytes, service: str, epoch: Epoch, *, body: str | None) -> None:
        position = self.positions.get(service, 0) + 1
        hashed, leaf = sha256(raw), leaf_hash(raw)
        epoch.leaves.append(
            NewLeaf(
                self.tree.size, envelope["id"], hashed.digest(), leaf, service, position,
                envelope["stream"], envelope["streamversion"], envelope["subject"], body,
                tuple(concerned(envelope["subject"], envelope["data"])[1:]),
            )
        )  # fmt: skip
        self.heads.add({**envelope, "hash": hashed.hexdigest()}, leaf)
        epoch.nodes += [node for node in self.tree.push(0, leaf) if node[0] and node[0] % HEIGHT == 0]
        self.positions[service] = position


def access_digest(entries: Iterable[Mapping[str, JSON]]) -> str:
    """SHA-256 over the canonical JSON of access entries, a line each, in order."""
    return sha256(b"".join(canonical(entry) + b"\n" for entry in entries)).hexdigest()


class Restored:
    """The heads of a log from its stored leaves: folds first, makes the map once at the end."""

    def __init__(self) -> None:
        self._size = 0
        self._streams: dict[str, Head] = {}
        self._subjects: dict[str, tuple[int, bytes]] = {}

    def take(
        self, stream: str, version: int, digest: bytes, subject: str, leaf: bytes, concerns: Sequence[str] | None
    ) -> None:
        """Take the next leaf in log order."""
        self._size += 1
        if stream == MANIFEST_STREAM:
            return
        self._streams[stream] = Head(f"stream/{stream}", version, digest)
        for one in (subject, *(concerns or ())):
            count, before = self._subjects.get(one, (0, NO_FOLD))
            self._subjects[one] = (count + 1, fold(before, leaf))

    def heads(self) -> Heads:
        """The heads after every leaf taken."""
        heads = Heads()
        heads.size = self._size
        subjects = (Head(f"subject/{name}", *found) for name, found in self._subjects.items())
        for head in (*self._streams.values(), *subjects):
            heads.found[head.name] = head
            heads.map.put(head)
        return heads
