"""The rule files of identification, read once at start: instruments, and what their answers support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from libs.events.catalogue.vocabulary import LegalBasis
from libs.events.decider import Refused
from libs.events.event import JSON
from libs.rules.instruments import Instrument, UnknownInstrument, check, load_instruments, unanswered
from libs.rules.limits import load_limits
from libs.rules.plain import plain
from libs.rules.scoring import Score, score
from libs.rules.statutes import load_statutes
from services.identification.decider import status_of
from services.identification.state import Open

INSTRUMENTS = load_instruments()
LIMITS = load_limits("identification")
LAW = load_statutes()
QUESTIONS = frozenset(question.id for one in INSTRUMENTS.by_key.values() for question in one.questions)
"""Every question's id in any instrument and version."""


def follow_up_on(stated: date | None, outcome: str, decided_on: date) -> str | None:
    """When an inconclusive case is taken up again: as stated, else after the days that the limits name."""
    if stated is None and outcome == "inconclusive":
        stated = decided_on + timedelta(days=LIMITS.of("inconclusive_follow_up").value)
    return stated.isoformat() if stated else None


def check_legal_basis(cited: Sequence[LegalBasis]) -> None:
    """Raises 422 where a determination cites a statute that the table does not have."""
    known = sorted(statute.id for statute in LAW.statutes)
    for index, one in enumerate(cited):
        if one.statute not in known:
            at = f"/legal_basis/{index}/statute"
            raise Refused("unknown-statute", f"statute is one of {', '.join(known)}", status=422, pointer=at)


@dataclass(frozen=True, slots=True)
class Scored:
    """What an instrument's answers support, as the event keeps it, and the explanation that the officer is shown."""

    instrument: str
    version: int
    result: str
    act: tuple[str, ...]
    means: tuple[str, ...]
    purpose: tuple[str, ...]
    explanation: Mapping[str, JSON]


def instrument_named(name: str) -> Instrument:
    """An instrument by `screening-form.v1`, or its newest version by `screening-form`. Raises Refused."""
    try:
        return INSTRUMENTS.of(name.replace("_", "-"))
    except UnknownInstrument:
        known = ", ".join(sorted(INSTRUMENTS.by_key))
        raise Refused(
            "unknown-instrument", f"instrument is one of {known}", status=422, pointer="/instrument"
        ) from None


def scored(name: str, answers: Mapping[str, JSON], *, child: bool) -> Scored:
    """What the answers support. An answer to a question that the instrument lacks is kept, and not scored.

    It is named where another instrument has the question, else counted: its key is the sender's own text.
    """
    instrument = instrument_named(name)
    known = {question.id for question in instrument.questions}
    asked = {question: answer for question, answer in answers.items() if question in known}
    faults = check(instrument, asked)
    if faults:
        raise Refused("invalid-request", faults[0].detail, status=422, pointer=faults[0].pointer)
    found = score(instrument, asked, child=child)
    shown: JSON = plain(found)
    explanation = {
        **shown,
        "not_scored": sorted((set(answers) - known) & QUESTIONS),
        "not_scored_unknown": len(set(answers) - known - QUESTIONS),
        "unanswered": list(unanswered(instrument, answers)),
    }
    return Scored(
        instrument.id, instrument.version, found.result,
        _values(found, "act"), _values(found, "means"), _values(found, "purpose"), explanation,
    )  # fmt: skip


def instrument_head(instrument: Instrument) -> dict[str, JSON]:
    """An instrument in a list."""
    return {
        "instrument_id": instrument.key,
        "id": instrument.id,
        "version": instrument.version,
        "title": dict(instrument.title),
        "draft": instrument.draft,
    }


def instrument_resource(instrument: Instrument) -> dict[str, JSON]:
    """An instrument with its questions."""
    return {**instrument_head(instrument), "questions": [plain(question) for question in instrument.questions]}


def case_resource(case_id: str, state: Open) -> dict[str, JSON]:
    """The case as it stands, without personal fields."""
    identified, determination = state.identified, state.determination
    return {
        "case_id": case_id,
        **identified.model_dump(mode="json", exclude={"case_id", "sealed"}),
        "status": status_of(state),
        "screenings": [one.model_dump(mode="json", exclude={"case_id", "sealed"}) for one in state.screenings],
        "determination": determination.model_dump(mode="json", exclude={"case_id", "sealed"})
        if determination
        else None,
        "consents": {kind: {"given": one.given, "by": one.by} for kind, one in state.consents.items()},
        "linked_cases": sorted(state.linked),
        "under_review": state.under_review,
        "wrong_reasons": list(state.alert.because) if state.alert else [],
        "age_determined": state.age_determined,
        "of_age": state.of_age,
        "closed": state.closed,
        "shredded": state.shredded,
    }


def _values(found: Score, element: str) -> tuple[str, ...]:
    return tuple(sorted({one.value for one in found.elements if one.element == element}))
