"""Beds: never overbooked, children never among unrelated adults, custody never empty and never double."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from libs.events.catalogue.aftercare import Beds, CapacitySet, HoldExpired, ShelterOpened
from libs.events.decider import Refused
from libs.events.event import Event
from libs.events.testing import given
from services.aftercare.commands import (
    Admit,
    At,
    Enter,
    ExpireHolds,
    FollowUp,
    Hold,
    Inspect,
    Leave,
    Person,
    Release,
    SetCapacity,
    ShelterCommand,
)  # fmt: skip
from services.aftercare.decider import CARE, SHELTER
from services.aftercare.rulebook import visits_due
from services.aftercare.state import Care

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CASE = "KH-0000-0000"
MAN = Person(CASE, "male", None, child=False)
OPENED = ShelterOpened(
    shelter_id="s1",
    provider_id="p1",
    organisation="house",
    province="KH-12",
    kind="transit",
    name="House",
    beds=(Beds(cohort="men", count=1), Beds(cohort="boys", count=1)),
)
ADMIT = Admit(MAN, "p.1", 1, "men", "r1")
HOLD = Hold("h1", "men", None, "r9", NOW + timedelta(hours=72))


def at(command: ShelterCommand, hours: int = 0) -> At:
    return At(NOW + timedelta(hours=hours), command)


def after(*commands: At) -> list[Event]:
    past: list[Event] = [OPENED]
    for command in commands:
        past += given(SHELTER, *past).when(command).events
    return past


def test_the_last_bed_goes_to_one_person() -> None:
    given(SHELTER, *after(at(ADMIT))).when(at(replace(ADMIT, placement_id="q.1"))).then_refused("no-free-bed")


def test_a_held_bed_is_not_free() -> None:
    given(SHELTER, *after(at(HOLD))).when(at(ADMIT)).then_refused("no-free-bed")


def test_a_held_bed_is_for_whom_it_is_held() -> None:
    when = given(SHELTER, *after(at(HOLD))).when(at(replace(ADMIT, referral_id="r9")))
    assert [event.wire.split(".")[3] for event in when.events] == ["hold_used", "admitted"]
    assert when.state.held("men") == 0


def test_a_bed_is_held_once_for_a_referral_and_only_where_the_person_fits() -> None:
    two = given(SHELTER, OPENED).when(at(SetCapacity((Beds(cohort="men", count=2),)))).events
    held = given(SHELTER, OPENED, *two).when(at(HOLD)).events
    given(SHELTER, OPENED, *two, *held).when(at(replace(HOLD, hold_id="h2"))).then_refused("already-held")
    assert given(SHELTER, OPENED, *two, *held).when(at(replace(HOLD, hold_id="h2", referral_id=None))).events
    given(SHELTER, OPENED).when(at(replace(HOLD, cohort="boys", person=MAN))).then_refused("adult-among-children")


def test_a_transfer_takes_no_bed_that_is_held_for_others() -> None:
    nobody_named = at(replace(HOLD, referral_id=None))
    arriving = at(replace(ADMIT, referral_id="", arriving_from="s2", stay=2))
    given(SHELTER, *after(nobody_named)).when(arriving).then_refused("no-free-bed")


@pytest.mark.parametrize("hours", [72, 73, 24 * 365])
def test_a_hold_that_has_run_out_already_is_refused(hours: int) -> None:
    """Stated for a moment so long ago that the next sweep would give the bed to another."""
    given(SHELTER, OPENED).when(at(HOLD, hours)).then_refused("hold-has-run-out")
    assert given(SHELTER, OPENED).when(at(HOLD, 71)).events


def test_a_hold_expires_by_an_event() -> None:
    when = given(SHELTER, *after(at(HOLD))).when(at(ExpireHolds(), hours=72))
    assert [type(event) for event in when.events] == [HoldExpired]
    assert given(SHELTER, *after(at(HOLD))).when(at(ADMIT, hours=72)).state.occupied("men") == 1


def test_capacity_is_never_below_what_is_taken() -> None:
    given(SHELTER, *after(at(ADMIT))).when(at(SetCapacity((Beds(cohort="men", count=0),)))).then_refused(
        "capacity-below-occupied"
    )
    more = given(SHELTER, *after(at(ADMIT))).when(at(SetCapacity((Beds(cohort="men", count=2),))))
    assert isinstance(more.events[0], CapacitySet)
    assert more.state.free("men") == 1


@pytest.mark.parametrize(
    ("person", "cohort", "rule"),
    [
        (replace(MAN, child=True), "men", "child-among-adults"),
        (MAN, "boys", "adult-among-children"),
        (MAN, "women", "cohort-unsuitable"),
    ],
)
def test_everybody_is_placed_with_their_like(person: Person, cohort: str, rule: str) -> None:
    given(SHELTER, OPENED).when(at(replace(ADMIT, person=person, cohort=cohort))).then_refused(rule)


def test_who_left_cannot_leave_again() -> None:
    leave = at(Release("p.1", None, "independent", {}))
    given(SHELTER, *after(at(ADMIT), leave)).when(leave).then_refused("not-in-this-shelter")
    given(SHELTER).when(leave).then_refused("not-found")


def test_a_passed_inspection_names_no_fault() -> None:
    given(SHELTER, OPENED).when(at(Inspect("passed", ("fire_exits",), ""))).then_refused(
        "inspection-contradicts-itself"
    )


def test_a_person_has_one_bed() -> None:
    enter = Enter(CASE, "p.1", 1, "s1", "house")
    first = given(CARE).when(enter).events[0]
    given(CARE, first).when(replace(enter, placement_id="p.2")).then_refused("already-placed")
    moved = given(CARE, first).when(replace(enter, stay=2, shelter_id="s2"))
    assert moved.state.current.shelter_id == "s2"
    left = given(CARE, first).when(Leave(CASE, "p.1", "independent"))
    assert left.state.current is None
    again = given(CARE, first, left.events[0]).when(replace(enter, placement_id="p.2"))
    assert again.state.placements == 2


def test_a_visit_is_recorded_once() -> None:
    visit = FollowUp(CASE, 1, "safe", {})
    past = given(CARE).when(visit).events
    given(CARE, *past).when(visit).then_refused("already-so")
    due = visits_due(CARE.fold(past), NOW.date().replace(day=31))
    assert [one["due"] for one in due] == ["2026-02-28", "2026-04-30", "2026-07-31", "2027-01-31"]
    assert due[0]["done"]
    assert visits_due(Care(), None) == []


COMMANDS = st.one_of(
    st.builds(
        lambda n, c: replace(ADMIT, placement_id=f"p.{n}", cohort=c), st.integers(1, 6), st.sampled_from(["men"])
    ),
    st.builds(lambda n: Release(f"p.{n}", None, "left", {}), st.integers(1, 6)),
    st.builds(lambda n: replace(HOLD, hold_id=f"h{n}", referral_id=f"x{n}"), st.integers(1, 6)),
    st.builds(lambda n: SetCapacity((Beds(cohort="men", count=n),)), st.integers(0, 4)),
    st.just(ExpireHolds()),
)


@examples(st.lists(st.tuples(COMMANDS, st.integers(0, 200)), max_size=25))
def test_held_and_occupied_never_exceed_capacity(commands: list[tuple[ShelterCommand, int]]) -> None:
    state = SHELTER.fold([OPENED])
    for command, hours in commands:
        try:
            state = SHELTER.fold(SHELTER.decide(at(command, hours), state), state)
        except Refused:
            continue
        assert state.occupied("men") + state.held("men") <= state.capacity["men"]  # type: ignore[union-attr]
