"""However records are ordered, repeated and cut into batches: each event is applied once, in its stream's order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from libs.events.batch import Batch, Place, received
from libs.events.consume import Add, Change, Fact, Projection
from libs.events.store import Entry
from tests.contracts.kit import chain

STREAMS = [chain(f"provider:{name}", length) for name, length in (("a", 5), ("b", 4), ("c", 1))]
EVENTS = [each for stream in STREAMS for each in stream]


def _apply(fact: Fact) -> Sequence[Change]:
    return [Add("seen", {"stream": fact.envelope.stream}, {"version": fact.envelope.streamversion})]


class Rows:
    """What a projection's tables would hold between batches."""

    def __init__(self) -> None:
        self.heads: dict[str, tuple[int, str]] = {}
        self.parked: dict[tuple[str, int], bytes] = {}
        self.applied: dict[str, list[int]] = {}

    def batch(self, entries: Sequence[Entry]) -> None:
        """Take some records in one transaction."""
        batch = Batch(Projection("p", _apply, ""), dict(self.heads), {}, dict(self.parked))
        for entry in entries:
            batch.take(received(entry.envelope, _wire(entry), Place("t", 0, 0)))
        assert batch.refused == []
        assert batch.dead == []
        self.parked |= batch.newly_parked
        for key in batch.unparked:
            del self.parked[key]
        assert self.parked == batch.parked
        self.heads = batch.heads
        for change in batch.changes:
            assert isinstance(change, Add)
            self.applied.setdefault(change.key["stream"], []).append(change.values["version"])


def _wire(entry: Entry) -> bytes:
    return entry.body[:-1] + b',"hash":"' + entry.envelope.hash.encode() + b'"}'


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=8), st.integers(1, 6), st.randoms())
def test_any_delivery_gives_each_stream_in_order_and_once(
    order: list[Entry], again: list[Entry], size: int, chance: st.DataObject
) -> None:
    delivered = order + again
    chance.shuffle(delivered)  # type: ignore[attr-defined]
    rows = Rows()
    for start in range(0, len(delivered), size):
        rows.batch(delivered[start : start + size])
    assert rows.parked == {}
    for stream in STREAMS:
        assert rows.applied[stream[0].envelope.stream] == [entry.envelope.streamversion for entry in stream]
        assert rows.heads[stream[0].envelope.stream] == (len(stream), stream[-1].envelope.hash)


@given(st.permutations(EVENTS), st.integers(0, len(EVENTS) - 1))
def test_what_follows_a_missing_event_waits_and_nothing_else(order: list[Entry], missing: int) -> None:
    """F19."""
    gone = EVENTS[missing].envelope
    rows = Rows()
    rows.batch([entry for entry in order if entry.envelope != gone])
    for stream in STREAMS:
        name = stream[0].envelope.stream
        until = gone.streamversion - 1 if name == gone.stream else len(stream)
        assert rows.applied.get(name, []) == list(range(1, until + 1))
    assert all(stream == gone.stream and version > gone.streamversion for stream, version in rows.parked)
