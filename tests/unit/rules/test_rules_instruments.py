"""The screening instruments: four languages, known weights, and answers checked before they are scored."""

from pathlib import Path

import pytest

from libs.rules.instruments import (
    FOLDER,
    LANGUAGES,
    AnswerFault,
    Instrument,
    UnknownInstrument,
    check,
    load_instrument,
    load_instruments,
    unanswered,
)
from libs.rules.load import BadRules
from libs.rules.scoring import DIMENSIONS

INSTRUMENTS = load_instruments()
EVERY = pytest.mark.parametrize("instrument", INSTRUMENTS.by_key.values(), ids=lambda found: found.key)
CONSENT: dict[str, object] = {"consent_interview": True, "consent_sharing": False}


def test_ships_the_three_instruments() -> None:
    assert set(INSTRUMENTS.by_key) == {"identification-card.v1", "identification-checklist.v1", "screening-form.v1"}
    assert INSTRUMENTS.of("screening-form") is INSTRUMENTS.of("screening-form.v1")
    with pytest.raises(UnknownInstrument):
        INSTRUMENTS.of("palm-reading")


@EVERY
def test_every_question_has_four_languages(instrument: Instrument) -> None:
    for question in instrument.questions:
        for text in (question.text, *(option.text for option in question.options)):
            assert set(text) == set(LANGUAGES)
            assert len(set(text.values())) == len(LANGUAGES), question.id


@EVERY
def test_every_script_is_the_one_of_its_language(instrument: Instrument) -> None:
    blocks = {"km": range(0x1780, 0x1800), "th": range(0x0E00, 0x0E80)}
    for question in instrument.questions:
        for language, block in blocks.items():
            assert any(ord(letter) in block for letter in question.text[language])
            others = [other for name, other in blocks.items() if name != language]
            assert not any(ord(letter) in other for letter in question.text[language] for other in others)


def test_the_checklist_has_every_published_labour_indicator() -> None:
    checklist = INSTRUMENTS.of("identification-checklist")
    counts = [sum(question.dimension == name for question in checklist.questions) for name in DIMENSIONS]
    assert counts == [10, 10, 16, 9, 15, 7]  # ILO/EC Delphi 2009: 67 indicators


def test_the_same_indicator_has_the_same_weight_everywhere() -> None:
    weights: dict[str, set[object]] = {}
    for instrument in INSTRUMENTS.by_key.values():
        for question in instrument.questions:
            weights.setdefault(question.indicator, set()).add((question.weight, question.dimension))
    assert all(len(found) == 1 for found in weights.values())


def test_the_screening_form_begins_with_consent() -> None:
    first = INSTRUMENTS.of("screening-form").questions[0]
    assert (first.id, first.required, first.must_be) == ("consent_interview", True, True)


def test_accepts_answers_of_the_right_type() -> None:
    answers: dict[str, object] = {**CONSENT, "age_stated": 15, "continuum": "C", "promise": "work", "ex_hours": True}
    assert check(INSTRUMENTS.of("screening-form"), answers) == ()


@pytest.mark.parametrize(
    ("question", "answer", "detail"),
    [
        ("shoe_size", 38, "screening-form.v1 has no such question"),
        ("ex_hours", "yes", "must be true or false"),
        ("ex_hours", 1, "must be true or false"),
        ("continuum", "Z", "must be one of A, B, C, D, E, F, unknown"),
        ("continuum", ["A"], "must be one of A, B, C, D, E, F, unknown"),
        ("age_stated", True, "must be a whole number"),
        ("age_stated", -1, "must be at least 0"),
        ("hours_per_day", 25, "must be at most 24"),
        ("promise", 7, "must be text of at most 10000 characters"),
        ("consent_interview", False, "must be true before this instrument may be used"),
    ],
)
def test_points_at_a_wrong_answer(question: str, answer: object, detail: str) -> None:
    faults = check(INSTRUMENTS.of("screening-form"), {**CONSENT, question: answer})
    assert faults == (AnswerFault(f"/answers/{question}", detail),)


def test_asks_for_what_is_required() -> None:
    assert unanswered(INSTRUMENTS.of("screening-form"), {}) == ("consent_interview", "consent_sharing")
    assert not check(INSTRUMENTS.of("screening-form"), {})


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("weight: {adult: S, child: S}", "weight: {adult: X, child: S}", "'X' is not one of"),
        ("id: act_transported", "id: act_recruited", "question 'act_recruited' is there twice"),
        ("when: [true]", "when: [maybe]", "'maybe' is not an answer"),
        ("id: identification-card", "id: identification-cart", "the file is named"),
        ("answer: boolean", "answer: choice", "a choice has options"),
    ],
)
def test_refuses_a_broken_instrument(tmp_path: Path, old: str, new: str, what: str) -> None:
    text = (FOLDER / "identification-card.v1.yaml").read_text(encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    path = tmp_path / "identification-card.v1.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadRules) as caught:
        load_instrument(path)
    assert any(fault.line == line and what in fault.what for fault in caught.value.faults), caught.value
