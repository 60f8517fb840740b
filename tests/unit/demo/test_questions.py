"""The demonstration's questions: well formed, about what the histories saved, and silent only where answers fit."""

from io import StringIO

import pytest
from rich.console import Console

from nrm.demo.histories import REFERENCE, Names, read_all
from nrm.demo.player import filled
from nrm.demo.questions import Answered, Question, at, differences, print_answered, read_questions, rows_of

QUESTIONS = read_questions()
NAMES = Names(read_all())
ANSWER = {"items": [{"case_id": "KH-1", "points": [3]}, {"case_id": "KH-2", "points": []}], "status": "running"}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.what)
def test_a_question_names_only_what_its_history_saved(question: Question) -> None:
    said = f"{question.path} {question.body} {question.expect} {question.some}"
    for word in REFERENCE.finditer(said):
        NAMES.find(question.history, word[1])
    assert question.show


def test_every_point_of_identification_care_and_statistics_is_asked() -> None:
    paths = " ".join(question.path for question in QUESTIONS)
    for part in (
        "advice", "possible-duplicates", "due/counts", "options", "waiting-list", "next-in-line", "unmet-needs",
        "inspections", "care-plan", "follow-ups", "alerts", "coverage", "estimate", "statistics?", "funnel", "releases",
    ):  # fmt: skip
        assert part in paths


def test_what_is_expected_is_compared_and_named() -> None:
    rows = rows_of(ANSWER, "items")
    assert differences(ANSWER, {"status": "running", "items.0.points.0": 3}, rows, {"case_id": "KH-2"}) == []
    assert differences(ANSWER, {"status": "finished"}, rows, {}) == [
        "status: expected finished, the system says running"
    ]
    assert differences(ANSWER, {}, rows, {"case_id": "KH-3"}) == ["no row has {'case_id': 'KH-3'}"]


def test_a_path_leads_into_lists_and_ends_where_nothing_is() -> None:
    assert at(ANSWER, "items.1.case_id") == "KH-2"
    assert at(ANSWER, "items.7.case_id") is None
    assert at(ANSWER, "status.more") is None
    assert rows_of(ANSWER, "nothing") == []


def test_words_are_filled_in_wherever_they_stand() -> None:
    assert filled({"a": ["${x}-${y}", 1]}, {"x": "1", "y": "2"}) == {"a": ["1-2", 1]}
    with pytest.raises(KeyError):
        filled("${z}", {})


def test_answers_are_printed() -> None:
    console = Console(file=StringIO(), width=100)
    question = Question("Who?", "", "o", "r", "s", "/v1/x", None, "items", ("case_id", "points"))
    print_answered(console, [Answered(question, ANSWER, ())])
    assert isinstance(console.file, StringIO)
    assert "KH-2" in console.file.getvalue()
