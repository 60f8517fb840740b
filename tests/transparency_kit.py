"""Makes logs of made-up events and exports of them, for the tests of the transparency library."""

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from libs.transparency.bundle import Export, Leaf, Manifest, Scope, write_bundle
from libs.transparency.canonical import FIRST_PREVHASH, canonical, leaf_data, seal
from libs.transparency.checkpoint import Checkpoint, sign_checkpoint
from libs.transparency.manifest import MANIFEST_STREAM, MANIFEST_TYPE, MANIFEST_TYPE_1, Heads, concerned
from libs.transparency.merkle import Tree, leaf_hash
from libs.transparency.note import COSIGNATURE_V1, Note, SigningKey

ORIGIN = "log.opennrm.example/kh"
LOG_KEY = SigningKey.from_seed(ORIGIN, b"L" * 32)
WITNESS_KEYS = [SigningKey.from_seed(f"w{n}.example", bytes([n]) * 32, COSIGNATURE_V1) for n in (1, 2, 3)]


class Log:
    """A log in memory: its envelopes, and every stored hash."""

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.tree = Tree()
        self.heads = Heads()
        self.chain: dict[str, tuple[int, str]] = {}
        self.positions: dict[str, int] = {}

    def get(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def add(self, event: dict[str, Any], number: int) -> dict[str, Any]:
        version, prevhash = self.chain.get(event["stream"], (0, FIRST_PREVHASH))
        source = event.get("source", "/services/identification")
        self.positions[source] = self.positions.get(source, 0) + 1 + event.pop("_skipped", 0)
        envelope = seal(
            {
                "specversion": "1.0",
                "id": str(uuid.UUID(int=number + (7 << 76) + (2 << 62))),
                "datacontenttype": "application/json",
                "source": source,
                "time": f"2026-11-24T08:00:00.{number % 1_000_000:06d}Z",
                "organisation": "cnp-poipet",
                "actor": "officer-1",
                "role": "first_responder",
                "streamversion": version + 1,
                "prevhash": prevhash,
                **event,
            }
        ) | {"position": self.positions[source]}
        self.chain[event["stream"]] = (version + 1, envelope["hash"])
        leaf = leaf_hash(leaf_data(envelope))
        self.heads.add(envelope, leaf)
        self.envelopes.append(envelope)
        for level, index, node in self.tree.append(leaf):
            self.nodes[level, index] = node
        return envelope

    def manifest(self, *, first_type: bool = False) -> None:
        data = self.heads.manifest_data()
        event = {
            "type": MANIFEST_TYPE_1 if first_type else MANIFEST_TYPE,
            "stream": MANIFEST_STREAM,
            "source": "/services/audit",
            "data": data,
        }
        self.add(event, 1_000_000_000 + len(self.envelopes))

    def checkpoint(self, key: SigningKey = LOG_KEY) -> Note:
        return sign_checkpoint(Checkpoint(ORIGIN, self.tree.size, self.tree.root()), key)

    def leaves(self, indices: Iterable[int]) -> list[Leaf]:
        return [Leaf(at, self.envelopes[at]["id"], canonical(self.envelopes[at])) for at in indices]


def about(envelope: dict[str, Any]) -> list[str]:
    """The cases that an event concerns."""
    return concerned(envelope.get("subject"), envelope.get("data"))


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- chooses test cases, not keys


def make_log(seed: int, events: int, cases: int = 5, *, manifests: bool = True, key: str = "") -> Log:
    rng, log = dice(seed), Log()
    for number in range(events):
        case = rng.randrange(cases)
        kind = rng.choice(["identified", "screened", "referred"])
        stream = f"case-{case}" if rng.random() < 0.7 else f"referral-{case}"
        event: dict[str, Any] = {
            "type": f"org.opennrm.identification.{kind}.v1",
            "stream": stream,
            "subject": f"KH-CASE-{case:03d}A",
            "data": {
                "note": rng.choice(["ក", "a", '"', "\u2028"]) * rng.randrange(4),
                "n": rng.randrange(99),
                "k": key,
            },
        }
        if rng.random() < 0.1:
            event["stream"] = "shelter-1"
        if rng.random() < 0.2:
            event["data"]["case_ids"] = [f"KH-CASE-{rng.randrange(cases):03d}A", event["subject"]]
        log.add(event, number)
        if manifests and rng.random() < 0.02:
            log.manifest()
    if manifests:
        log.manifest()
    return log


def export(log: Log, folder: Path, scope: Scope | None = None, consistency: Sequence[int] = ()) -> int:
    scope = scope or Scope()
    size = len(log.envelopes)
    indices: Iterable[int] = range(size)
    if scope.kind == "range":
        indices = range(scope.first, scope.end)
    if scope.kind == "subject":
        indices = [at for at in range(size) if scope.subject in about(log.envelopes[at])]
    manifest = None
    if scope.kind == "subject":
        manifest = Manifest(size - 1, canonical(log.envelopes[-1]), log.heads)
    wanted = Export(str(log.checkpoint()), [LOG_KEY.verifier], log, scope, manifest, consistency)
    return write_bundle(folder, log.leaves(indices), wanted)
