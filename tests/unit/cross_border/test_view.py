"""The cross-border view's rows: each event alone says where the repatriation stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.events.catalogue.repatriation import Acknowledged, Standing, Started, TravelDocumentIssued
from libs.events.consume import Fact
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from projections.cross_border.view import WANTS, apply

CASE = "KH-0000-001F"
ID = "01980000-0000-7000-8000-000000000001"
MOMENT = datetime(2026, 2, 2, 2, tzinfo=UTC)
HEAD: dict[str, Any] = {
    "repatriation_id": ID,
    "case_id": CASE,
    "corridor": "KH-VN",
    "sop": "KH-VN.v1",
    "sop_version": "2009-12",
    "direction": "outbound",
    "recorded_by": "mosvy",
    "occurred_at": "2026-02-02T02:00:00.000000Z",
    "standing": Standing(status="running", since="2026-02-02T02:00:00.000000Z", step="notified", party="mosvy"),
}


def rows(event: Event, version: int = 1) -> Any:
    envelope = Envelope(
        id=ID, type=event.wire, source="/services/repatriation", subject=CASE, time="2026-02-03T02:00:00.000000Z",
        occurredat="2026-02-02T02:00:00.000000Z", stream=f"repatriation:{ID}", streamversion=version,
        organisation="mosvy", actor="a", role="social_affairs", correlationid=ID, prevhash=GENESIS, data=event.data(),
    )  # fmt: skip
    return apply(Fact(event, envelope))


def issued(ready_at: datetime, outcome: str = "done") -> TravelDocumentIssued:
    return TravelDocumentIssued(
        **HEAD, step="travel_document_issued", outcome=outcome, by="vn-embassy-phnom-penh",
        ready_at=ready_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )  # fmt: skip


def test_a_start_opens_the_head_and_its_parts() -> None:
    head, fact, *parts = rows(Started(**HEAD, from_country="KH", to_country="VN", requested_by="mofaic"))
    assert head.values["status"] == "running"
    assert head.values["opened_at"] == HEAD["occurred_at"]
    assert fact.values["kind"] == "started"
    assert [part.key["organisation"] for part in parts] == ["mofaic", "mosvy"]


def test_a_step_keeps_how_many_days_it_took() -> None:
    _, fact, *parts = rows(issued(MOMENT - timedelta(days=3, hours=5)), 7)
    assert (fact.key["version"], fact.values["days"]) == (7, 3)
    assert [part.key["organisation"] for part in parts] == ["mosvy", "vn-embassy-phnom-penh"]


def test_clocks_that_disagree_give_no_negative_days() -> None:
    assert rows(issued(MOMENT + timedelta(days=2)))[1].values["days"] == 0


def test_a_refusal_takes_no_days() -> None:
    assert rows(issued(MOMENT, "refused"))[1].values["days"] is None


def test_an_acknowledgement_is_kept_for_the_differences() -> None:
    _, fact, *_ = rows(Acknowledged(**HEAD, step="notified", by="vn-embassy-phnom-penh"), 3)
    assert (fact.values["kind"], fact.values["step"]) == ("acknowledged", "notified")


def test_nothing_of_shelters_or_names_is_kept() -> None:
    kept = {name for change in rows(issued(MOMENT)) for name in (*change.key, *change.values)}
    assert not {name for name in kept if "shelter" in name or "name" in name or "sealed" in name}


def test_it_wants_the_hand_over() -> None:
    assert "org.opennrm.repatriation.repatriated.v1" in WANTS
    assert not any("inbox" in wire or "claimed" in wire or "disclosed" in wire for wire in WANTS)
