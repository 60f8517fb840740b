"""What referral remembers: who has to do with a case, and where a referral stands."""

from libs.events.catalogue.identification import Screened
from libs.events.catalogue.referral import ReferralAnswered, Referred
from libs.events.consume import Fact, Put
from libs.events.envelope import Envelope
from libs.events.event import Event
from services.referral.reactions import remember

AT = "2026-01-01T00:00:00.000000Z"
CASE = "KH-0000-0000"


def fact(event: Event, organisation: str) -> Fact:
    envelope = Envelope(
        id="1", type=event.wire, source="", subject="", time=AT, occurredat=AT, stream="s", streamversion=1,
        organisation=organisation, actor="", role="", correlationid="", prevhash="", data=event.data(),
    )  # fmt: skip
    return Fact(event, envelope)


def parties(event: Event, organisation: str) -> set[str]:
    changes = remember(fact(event, organisation))
    return {str(one.key["organisation"]) for one in changes if one.table == "known_party"}


def test_who_recorded_something_has_to_do_with_the_case() -> None:
    screened = Screened(
        case_id=CASE, instrument="card", instrument_version=1, result="x", initial_determination="presumed_victim"
    )
    assert parties(screened, "ngo") == {"ngo"}


def test_who_is_asked_to_take_a_person_has_to_do_with_the_case() -> None:
    referred = Referred(
        case_id=CASE, referral_id="r", provider_id="p", provider="house", province="KH-1", services=("shelter",),
        term="long", cohort="men", sex="male", age_group="30-38", child=False, referred_by="ngo", consent_by="self",
    )  # fmt: skip
    assert parties(referred, "ngo") == {"ngo", "house"}


def test_an_unmet_need_keeps_its_ground() -> None:
    answered = ReferralAnswered(
        case_id=CASE, referral_id="r", provider_id="p", response="decline", ground="full", services=("shelter",),
        province="KH-1", term="long", cohort="men",
    )  # fmt: skip
    values = {"status": "declined", "ground": "full", "answered_at": AT}
    assert Put("known_referral", {"referral_id": "r"}, values) in remember(fact(answered, "house"))
