"""What repatriation remembers of events."""

from typing import Any

from libs.events.catalogue.identification import ConsentRecorded
from libs.events.consume import Fact, Put
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from services.repatriation.reactions import KNOWN, remember
from tests.unit.repatriation.returns import CASE, ID, after, step


def fact(event: Event, version: int = 1) -> Fact:
    envelope = Envelope(
        id="01980000-0000-7000-8000-0000000000ff", type=event.wire, source="/services/x", subject=CASE,
        time="2026-02-03T02:00:00.000000Z", occurredat="2026-02-02T02:00:00.000000Z", stream="x:1",
        streamversion=version, organisation="mosvy", actor="a", role="social_affairs", correlationid=ID,
        prevhash=GENESIS, data=event.data(),
    )  # fmt: skip
    return Fact(event, envelope)


def test_a_withdrawn_consent_is_known_with_its_time() -> None:
    (put,) = remember(fact(ConsentRecorded(case_id=CASE, kind="repatriation", given=False, by="self")))
    assert isinstance(put, Put)
    assert put.values == {"consent_given": False, "consent_by": "self", "consent_at": "2026-02-02T02:00:00.000000Z"}


def test_other_consents_are_not_ours() -> None:
    assert remember(fact(ConsentRecorded(case_id=CASE, kind="referral", given=True, by="self"))) == ()


def test_a_step_changes_the_list_and_who_takes_part() -> None:
    changes: Any = remember(fact(after(step("notified", by="moi"))[-1], 2))
    assert changes[0].values["status"] == "running"
    assert changes[0].values["step"] == "nationality_verified"
    assert {change.key["organisation"] for change in changes[1:]} == {"moi", "mosvy"}


def test_it_wants_what_it_reads() -> None:
    assert KNOWN.wants is not None
    assert {"org.opennrm.identification.identified.v1", "org.opennrm.repatriation.repatriated.v1"} <= KNOWN.wants
