"""Which events of a case and of a referral open and end what is waited for: the rows that notices are made from."""

from typing import Any

import pytest

from libs.events.catalogue.identification import CameOfAge, Closed, ConsentRecorded, Reopened, ReviewOpened
from libs.events.catalogue.referral import ReferralAnswered, ReferralCompleted, ReferralDecided, Referred
from libs.events.consume import Fact
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from projections.notifications.view import DECIDES, WANTS, apply

ID, CASE = "01980000-0000-7000-8000-000000000001", "KH-0000-001F"
ANSWER: dict[str, Any] = {
    "case_id": CASE, "referral_id": ID, "provider_id": "p", "services": ("shelter",), "province": "KH-1",
    "term": "long", "cohort": "women",
}  # fmt: skip
REFERRED = Referred(
    **ANSWER, provider="house", sex="female", age_group="21-23", child=False, referred_by="cnp", consent_by="self"
)


def rows(event: Event, version: int = 1) -> Any:
    envelope = Envelope(
        id=ID, type=event.wire, source="/services/x", subject=CASE, time="2026-02-03T02:00:00.000000Z",
        occurredat="2026-02-02T18:00:00.000000Z", stream="x:1", streamversion=version, organisation="mosvy", actor="a",
        role="social_affairs", correlationid=ID, prevhash=GENESIS, data=event.data(),
    )  # fmt: skip
    assert event.wire in WANTS
    return apply(Fact(event, envelope))


def test_a_referral_names_its_provider_and_waits_for_a_decision() -> None:
    head, fact = rows(REFERRED)
    assert head.key == {"subject": f"referral:{ID}"}
    assert head.values == {
        "service": "referral", "name": ID, "reporter": "cnp", "provider": "house", "version": 1,
    }  # fmt: skip
    assert (fact.values["opens"], fact.values["since"]) == (["decision"], "2026-02-03")
    assert CASE not in str((head, fact))


@pytest.mark.parametrize(
    ("event", "opens", "ends"),
    [
        (ReferralDecided(**ANSWER, decision="approve"), ["answer"], ["decision"]),
        (ReferralDecided(**ANSWER, decision="refuse"), [], ["decision"]),
        (
            ReferralAnswered(**ANSWER, response="accept", ground="place_available"),
            ["completion"], ["answer", "review_of_waiting"],
        ),
        (ReferralAnswered(**ANSWER, response="decline", ground="full"), ["review_of_waiting"], ["answer"]),
        (ReferralAnswered(**ANSWER, response="decline", ground="other"), [], ["answer"]),
        (ReferralCompleted(case_id=CASE, referral_id=ID, provider_id="p"), [], ["completion"]),
        (CameOfAge(case_id=CASE), ["consent_anew"], ["age_determination"]),
        (ConsentRecorded(case_id=CASE, kind="referral", given=True, by="self"), [], ["consent_anew"]),
        (ReviewOpened(case_id=CASE), ["review"], []),
        (Reopened(case_id=CASE), ["reopened"], []),
        (Closed(case_id=CASE), [], [*DECIDES, "age_determination", "consent_anew"]),
    ],
)  # fmt: skip
def test_an_event_opens_and_ends_what_is_waited_for(event: Event, opens: list[str], ends: list[str]) -> None:
    _, fact = rows(event, 2)
    assert (fact.values["opens"], fact.values["ends"]) == (opens, ends)


def test_a_guardians_consent_changes_nothing_that_is_waited_for() -> None:
    assert rows(ConsentRecorded(case_id=CASE, kind="referral", given=True, by="guardian")) == ()
