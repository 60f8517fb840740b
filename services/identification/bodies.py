"""What integrating systems send to identification: request bodies, and how they become commands' plain data."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.events.catalogue.identification import AgeBasis, Corrected, Ground, Identified, ShredReason
from libs.events.catalogue.vocabulary import (
    Act,
    Channel,
    ConsentBy,
    ConsentKind,
    Continuum,
    ControlMethod,
    Country,
    DeterminationOutcome,
    Exploitation,
    Gender,
    Industry,
    InitialDetermination,
    Language,
    LegalBasis,
    Means,
    Province,
    Purpose,
    RecruitmentMethod,
    RouteLeg,
    Sex,
)  # fmt: skip
from libs.events.event import JSON
from libs.runtime.requests import Body, FactBody, unfit
from services.identification.decider import age_of

Name = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
AGE_MAX = 120


class AgeEstimate(Body):
    """A range of ages in years, both ends included."""

    min: Annotated[int, Field(ge=0, le=AGE_MAX)]
    max: Annotated[int, Field(ge=0, le=AGE_MAX)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is greater than max")
        return self


class Place(Body):
    """Where the person was met."""

    province: Province
    country: Country
    detail: Text | None = None


class RouteLegBody(Body):
    """One place on the person's way."""

    country: Country
    province: Province | None = None
    place: Name | None = None
    mode: Literal["road", "sea", "air", "rail", "foot", "unknown"] | None = None
    from_date: date | None = None
    to_date: date | None = None


class Person(Body):
    """Who the person is, as far as known."""

    given_name: Name | None = None
    family_name: Name | None = None
    mother_name: Name | None = None
    father_name: Name | None = None
    sex: Sex
    gender: Gender | None = None
    date_of_birth: date | None = None
    age_estimate: AgeEstimate | None = None
    nationality: Country
    language: Language | None = None
    contact: Text | None = None
    contact_is_safe: bool | None = None
    document_number: Name | None = None


class Circumstances(Body):
    """How the person came there, and what happened."""

    continuum: Continuum
    exploitation: Annotated[list[Exploitation], Field(max_length=20)]
    industry: Industry | None = None
    recruitment_method: Annotated[list[RecruitmentMethod], Field(max_length=20)] = []
    control_methods: Annotated[list[ControlMethod], Field(max_length=20)] = []
    route: Annotated[list[RouteLegBody], Field(max_length=50)] = []
    narrative: Text | None = None


def _check_birth(born: date | None, on: date, at: str) -> None:
    """Raises Problem where a birth lies after the day, or longer before it than anybody lives."""
    if (born and not 0 <= on.year - born.year <= AGE_MAX) or (born and born > on):
        raise unfit(at, "is no birth date of somebody met on that day (is the year of another calendar?)")


class CaseBody(FactBody):
    """A person who may be a victim was met."""

    channel: Channel
    place: Place
    person: Person
    circumstances: Circumstances
    source_ref: Name | None = None

    def personal(self) -> dict[str, JSON]:
        """The fields that are encrypted. Raises Problem where the birth date cannot be."""
        _check_birth(self.person.date_of_birth, self.occurred_at.date(), "/person/date_of_birth")
        person = self.person.model_dump(
            mode="json",
            exclude={"sex", "gender", "nationality", "language"},
            exclude_none=True,
        )
        other = {
            "place_detail": self.place.detail,
            "narrative": self.circumstances.narrative,
            "source_ref": self.source_ref,
            "route_places": [leg.place for leg in self.circumstances.route] if self.circumstances.route else None,
        }
        return person | {name: value for name, value in other.items() if value is not None}


class ScreeningBody(FactBody):
    """An instrument was applied."""

    instrument: Annotated[str, Field(min_length=1, max_length=100)]
    answers: Annotated[dict[Annotated[str, Field(max_length=100)], bool | int | str | list[str]], Field(max_length=200)]
    initial_determination: InitialDetermination
    reasons: Text


class DeterminationBody(FactBody):
    """The competent authority's decision."""

    act: Annotated[list[Act], Field(max_length=20)]
    means: Annotated[list[Means], Field(max_length=20)]
    purpose: Annotated[list[Purpose], Field(max_length=20)]
    outcome: DeterminationOutcome
    legal_basis: Annotated[list[LegalBasis], Field(max_length=20)]
    reasons: Text
    follow_up_on: date | None = None
    grounds: Annotated[list[Ground], Field(max_length=20)] = []


class ConsentBody(FactBody):
    """What the person, or who speaks for the person, agreed to or refused."""

    kind: ConsentKind
    given: bool
    by: ConsentBy
    reason: Text | None = None


class CorrectedPlace(Body):
    """The fields of the place that are corrected."""

    province: Province | None = None
    country: Country | None = None
    detail: Text | None = None


class AgeDetermination(Body):
    """Whether the person is a child, found by other means than what the person says; it ends the presumption."""

    child: bool
    basis: AgeBasis


class CorrectedPerson(Body):
    """The fields of the person that are corrected."""

    given_name: Name | None = None
    family_name: Name | None = None
    mother_name: Name | None = None
    father_name: Name | None = None
    sex: Sex | None = None
    gender: Gender | None = None
    date_of_birth: date | None = None
    age_estimate: AgeEstimate | None = None
    age_determination: AgeDetermination | None = None
    nationality: Country | None = None
    language: Language | None = None
    contact: Text | None = None
    contact_is_safe: bool | None = None
    document_number: Name | None = None


class CorrectedCircumstances(Body):
    """The fields of the circumstances that are corrected."""

    continuum: Continuum | None = None
    exploitation: Annotated[list[Exploitation], Field(max_length=20)] | None = None
    industry: Industry | None = None
    narrative: Text | None = None


class CorrectionBody(FactBody):
    """What was believed is corrected; what is left out stands."""

    place: CorrectedPlace | None = None
    person: CorrectedPerson | None = None
    circumstances: CorrectedCircumstances | None = None
    reason: Text

    @model_validator(mode="after")
    def _something(self) -> Self:
        parts = (self.place, self.person, self.circumstances)
        if not any(part and part.model_dump(exclude_none=True) for part in parts):
            raise ValueError("nothing is corrected")
        return self


class LinkBody(FactBody):
    """Two cases are, or are not, the same person."""

    other_case_id: Annotated[str, Field(max_length=20)]
    same_person: bool = True
    reason: Text


class ReviewBody(FactBody):
    """A determination should be looked at again."""

    reason: Text


class ClosureBody(FactBody):
    """The case needs nothing more; or, with `reopen`, it does."""

    reason: Text
    reopen: bool = False


class ShreddingBody(FactBody):
    """The person's key should be destroyed. `order_ref` is a number, never a name: it outlives the key."""

    reason_code: ShredReason
    order_ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{0,59}$")] | None = None


class ShreddingApprovalBody(FactBody):
    """A second person agrees."""


def identified_of(case_id: str, reported_by: str, body: CaseBody) -> Identified:
    """The event of a person who was met. Raises Problem where the birth date cannot be."""
    person, circumstances = body.person, body.circumstances
    estimate = (person.age_estimate.min, person.age_estimate.max) if person.age_estimate else None
    group, child = age_of(person.date_of_birth, estimate, body.occurred_at.date())
    return Identified(
        case_id=case_id,
        reported_by=reported_by,
        channel=body.channel,
        **body.place.model_dump(exclude={"detail"}),
        **person.model_dump(include={"sex", "gender", "nationality", "language"}),
        age_group=group,
        child=child,
        **circumstances.model_dump(exclude={"narrative", "route"}),
        route=tuple(RouteLeg(**leg.model_dump(exclude={"place"})) for leg in circumstances.route),
        personal=body.personal(),
    )


def corrected_of(case_id: str, body: CorrectionBody) -> Corrected:
    """The event of a correction. A corrected age is the age on the day of the correction."""
    place, person, circumstances = body.place, body.person, body.circumstances
    clear: dict[str, JSON] = {}
    personal: dict[str, JSON] = {"reason": body.reason}
    if place:
        clear |= place.model_dump(exclude={"detail"}, exclude_none=True)
        personal |= {"place_detail": place.detail} if place.detail else {}
    if person:
        _check_birth(person.date_of_birth, body.occurred_at.date(), "/person/date_of_birth")
        shown = person.model_dump(mode="json", exclude_none=True, exclude={"age_determination"})
        clear |= {name: shown.pop(name) for name in ("sex", "gender", "nationality", "language") if name in shown}
        personal |= shown
        if person.date_of_birth or person.age_estimate:
            estimate = (person.age_estimate.min, person.age_estimate.max) if person.age_estimate else None
            clear["age_group"], clear["child"] = age_of(person.date_of_birth, estimate, body.occurred_at.date())
        if determined := person.age_determination:
            if person.date_of_birth and clear["child"] != determined.child:
                raise unfit("/person/age_determination", "contradicts the birth date beside it")
            clear |= {"child": determined.child, "age_basis": determined.basis}
    if circumstances:
        clear |= circumstances.model_dump(exclude={"narrative"}, exclude_none=True)
        personal |= {"narrative": circumstances.narrative} if circumstances.narrative else {}
    return Corrected(case_id=case_id, **clear, personal=personal)
