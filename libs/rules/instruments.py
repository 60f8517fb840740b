"""The screening instruments as data: their questions, and which answers a form may carry. Scoring is in `scoring`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from libs.rules.load import ROOT, BadRules, Document, Fault, Source, load, source_of

FOLDER = ROOT / "services/identification/rules/instruments"
LANGUAGES: Final = ("en", "km", "th", "vi")
TEXT_LENGTH_MAX = 10_000
"""An answer in words; longer ones belong in the case's narrative."""

Answer = bool | int | str


class UnknownInstrument(LookupError):
    """Raised when no shipped instrument has this name."""


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """An answer that the instrument does not allow; `pointer` is `/answers/<question>`."""

    pointer: str
    detail: str


class BadAnswers(ValueError):
    """Raised when answers do not fit their instrument; carries every fault."""

    def __init__(self, faults: tuple[AnswerFault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))


@dataclass(frozen=True, slots=True)
class Bearing:
    """An element of the definition that an answer bears on: act, means or purpose, and its value."""

    element: str
    value: str
    only: str | None = None

    def applies(self, *, child: bool) -> bool:
        """Whether this bearing holds for a child, or for an adult."""
        return self.only is None or self.only == ("child" if child else "adult")


@dataclass(frozen=True, slots=True)
class Weight:
    """The published weight of an indicator: `S`, `M`, `W` or `none`, for adults and for children."""

    adult: str
    child: str

    def of(self, *, child: bool) -> str:
        """The weight that counts for this person."""
        return self.child if child else self.adult


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a choice, in four languages."""

    value: str
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its wording, what may be answered, and what an answer in `when` speaks for.

    `weight` is None where none is published: such an answer only supports. `direct` marks an answer that states an
    act or a purpose itself. `about` marks a fact on which no negative determination may rest (consent, knowledge,
    immigration status, occupation).
    """

    id: str
    group: str
    answer: str
    text: Mapping[str, str]
    draft: bool
    source: Source
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    required: bool = False
    must_be: bool | None = None
    about: str | None = None
    indicator: str = ""
    dimension: str | None = None
    weight: Weight | None = None
    direct: bool = False
    when: tuple[Answer, ...] = ()
    bears_on: tuple[Bearing, ...] = ()
    htcds: tuple[str, str] | None = None

    def allowed(self) -> tuple[Answer, ...]:
        """The answers a boolean or a choice can have; nothing for numbers and words."""
        return (True, False) if self.answer == "boolean" else tuple(option.value for option in self.options)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A versioned instrument: the identification card, the checklist or the screening form."""

    id: str
    version: int
    title: Mapping[str, str]
    draft: bool
    source: Source
    questions: tuple[Question, ...]

    @property
    def key(self) -> str:
        """The name with its version, as an event keeps it: `screening-form.v1`."""
        return f"{self.id}.v{self.version}"


@dataclass(frozen=True, slots=True)
class Instruments:
    """Every shipped instrument, by its name with version."""

    by_key: Mapping[str, Instrument]

    def of(self, name: str) -> Instrument:
        """An instrument by `screening-form.v1`, or its newest version by `screening-form`; else `UnknownInstrument`."""
        if name in self.by_key:
            return self.by_key[name]
        versions = [instrument for instrument in self.by_key.values() if instrument.id == name]
        if not versions:
            raise UnknownInstrument(name)
        return max(versions, key=lambda instrument: instrument.version)


def check(instrument: Instrument, answers: Mapping[str, object]) -> tuple[AnswerFault, ...]:
    """What is wrong with these answers: unknown questions, wrong types."""
    return tuple(_answer_faults(instrument, answers))


def unanswered(instrument: Instrument, answers: Mapping[str, object]) -> tuple[str, ...]:
    """The required questions that were left out: a form that was begun is kept, and says what it lacks."""
    return tuple(question.id for question in instrument.questions if question.required and question.id not in answers)


def _answer_faults(instrument: Instrument, answers: Mapping[str, object]) -> Iterator[AnswerFault]:
    questions = {question.id: question for question in instrument.questions}
    for name, answer in answers.items():
        if name not in questions:
            yield AnswerFault(f"/answers/{name}", f"{instrument.key} has no such question")
        elif detail := _wrong(questions[name], answer):
            yield AnswerFault(f"/answers/{name}", detail)


def _wrong(question: Question, answer: object) -> str | None:
    match question.answer:
        case "boolean" if not isinstance(answer, bool):
            return "must be true or false"
        case "choice" if answer not in question.allowed():
            return f"must be one of {', '.join(str(value) for value in question.allowed())}"
        case "integer":
            return _wrong_number(question, answer)
        case "text" if not isinstance(answer, str) or len(answer) > TEXT_LENGTH_MAX:
            return f"must be text of at most {TEXT_LENGTH_MAX} characters"
    if question.must_be is not None and answer is not question.must_be:
        return f"must be {str(question.must_be).lower()} before this instrument may be used"
    return None


def _wrong_number(question: Question, answer: object) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int):
        return "must be a whole number"
    if question.minimum is not None and answer < question.minimum:
        return f"must be at least {question.minimum}"
    if question.maximum is not None and answer > question.maximum:
        return f"must be at most {question.maximum}"
    return None


@lru_cache(maxsize=4)
def load_instruments(folder: Path = FOLDER) -> Instruments:
    """Read every instrument of a folder; raise `BadRules` if one is wrong."""
    found = [load_instrument(path, folder / "instrument.schema.json") for path in sorted(folder.glob("*.yaml"))]
    return Instruments(MappingProxyType({instrument.key: instrument for instrument in found}))


def load_instrument(path: Path, schema: Path = FOLDER / "instrument.schema.json") -> Instrument:
    """Read one instrument; raise `BadRules` with the lines at fault."""
    document = load(path, schema)
    if faults := tuple(_document_faults(document, path.stem)):
        raise BadRules(faults)
    content = document.content
    return Instrument(
        id=content["id"],
        version=content["version"],
        title=MappingProxyType(content["title"]),
        draft=content["translation"] == "draft",
        source=source_of(content),
        questions=tuple(_question(entry) for entry in content["questions"]),
    )


def _question(entry: Mapping[str, Any]) -> Question:
    weight, htcds = entry["weight"], entry.get("htcds")
    return Question(
        id=entry["id"],
        group=entry["group"],
        answer=entry["answer"],
        text=MappingProxyType(entry["text"]),
        draft=entry["translation"] == "draft",
        source=source_of(entry),
        options=tuple(Option(item["value"], MappingProxyType(item["text"])) for item in entry.get("options", ())),
        minimum=entry.get("minimum"),
        maximum=entry.get("maximum"),
        required=entry.get("required", False),
        must_be=entry.get("must_be"),
        about=entry.get("about"),
        indicator=entry.get("indicator", entry["id"]),
        dimension=entry.get("dimension"),
        weight=Weight(weight["adult"], weight["child"]) if weight else None,
        direct=entry.get("direct", False),
        when=tuple(entry.get("when", ())),
        bears_on=tuple(Bearing(b["element"], b["value"], b.get("only")) for b in entry.get("bears_on", ())),
        htcds=(htcds["field"], htcds["value"]) if htcds else None,
    )


def _document_faults(document: Document, stem: str) -> Iterator[Fault]:
    content = document.content
    if stem != f"{content['id']}.v{content['version']}":
        yield document.fault("/id", f"the file is named {stem}, not {content['id']}.v{content['version']}")
    seen: set[str] = set()
    for index, entry in enumerate(content["questions"]):
        pointer = f"/questions/{index}"
        if entry["id"] in seen:
            yield document.fault(f"{pointer}/id", f"question {entry['id']!r} is there twice")
        seen.add(entry["id"])
        for key, what in _question_faults(entry):
            yield document.fault(f"{pointer}/{key}", what)


def _question_faults(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if (entry["answer"] == "choice") != ("options" in entry):
        yield "options" if "options" in entry else "answer", "a choice has options, and nothing else has"
    if (entry["weight"] is None) == ("dimension" in entry):
        yield "weight", "a weight needs a dimension, and a dimension needs a weight"
    if entry["weight"] is not None and not {"when", "bears_on"} <= entry.keys():
        yield "weight", "an indicator says which answers count (`when`) and what they bear on (`bears_on`)"
    if entry.get("direct") and (entry["weight"] is not None or not entry.get("bears_on") or not entry.get("when")):
        yield "direct", "a direct answer has `when` and `bears_on` and no weight"
    if entry.get("direct") and any(bearing["element"] == "means" for bearing in entry.get("bears_on", ())):
        yield "bears_on", "means are weighed, never stated directly"
    allowed = [True, False] if entry["answer"] == "boolean" else [item["value"] for item in entry.get("options", ())]
    yield from (("when", f"{value!r} is not an answer") for value in entry.get("when", ()) if value not in allowed)
    if "must_be" in entry and entry["answer"] != "boolean":
        yield "must_be", "only a boolean can have it"
