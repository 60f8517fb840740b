"""Which rows the facts of sources and links change."""

from datetime import date

from libs.events.catalogue.identification import Identified, Linked, Unlinked
from libs.events.catalogue.imports import SourceRecorded
from libs.events.consume import Fact, Put
from libs.events.envelope import Envelope
from libs.events.event import Event
from projections.coverage.view import WANTS, apply

AT = "2026-01-01T00:00:00.000000Z"
CASE, OTHER = "KH-0000-0000", "KH-1111-1111"
SOURCE = SourceRecorded(
    case_id=CASE, import_id="i1", system="mosvy", mapping_version=1, file_hash="a" * 64, sheet=1, row=4,
    row_hash="b" * 64, met_on=date(2011, 5, 2), age_group="18-20", sex="female", claim="victim",
    filled=("person.sex",), beyond=("court",), sealed="v1.x",
)  # fmt: skip


def fact(event: Event) -> Fact:
    envelope = Envelope(
        id="1", type=event.wire, source="", subject="", time=AT, occurredat="2011-05-02T00:00:00.000000Z",
        stream="source:x", streamversion=3, organisation="", actor="", role="", correlationid="", prevhash="",
        data=event.data(),
    )  # fmt: skip
    return Fact(event, envelope)


def test_a_row_of_another_system_is_kept_with_what_it_states_and_nothing_sealed() -> None:
    (put,) = apply(fact(SOURCE))
    assert isinstance(put, Put)
    assert (put.table, put.key) == ("source", {"stream": "source:x", "version": 3})
    assert put.values == {
        "case_id": CASE, "system": "mosvy", "met_on": "2011-05-02", "age_group": "18-20", "sex": "female",
        "claim": "victim", "filled": ["person.sex"], "beyond": ["court"], "at": AT,
    }  # fmt: skip


def test_links_are_kept_as_they_were_at_any_moment() -> None:
    pair = {"case_id": CASE, "other_case_id": OTHER, "version": 3}
    assert apply(fact(Linked(case_id=CASE, other_case_id=OTHER))) == (Put("link", pair, {"same": True, "at": AT}),)
    assert apply(fact(Unlinked(case_id=CASE, other_case_id=OTHER))) == (Put("link", pair, {"same": False, "at": AT}),)


def test_a_case_is_known_by_how_it_came_here() -> None:
    identified = Identified(
        case_id=CASE, reported_by="cnp", channel="raid", province="KH-1", country="KH", sex="male", age_group="30-38",
        child=False, nationality="KH", continuum="B", exploitation=(),
    )  # fmt: skip
    assert apply(fact(identified)) == (Put("person", {"case_id": CASE}, {"channel": "raid", "at": AT}),)
    assert {event.wire for event in (Identified, SourceRecorded, Linked, Unlinked)} == WANTS
