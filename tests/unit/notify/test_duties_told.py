"""Which events of a case and of a referral open and end what is waited for: the rows that notices are made from."""

from typing import Any

import pytest

from libs.events.catalogue.identification import CameOfAge, Closed, ConsentRecorded, Reopened, ReviewOpened
from libs.events.catalogue.referral import OffersChanged, ReferralAnswered, ReferralCompleted, ReferralDecided, Referred
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

AGREED = ConsentRecorded(case_id=CASE, kind="referral", given=True, by="self")
DECLINED = ["answer", "consent_after_emergency"]


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
        "service": "referral", "name": ID, "reporter": "cnp", "provider": "house", "version": 1, "case_id": CASE,
        "provider_id": "p",
    }  # fmt: skip
    assert (fact.values["opens"], fact.values["since"]) == (["decision"], "2026-02-03")


@pytest.mark.parametrize(
    ("event", "opens", "ends"),
    [
        (ReferralDecided(**ANSWER, decision="approve"), ["answer"], ["decision"]),
        (ReferralDecided(**ANSWER, decision="refuse"), [], ["decision", "consent_after_emergency"]),
        (REFERRED.model_copy(update={"consent_by": "emergency"}), ["decision", "consent_after_emergency"], []),
        (
            ReferralAnswered(**ANSWER, response="accept", ground="place_available"),
            ["completion"], ["answer", "review_of_waiting", "directory_correction"],
        ),
        (ReferralAnswered(**ANSWER, response="decline", ground="full"), ["review_of_waiting"], DECLINED),
        (ReferralAnswered(**ANSWER, response="decline", ground="not_suitable"), ["directory_correction"], DECLINED),
        (ReferralAnswered(**ANSWER, response="decline", ground="other"), [], DECLINED),
        (
            ReferralCompleted(case_id=CASE, referral_id=ID, provider_id="p"),
            [], ["completion", "consent_after_emergency"],
        ),
        (CameOfAge(case_id=CASE), ["consent_anew"], ["age_determination"]),
        (ConsentRecorded(case_id=CASE, kind="referral", given=False, by="self"), [], ["consent_anew"]),
        (ReviewOpened(case_id=CASE), ["review"], []),
        (Reopened(case_id=CASE), ["reopened"], []),
        (Closed(case_id=CASE), [], [*DECIDES, "age_determination", "consent_anew"]),
    ],
)  # fmt: skip
def test_an_event_opens_and_ends_what_is_waited_for(event: Event, opens: list[str], ends: list[str]) -> None:
    _, fact = rows(event, 2)
    assert (fact.values["opens"], fact.values["ends"]) == (opens, ends)


@pytest.mark.parametrize(
    ("event", "about", "ends"),
    [
        (AGREED.model_copy(update={"by": "guardian"}), f"case:{CASE}", "consent_after_emergency"),
        (AGREED, f"case:{CASE}", "consent_after_emergency"),
        (
            OffersChanged(provider_id="p", services=("shelter",), offers=(), grounds="no men"),
            "provider:p", "directory_correction",
        ),
    ],
)  # fmt: skip
def test_what_ends_a_referrals_duty_may_stand_on_another_stream(event: Event, about: str, ends: str) -> None:
    *_, row = rows(event)
    assert row.key == {"about": about, "version": 1, "ends": ends}


def test_a_guardians_consent_to_something_else_changes_nothing_that_is_waited_for() -> None:
    assert rows(ConsentRecorded(case_id=CASE, kind="interview", given=True, by="guardian")) == ()
