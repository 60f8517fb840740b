"""What answers support: the published combinations, the child rule, and which missing fact would change the result."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.rules.instruments import BadAnswers, load_instruments
from libs.rules.scoring import DIMENSIONS, Score, score

INSTRUMENTS = load_instruments()
CHECKLIST = INSTRUMENTS.of("identification-checklist")
QUESTIONS = {question.id: question for question in CHECKLIST.questions}
IDS = sorted(QUESTIONS)
OPEN: dict[str, object] = {}
EASY = settings(deadline=None, max_examples=60)
some_answers = st.dictionaries(st.sampled_from(IDS), st.booleans(), max_size=40)


def scored(*yes: str, child: bool = False, rest: bool | None = False) -> Score:
    """The checklist with these answered yes; the rest no, or left open with `rest=None`."""
    others: Mapping[str, object] = OPEN if rest is None else dict.fromkeys(IDS, rest)
    return score(CHECKLIST, {**others, **dict.fromkeys(yes, True)}, child=child)


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        (("ex_hours",), None),
        (("ex_hours", "ex_pay"), "1S+1M"),
        (("ex_hours", "ex_schooling"), "1S+1W"),
        (("ex_pay", "ex_wages"), None),
        (("ex_pay", "ex_wages", "ex_living"), "3M"),
        (("ex_pay", "ex_wages", "ex_schooling"), "2M+1W"),
        (("cd_papers", "cd_debt"), "2S"),
    ],
)
def test_a_dimension_is_positive_by_the_published_combinations(answers: tuple[str, ...], rule: str | None) -> None:
    found = scored(*answers)
    asked = QUESTIONS[answers[0]].dimension
    assert [dimension.rule for dimension in found.dimensions if dimension.name == asked] == [rule]


def test_exploitation_alone_is_a_labour_rights_case() -> None:
    assert scored("ex_hours", "ex_pay").result == "labour_rights_case"


def test_deception_and_exploitation_without_coercion_is_deceived_and_exploited() -> None:
    assert scored("dr_job", "dr_pay", "ex_hours", "ex_pay").result == "deceived_and_exploited"


def test_deception_exploitation_and_coercion_is_trafficking() -> None:
    found = scored("dr_job", "dr_pay", "ex_hours", "ex_pay", "cd_papers", "cd_debt")
    assert found.result == "trafficking"
    assert found.missing == ()
    assert ("means", "deception", ("dr_job", "dr_pay")) in [
        (element.element, element.value, element.because) for element in found.elements
    ]


def test_a_child_needs_no_means() -> None:
    facts = ("act_transported", "ex_hours", "ex_pay")
    assert scored(*facts).result == "labour_rights_case"
    child = scored(*facts, child=True)
    assert (child.result, child.notes) == ("trafficking", ("child-needs-no-means",))


def test_an_adult_in_prostitution_needs_act_and_means() -> None:
    assert scored("pur_sexual", "act_recruited").result == "none"
    found = scored("pur_sexual", "act_recruited", "cd_confined", "cd_debt")
    assert (found.result, found.notes) == ("trafficking", ("rests-on-unweighted-answers",))


def test_signs_without_a_weight_decide_nothing() -> None:
    found = scored("sup_fear", "sup_speaks", "chl_work", "chl_parents", child=True)
    assert found.result == "none"
    assert all(finding.weight is None for finding in found.findings)


def test_nothing_answered_is_insufficient_and_all_no_is_none() -> None:
    assert scored(rest=None).result == "insufficient"
    assert scored().result == "none"


def test_says_which_missing_fact_would_change_the_result() -> None:
    answers: dict[str, object] = {**dict.fromkeys(IDS, False), "dr_job": True, "dr_pay": True, "ex_hours": True}
    answers |= {"ex_pay": True, "cd_papers": True}
    del answers["cd_debt"], answers["sup_fear"]
    found = score(CHECKLIST, answers, child=False)
    assert found.result == "deceived_and_exploited"
    assert [(change.question, change.result) for change in found.would_change] == [
        ("cd_debt", "trafficking"),
        ("age", "trafficking"),
    ]


def test_consent_counts_for_nothing() -> None:
    form = INSTRUMENTS.of("screening-form")
    facts: dict[str, object] = {"consent_interview": True, "consent_sharing": True, "dr_job": True, "dr_pay": True}
    facts |= {"ex_hours": True, "ex_pay": True, "documents_held_by": "employer", "cd_debt": True}
    refused, agreed = (score(form, {**facts, "agreed": said, "continuum": "F"}, child=False) for said in (False, True))
    assert refused.result == agreed.result == "trafficking"
    assert agreed.notes == ("consent-irrelevant",)


def test_refuses_answers_that_do_not_fit() -> None:
    with pytest.raises(BadAnswers, match="/answers/shoe_size"):
        score(CHECKLIST, {"shoe_size": 38}, child=False)


@EASY
@given(answers=some_answers, child=st.booleans())
def test_every_supported_element_names_answers_that_were_given(*, answers: dict[str, bool], child: bool) -> None:
    found = score(CHECKLIST, answers, child=child)
    for element in found.elements:
        assert element.because
        assert all(answers[question] for question in element.because)
    assert [dimension.name for dimension in found.dimensions] == [*DIMENSIONS]


@EASY
@given(answers=some_answers)
def test_what_is_trafficking_for_an_adult_with_an_act_is_for_a_child(answers: dict[str, bool]) -> None:
    settled = {**dict.fromkeys(IDS, False), **answers, "act_recruited": True, "pur_sexual": True}
    assert score(CHECKLIST, settled, child=True).result == "trafficking"


@EASY
@given(answers=some_answers, child=st.booleans())
def test_the_facts_said_to_change_the_result_do(*, answers: dict[str, bool], child: bool) -> None:
    found = score(CHECKLIST, answers, child=child)
    for change in found.would_change[:3]:
        if change.question == "age":
            assert score(CHECKLIST, answers, child=not child).result == change.result
        else:
            again = score(CHECKLIST, {**answers, change.question: change.answer}, child=child)
            assert again.result == change.result != found.result


@EASY
@given(answers=some_answers, more=st.sampled_from(IDS), child=st.booleans())
def test_one_more_yes_never_weakens_a_dimension(*, answers: dict[str, bool], more: str, child: bool) -> None:
    before = {d.name for d in score(CHECKLIST, answers, child=child).dimensions if d.positive}
    after = {d.name for d in score(CHECKLIST, {**answers, more: True}, child=child).dimensions if d.positive}
    assert before <= after
