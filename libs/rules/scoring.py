"""What the answers of a screening support, and why: indicators to dimensions to act, means and purpose.

ILO/EC Delphi 2009: a dimension is positive with 2S, or 1S and one M or W, or 3M, or 2M and 1W. A child needs no means.
What the person agreed to or knew is never counted. This advises; a person decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from libs.rules.instruments import Answer, BadAnswers, Instrument, Question, check

DIMENSIONS: Final = (
    "deceptive_recruitment",
    "coercive_recruitment",
    "recruitment_abuse_of_vulnerability",
    "exploitation",
    "coercion_at_destination",
    "abuse_of_vulnerability_at_destination",
)
_STRENGTH: Final = {"S": 3, "M": 2, "W": 1, "none": 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer that speaks for something: its indicator, and its weight for this person (None: only supportive)."""

    question: str
    indicator: str
    dimension: str | None
    weight: str | None
    direct: bool
    bears_on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension with its counts; `rule` is the combination that made it positive, `because` the questions."""

    name: str
    strong: int
    medium: int
    weak: int
    rule: str | None
    because: tuple[str, ...]

    @property
    def positive(self) -> bool:
        """Whether the indicators reach one of the published combinations."""
        return self.rule is not None


@dataclass(frozen=True, slots=True)
class Element:
    """An act, a means or a purpose that the answers support, and the questions that led there."""

    element: str
    value: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """An unanswered question (or `age`) that would alone change the result, and to what."""

    question: str
    answer: Answer
    result: str


@dataclass(frozen=True, slots=True)
class Score:
    """What a screening supports: `trafficking`, `deceived_and_exploited`, `labour_rights_case`, `none`, `insufficient`.

    `missing` names the elements a finding of trafficking still lacks; `notes` are codes to show beside the result:
    `consent-irrelevant`, `child-needs-no-means`, `rests-on-unweighted-answers`.
    """

    instrument: str
    child: bool
    result: str
    findings: tuple[Finding, ...]
    dimensions: tuple[Dimension, ...]
    elements: tuple[Element, ...]
    missing: tuple[str, ...]
    would_change: tuple[Change, ...]
    notes: tuple[str, ...]


def score(instrument: Instrument, answers: Mapping[str, object], *, child: bool) -> Score:
    """Score answers that fit the instrument; raises `BadAnswers` where they do not."""
    if faults := check(instrument, answers):
        raise BadAnswers(faults)
    findings = _findings(instrument, answers, child=child)
    dimensions = _dimensions(findings)
    elements = _elements(findings, dimensions)
    return Score(
        instrument=instrument.key,
        child=child,
        result=_result(instrument, answers, child=child),
        findings=findings,
        dimensions=dimensions,
        elements=elements,
        missing=_missing(elements, child=child),
        would_change=tuple(_changes(instrument, answers, child=child)),
        notes=tuple(_notes(instrument, answers, findings, elements, child=child)),
    )


def _findings(instrument: Instrument, answers: Mapping[str, object], *, child: bool) -> tuple[Finding, ...]:
    return tuple(
        _finding(question, child=child)
        for question in instrument.questions
        if question.id in answers and _speaks(question, answers[question.id])
    )


def _finding(question: Question, *, child: bool) -> Finding:
    return Finding(
        question=question.id,
        indicator=question.indicator,
        dimension=question.dimension,
        weight=question.weight.of(child=child) if question.weight else None,
        direct=question.direct,
        bears_on=tuple((b.element, b.value) for b in question.bears_on if b.applies(child=child)),
    )


def _speaks(question: Question, answer: object) -> bool:
    return any(answer is value or (isinstance(value, str) and answer == value) for value in question.when)


def _dimensions(findings: tuple[Finding, ...]) -> tuple[Dimension, ...]:
    return tuple(_dimension(name, [found for found in findings if found.dimension == name]) for name in DIMENSIONS)


def _dimension(name: str, findings: list[Finding]) -> Dimension:
    """Each indicator counts once, at its strongest, however many questions ask for it."""
    weights: dict[str, str] = {}
    for found in findings:
        weight = found.weight or "none"
        if _STRENGTH[weight] > _STRENGTH[weights.get(found.indicator, "none")]:
            weights[found.indicator] = weight
    strong, medium, weak = ([*weights.values()].count(letter) for letter in "SMW")
    because = tuple(found.question for found in findings if found.weight not in (None, "none"))
    return Dimension(name, strong, medium, weak, _rule(strong, medium, weak), because)


def _rule(strong: int, medium: int, weak: int) -> str | None:
    """The published combination that holds, or None (ILO/EC Delphi 2009, WCMS_105023)."""
    two, three = 2, 3
    if strong >= two:
        return "2S"
    if strong == 1 and medium + weak >= 1:
        return "1S+1M" if medium else "1S+1W"
    if medium >= three:
        return "3M"
    return "2M+1W" if medium == two and weak >= 1 else None


def _elements(findings: tuple[Finding, ...], dimensions: tuple[Dimension, ...]) -> tuple[Element, ...]:
    """The elements supported: by an indicator of a positive dimension, or by an answer that states the element."""
    positive = {dimension.name for dimension in dimensions if dimension.positive}
    because: dict[tuple[str, str], list[str]] = {}
    for found in findings:
        if found.direct or (found.dimension in positive and found.weight != "none"):
            for bearing in found.bears_on:
                because.setdefault(bearing, []).append(found.question)
    order = ("act", "means", "purpose")
    supported = sorted(because.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    return tuple(Element(element, value, tuple(questions)) for (element, value), questions in supported)


def _result(instrument: Instrument, answers: Mapping[str, object], *, child: bool) -> str:
    """The result; `insufficient` instead of `none` where the questions left open could still support something."""
    found = _verdict(_findings(instrument, answers, child=child), child=child)
    return found if found != "none" else _if_none(instrument, answers, child=child)


def _if_none(instrument: Instrument, answers: Mapping[str, object], *, child: bool) -> str:
    most = {question.id: question.when[0] for question in instrument.questions if question.when}
    possible = _verdict(_findings(instrument, {**most, **answers}, child=child), child=child)
    return "none" if possible == "none" else "insufficient"


def _verdict(findings: tuple[Finding, ...], *, child: bool) -> str:
    dimensions = _dimensions(findings)
    positive = {dimension.name for dimension in dimensions if dimension.positive}
    elements = {element.element for element in _elements(findings, dimensions)}
    exploited, deceived = "exploitation" in positive, "deceptive_recruitment" in positive
    coerced, forced = "coercion_at_destination" in positive, "coercive_recruitment" in positive
    stated = any(found.direct and any(bearing[0] == "purpose" for bearing in found.bears_on) for found in findings)
    if child and {"act", "purpose"} <= elements:  # Palermo Protocol, article 3 (c): a child needs no means
        return "trafficking"
    if exploited and coerced and (deceived or forced):
        return "trafficking"
    if {"act", "means"} <= elements and (stated or (exploited and coerced)):  # Palermo Protocol, article 3 (a)
        return "trafficking"
    if exploited:
        return "deceived_and_exploited" if deceived else "labour_rights_case"
    return "none"


def _missing(elements: tuple[Element, ...], *, child: bool) -> tuple[str, ...]:
    needed = ("act", "purpose") if child else ("act", "means", "purpose")
    return tuple(element for element in needed if element not in {found.element for found in elements})


def _changes(instrument: Instrument, answers: Mapping[str, object], *, child: bool) -> Iterator[Change]:
    """One more yes never weakens anything, and leaves what the open questions could support at most as it was."""
    findings = _findings(instrument, answers, child=child)
    verdict = _verdict(findings, child=child)
    for question in instrument.questions:
        if question.id in answers or not question.when:
            continue
        changed = _verdict((*findings, _finding(question, child=child)), child=child)
        if changed != verdict:
            yield Change(question.id, question.when[0], changed)
    result, other_age = (_result(instrument, answers, child=age) for age in (child, not child))
    if other_age != result:
        yield Change("age", "adult" if child else "child", other_age)


def _notes(
    instrument: Instrument,
    answers: Mapping[str, object],
    findings: tuple[Finding, ...],
    elements: tuple[Element, ...],
    *,
    child: bool,
) -> Iterator[str]:
    supported = {element.element for element in elements}
    agreed = any(question.about == "consent" and answers.get(question.id) is True for question in instrument.questions)
    if agreed and (child or "means" in supported):  # Palermo Protocol, article 3 (b) and (c)
        yield "consent-irrelevant"
    if child and "means" not in supported and {"act", "purpose"} <= supported:
        yield "child-needs-no-means"
    weighed = any(found.dimension == "exploitation" for found in findings)
    if "purpose" in supported and not weighed:
        yield "rests-on-unweighted-answers"
