"""The corridors: acyclic, complete, consent and risk before hand-over, and due days over national calendars."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.rules.calendar import load_calendars
from libs.rules.corridors import FOLDER, check, diff, is_complete, load_checked, load_corridors, next_steps, waiting_for
from libs.rules.procedure import CORE_STEPS, Corridor, UnknownCorridor, due
from nrm.commands import corridors as command

CORRIDORS = load_corridors()
CALENDARS = load_calendars()
VIETNAM = CORRIDORS.of("KH-VN")
EVERY = pytest.mark.parametrize("corridor", CORRIDORS.newest(), ids=lambda found: found.key)
SHIPPED = FOLDER / "KH-VN.v1.yaml"


def broken(tmp_path: Path, old: str, new: str) -> tuple[Path, int]:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / SHIPPED.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path, text[: text.index(old)].count("\n") + 1


def test_ships_both_directions_of_every_neighbour() -> None:
    pairs = {corridor.id for corridor in CORRIDORS.newest()}
    assert pairs == {f"KH-{other}" for other in ("VN", "TH", "MY", "LA", "MM", "CN")} | {
        f"{other}-KH" for other in ("VN", "TH", "MY", "LA", "MM", "CN")
    }
    assert CORRIDORS.of("MY-KH").status == "provisional"
    assert CORRIDORS.of("TH-KH").status == "draft"
    with pytest.raises(UnknownCorridor):
        CORRIDORS.of("KH-ZZ")


@EVERY
def test_steps_can_be_done_one_after_another_to_the_end(corridor: Corridor) -> None:
    done: frozenset[str] = frozenset()
    while ready := next_steps(corridor, done):
        done |= {ready[0].id}
    assert done == {step.id for step in corridor.steps}
    assert is_complete(corridor, done)
    assert waiting_for(corridor, done) is None


@EVERY
def test_nobody_is_handed_over_without_consent_and_risk_assessment(corridor: Corridor) -> None:
    everything = frozenset(step.id for step in corridor.steps)
    for missing in ("consent_given", "risk_assessed"):
        ready = {step.id for step in next_steps(corridor, everything - {missing, "handed_over"})}
        assert missing in ready
        assert "handed_over" not in ready
        assert not corridor.step(missing).waivable_by


@EVERY
def test_the_steps_of_the_contract_can_be_recorded_in_its_order(corridor: Corridor) -> None:
    for number, name in enumerate(CORE_STEPS):
        assert name in {step.id for step in next_steps(corridor, frozenset(CORE_STEPS[:number]))}
    assert is_complete(corridor, frozenset(CORE_STEPS))


@EVERY
def test_two_organisations_sign_a_hand_over(corridor: Corridor) -> None:
    assert corridor.step("receipt_acknowledged").other_than == "handed_over"


@EVERY
def test_a_limit_without_a_text_is_marked(corridor: Corridor) -> None:
    texts = [step.id for step in corridor.steps if step.limit and step.limit.source.kind == "text"]
    assert texts == (["local_verification", "nationality_verified"] if corridor.id == "KH-VN" else [])


def test_nothing_personal_is_disclosed_by_the_first_notice() -> None:
    assert not {"given_name", "family_name", "date_of_birth"} & {*VIETNAM.step("notified").fields}


def test_vietnam_verifies_within_twenty_and_ten_working_days() -> None:
    times = {"opened": date(2025, 6, 2), "notified": date(2025, 6, 2)}
    local = due(VIETNAM, "local_verification", times, CALENDARS)
    assert local is not None
    assert (local.day, local.provisional) == (date(2025, 6, 30), False)
    projected = due(VIETNAM, "nationality_verified", times, CALENDARS)
    assert projected is not None
    assert projected.day == date(2025, 7, 14)
    early = due(VIETNAM, "nationality_verified", {**times, "local_verification": date(2025, 6, 9)}, CALENDARS)
    assert early is not None
    assert early.day == date(2025, 6, 23)


def test_no_limit_means_no_due_day() -> None:
    assert due(VIETNAM, "consent_given", {"opened": date(2025, 6, 2)}, CALENDARS) is None
    assert due(VIETNAM, "followed_up", {"opened": date(2025, 6, 2)}, CALENDARS) is None
    with pytest.raises(UnknownCorridor):
        due(VIETNAM, "beamed_up", {}, CALENDARS)


def test_a_placeholder_limit_is_provisional() -> None:
    found = due(VIETNAM, "notified", {"opened": date(2025, 6, 2)}, CALENDARS)
    assert found is not None
    assert found.provisional


@settings(deadline=None)
@given(st.sampled_from(CORRIDORS.newest()), st.sets(st.sampled_from(CORE_STEPS)))
def test_a_step_is_ready_only_when_all_before_it_is_done(corridor: Corridor, done: set[str]) -> None:
    for step in next_steps(corridor, frozenset(done)):
        assert step.depends_on <= done
        assert step.id not in done


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("depends_on: [family_traced]", "depends_on: [followed_up]", "steps wait for each other"),
        ("depends_on: [itinerary_agreed, risk_assessed, consent_given]", "depends_on: [notified]", "must come after"),
        ("  - id: risk_assessed", "  - id: risk_pondered", "step 'risk_assessed' is missing"),
        ("party: mosvy", "party: molisa", "is not a party of the sending side"),
        (
            "kind: working, calendar: VN, from: notified",
            "kind: working, calendar: ZZ, from: notified",
            "no calendar 'ZZ'",
        ),
        ("calendar: VN, from: notified", "calendar: VN, from: never", "there is no step 'never'"),
        ("kind: calendar, from: handed_over", "kind: working, from: handed_over", "working days need a calendar"),
        ("direction: outbound", "direction: inbound", "is `outbound` from Cambodia"),
        ("    other_than: handed_over\n", "", "both sides sign a hand-over"),
        ("languages: [en, km, vi]", "languages: [en, km]", "must be in exactly en, km"),
    ],
)
def test_a_broken_corridor_is_refused_with_its_reason(tmp_path: Path, old: str, new: str, what: str) -> None:
    path, _ = broken(tmp_path, old, new)
    assert any(what in fault.what for fault in check(path)), check(path)


def test_a_broken_corridor_is_refused_with_its_line(tmp_path: Path) -> None:
    path, line = broken(tmp_path, "party: mosvy", "party: molisa")
    assert [fault.line for fault in check(path)] == [line]


def test_a_new_version_is_compared_with_the_old() -> None:
    steps = [step for step in VIETNAM.steps if step.id != "local_verification"]
    family = next(step for step in steps if step.id == "family_traced")
    steps[steps.index(family)] = replace(family, documents=("letter",))
    new = replace(VIETNAM, version=2, steps=tuple(steps))
    assert [str(change) for change in diff(VIETNAM, new)] == [
        "corridor: version: 1 -> 2",
        "local_verification: removed: local_verification -> -",
        "family_traced: documents: family_assessment -> letter",
    ]
    assert diff(VIETNAM, VIETNAM) == ()


def test_the_command_says_what_it_found_by_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, line = broken(tmp_path, "days: 20", "days: -20")
    assert command.check([FOLDER]) == command.OK
    assert command.check([path]) == command.FOUND
    assert f"{path}:{line}: " in capsys.readouterr().out
    assert command.check([tmp_path / "empty.d"]) == command.UNUSABLE
    assert command.diff(SHIPPED, SHIPPED) == command.OK
    assert command.diff(SHIPPED, FOLDER / "KH-TH.v1.yaml", as_json=True) == command.FOUND
    assert command.diff(SHIPPED, path) == command.UNUSABLE


def test_a_file_on_its_own_loads_like_the_folder() -> None:
    assert load_checked(SHIPPED) == VIETNAM
