"""How the log grows: what it takes, what it stops at, and what its own leaves state."""

from hashlib import sha256
from itertools import count

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.envelope import GENESIS, Envelope
from libs.transparency.manifest import MANIFEST_STREAM, Head, Heads, verify_head
from libs.transparency.merkle import Tree, leaf_hash
from nrm.log.growth import ACCESS_STREAM, Broken, Epoch, Growth, Restored, Row, access_digest

MOMENT = "2026-03-01T00:00:00.000000Z"


def ident(number: int) -> str:
    return f"01a20f7d-0000-7000-8000-{number:012x}"


def growth() -> Growth:
    numbers = count(1_000_000)
    return Growth("log.example/test", Tree(), Heads(), {}, {}, 0, lambda: ident(next(numbers)), lambda: MOMENT)


class Service:
    """Makes the rows of one service's events."""

    def __init__(self, name: str = "identification") -> None:
        self.name = name
        self.rows: list[Row] = []
        self.heads: dict[str, tuple[int, str]] = {}

    def record(self, case: str) -> Row:
        stream = f"case:{case}"
        version, head = self.heads.get(stream, (0, GENESIS))
        number = len(self.rows) + 1
        envelope, body = Envelope(
            id=ident(number + 1000 * len(self.name)),
            type=f"org.opennrm.{self.name}.identified.v1",
            source=f"/services/{self.name}",
            subject=case,
            time=MOMENT,
            occurredat=MOMENT,
            stream=stream,
            streamversion=version + 1,
            organisation="cnp-poipet",
            actor="officer",
            role="first_responder",
            correlationid="c",
            prevhash=head,
            data={"n": number},
        ).sealed()
        self.heads[stream] = (version + 1, envelope.hash)
        row = Row(self.name, number, envelope.id, envelope.hash, body)
        self.rows.append(row)
        return row


def test_a_submitters_keys_become_a_leaf_when_they_are_listed_otherwise_and_only_then() -> None:
    log, epoch = growth(), Epoch()
    first = {"mosvy": {"organisation": "mosvy", "keys": ["a"]}, "court-1": {"organisation": "court-1", "keys": ["c"]}}
    log.note_submitters(first, epoch)
    log.note_submitters({**first}, epoch)
    log.note_submitters({"mosvy": {"organisation": "mosvy", "keys": ["a", "b"]}}, epoch)
    said = [orjson.loads(leaf.body or "")["data"] for leaf in epoch.leaves]
    assert [(one["organisation"], one["keys"]) for one in said] == [
        ("court-1", ["c"]), ("mosvy", ["a"]), ("mosvy", ["a", "b"]),
    ]  # fmt: skip


def test_an_epoch_ends_with_a_manifest_of_every_head() -> None:
    service, log, epoch = Service(), growth(), Epoch()
    rows = [service.record(case) for case in ("KH-A", "KH-B", "KH-A")]
    assert log.take(rows, epoch) is None
    head = log.finish(epoch)
    assert (head.size, [leaf.index for leaf in epoch.leaves]) == (4, [0, 1, 2, 3])
    manifest = orjson.loads(epoch.leaves[-1].body or "")
    assert manifest["stream"] == MANIFEST_STREAM
    assert manifest["data"]["size"] == 3
    entry, path = log.heads.entry("stream/case:KH-A")
    verify_head(entry, path, bytes.fromhex(manifest["data"]["root"]))
    assert entry == Head("stream/case:KH-A", 2, bytes.fromhex(rows[2].hash))


def test_an_events_body_is_not_stored_twice_but_its_leaf_hash_is_that_of_its_bytes() -> None:
    row, log, epoch = Service().record("KH-A"), growth(), Epoch()
    log.take([row], epoch)
    [leaf] = epoch.leaves
    assert (leaf.body, leaf.leaf_hash, leaf.hash) == (None, leaf_hash(row.body), sha256(row.body).digest())


def test_stops_before_a_gap_and_goes_on_when_it_is_filled() -> None:
    service, log, epoch = Service(), growth(), Epoch()
    first, second, third = (service.record(case) for case in ("KH-A", "KH-B", "KH-C"))
    log.take([first, third], epoch)
    assert len(epoch.leaves) == 1
    log.take([second, third], epoch)
    assert [leaf.position for leaf in epoch.leaves] == [1, 2, 3]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"n":2', b'"n":7', "its hash"),
        (b'"streamversion":2', b'"streamversion":3', "follow"),
        (b"case:KH-A", b"case:KH-B", "follow"),
        (b"/services/identification", b"/services/justice", "row says"),
        (b'{"actor"', b'{ "actor"', "canonical"),
    ],
)
def test_a_wrong_event_is_named_and_nothing_behind_it_enters(old: bytes, new: bytes, said: str) -> None:
    service, log, epoch = Service(), growth(), Epoch()
    first, second, third = (service.record("KH-A") for _ in range(3))
    body = second.body.replace(old, new)
    forged = Row(second.service, 2, second.event_id, second.hash if b"n" in old else sha256(body).hexdigest(), body)
    if said != "its hash":
        forged = Row(second.service, 2, second.event_id, sha256(body).hexdigest(), body)
    broken = log.take([first, forged, third], epoch)
    assert isinstance(broken, Broken)
    assert said in str(broken)
    assert (broken.position, [leaf.position for leaf in epoch.leaves]) == (2, [1])


def test_access_entries_are_committed_to_without_being_told() -> None:
    log, epoch = growth(), Epoch()
    entries = [{"seq": seq, "case_id": "KH-A", "reason": "secret"} for seq in (4, 5, 9)]
    log.note_access(entries, epoch)
    log.note_access([], epoch)
    [leaf] = epoch.leaves
    stated = orjson.loads(leaf.body or "")
    assert (leaf.stream, log.accessed) == (ACCESS_STREAM, 9)
    assert stated["data"] == {"first": 4, "last": 9, "count": 3, "digest": access_digest(entries)}
    assert "secret" not in (leaf.body or "")


@given(st.lists(st.sampled_from("ABCDE"), max_size=40), st.integers(1, 7))
def test_what_is_restored_from_the_leaves_is_what_was_kept(cases: list[str], size: int) -> None:
    service, log, epoch = Service(), growth(), Epoch()
    rows = [service.record(f"KH-{case}") for case in cases]
    for start in range(0, len(rows), size):
        log.take(rows[start : start + size], epoch)
        log.finish(epoch)
    restored = Restored()
    for leaf in epoch.leaves:
        restored.take(leaf.stream, leaf.version, leaf.hash, leaf.subject, leaf.leaf_hash, leaf.concerns)
    assert restored.heads().manifest_data() == log.heads.manifest_data()
    tree = Tree()
    for leaf in epoch.leaves:
        tree.push(0, leaf.leaf_hash)
    assert tree.root() == log.tree.root()
