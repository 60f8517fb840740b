"""The audit trail's rows: what an event is laid down as, whom it concerns, and when a history is whole."""

import pytest

from libs.events.catalogue.identification import Closed, Linked, Unlinked
from libs.events.consume import Fact, Put
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from projections.audit_trail.view import apply, concerns, intact

CASE, OTHER = "KH-0000-0008", "KH-1111-1112"
TIME = "2026-03-02T00:00:00.000001Z"


def fact(event: Event, **changed: object) -> Fact:
    envelope = Envelope(
        id="01a20f7d-0000-7000-8000-000000000001",
        type=event.wire,
        source="/services/identification",
        subject=CASE,
        time=TIME,
        occurredat="2026-03-01T00:00:00.000000Z",
        stream=f"case:{CASE}",
        streamversion=1,
        organisation="nrm-authority",
        actor="a",
        role="competent_authority",
        correlationid="c",
        prevhash=GENESIS,
        data=event.data(),
    )
    sealed, _ = envelope._replace(**changed).sealed()
    return Fact(event, sealed._replace(position=changed.get("position", 7)))


def test_an_event_stands_as_the_bytes_that_its_hash_covers() -> None:
    found = fact(Closed(case_id=CASE))
    row, concern = apply(found)
    assert isinstance(row, Put)
    assert row.values["body"] == found.envelope.canonical().decode()
    assert (row.values["hash"], row.values["position"]) == (found.envelope.hash, 7)
    assert (row.values["service"], row.values["recorded_at"]) == ("identification", TIME)
    assert concern == Put("concern", {"subject": CASE, "stream": f"case:{CASE}", "version": 1})


def test_an_event_concerns_its_subject_and_every_case_it_names_once() -> None:
    found = fact(Closed(case_id=CASE), data={"case_ids": [CASE, OTHER], "case_id": CASE})
    assert concerns(found) == [CASE, OTHER]


@pytest.mark.parametrize(("event", "linked"), [(Linked, True), (Unlinked, False)])
def test_a_link_is_kept_as_one_streams_word(event: type[Linked | Unlinked], linked: bool) -> None:
    *_, link = apply(fact(event(case_id=CASE, other_case_id=OTHER)))
    assert link == Put("link", {"case_id": CASE, "other_case_id": OTHER}, {"linked": linked, "recorded_at": TIME})


@pytest.mark.parametrize("changed", [{"position": None}, {"time": "2026-13-01T00:00:00.000000Z"}])
def test_a_forged_envelope_is_refused_not_laid_down(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        apply(fact(Closed(case_id=CASE), **changed))


def test_a_history_is_intact_only_with_its_hashes_and_its_chain() -> None:
    first = fact(Closed(case_id=CASE)).envelope
    second = fact(Closed(case_id=CASE), streamversion=2, prevhash=first.hash).envelope
    stranger = fact(Closed(case_id=CASE), streamversion=2, prevhash="1" * 64).envelope
    assert intact([(second, second.hash), (first, first.hash)])
    assert not intact([(first, first.hash), (stranger, stranger.hash)])
    assert not intact([(first, "0" * 64)])
