"""Which rows the facts of shelters and referrals change."""

from libs.events.catalogue.aftercare import BedHeld, Beds, ShelterOpened
from libs.events.catalogue.identification import Closed, Reopened
from libs.events.catalogue.referral import ReferralAnswered, ReferralCompleted
from libs.events.consume import Add, Fact, Put
from libs.events.envelope import Envelope
from libs.events.event import Event
from projections.shelter_capacity.view import WANTS, apply

AT = "2026-01-01T00:00:00.000000Z"
SHELTER = {"shelter_id": "s1", "provider_id": "p1", "organisation": "house", "province": "KH-12", "kind": "transit"}


def fact(event: Event) -> Fact:
    envelope = Envelope(
        id="1", type=event.wire, source="", subject="", time=AT, occurredat=AT, stream="shelter:s1", streamversion=7,
        organisation="", actor="", role="", correlationid="", prevhash="", data=event.data(),
    )  # fmt: skip
    return Fact(event, envelope)


def test_a_shelter_comes_with_its_beds() -> None:
    opened = ShelterOpened(**SHELTER, name="House", beds=(Beds(cohort="men", count=3),))
    changes = apply(fact(opened))
    assert Put("bed", {"shelter_id": "s1", "cohort": "men"}, {"capacity": 3}) in changes
    assert all("name" not in change.values for change in changes if isinstance(change, Put))


def test_a_hold_is_counted_and_kept() -> None:
    held = BedHeld(**SHELTER, hold_id="h", cohort="men", expires_at="2026-01-04T00:00:00Z")
    put, add = apply(fact(held))
    assert isinstance(put, Put)
    assert put.table == "hold"
    assert add == Add("bed", {"shelter_id": "s1", "cohort": "men"}, {"held": 1})


def test_only_a_shelter_referral_that_is_accepted_or_full_waits() -> None:
    answered = ReferralAnswered(
        case_id="KH-0000-0000", referral_id="r", provider_id="p1", response="decline", ground="full",
        services=("shelter",), province="KH-12", term="short", cohort="men",
    )  # fmt: skip
    (waiting,) = apply(fact(answered))
    assert isinstance(waiting, Put)
    assert waiting.values["kind"] == "short_term"
    assert not apply(fact(answered.model_copy(update={"ground": "not_suitable"})))
    assert not apply(fact(answered.model_copy(update={"services": ("medical",)})))


def test_each_answer_is_kept_and_a_completed_referral_ends_the_waiting() -> None:
    accepted = ReferralAnswered(
        case_id="KH-0000-0000", referral_id="r", provider_id="p1", response="accept", ground="place_available",
        services=("shelter",), province="KH-12", term="short", cohort="men",
    )  # fmt: skip
    assert apply(fact(accepted))[0].key == {"referral_id": "r", "version": 7}
    completed = ReferralCompleted(case_id="KH-0000-0000", referral_id="r", provider_id="p1")
    assert apply(fact(completed)) == (Put("completion", {"referral_id": "r"}, {"at": AT, "recorded_at": AT}),)


def test_a_case_that_is_closed_or_taken_up_again_is_kept_with_both_clocks() -> None:
    for event, closed in ((Closed(case_id="KH-0000-0000"), True), (Reopened(case_id="KH-0000-0000"), False)):
        (put,) = apply(fact(event))
        assert put == Put(
            "closure", {"case_id": "KH-0000-0000", "version": 7}, {"closed": closed, "at": AT, "recorded_at": AT}
        )


def test_every_wanted_event_is_handled() -> None:
    assert all(".v" in wire for wire in WANTS)
