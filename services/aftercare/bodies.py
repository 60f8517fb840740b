"""What integrating systems send about a shelter and its beds."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from libs.events.catalogue.vocabulary import Cohort, Province, ShelterKind
from libs.runtime.requests import Body, FactBody
from services.aftercare.commands import InspectionResult

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Id = Annotated[str, Field(min_length=1, max_length=100)]
Finding = Annotated[str, Field(max_length=5_000)]
BEDS_MAX = 10_000


class BedsBody(Body):
    """How many beds there are for a cohort."""

    cohort: Cohort
    count: Annotated[int, Field(ge=0, le=BEDS_MAX)]


def _distinct(beds: list[BedsBody]) -> None:
    if len({one.cohort for one in beds}) != len(beds):
        raise ValueError("a cohort is named twice")


class ShelterBody(FactBody):
    """A shelter takes up its work."""

    provider_id: Id
    name: Name
    province: Province
    kind: ShelterKind
    beds: Annotated[list[BedsBody], Field(min_length=1, max_length=6)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        _distinct(self.beds)
        return self


class CapacityBody(FactBody):
    """How many beds there are now: of one cohort, or of several."""

    cohort: Cohort | None = None
    count: Annotated[int, Field(ge=0, le=BEDS_MAX)] | None = None
    beds: Annotated[list[BedsBody], Field(max_length=6)] = []

    @model_validator(mode="after")
    def _something(self) -> Self:
        if (self.cohort is None) != (self.count is None):
            raise ValueError("cohort and count go together")
        if self.cohort is None and not self.beds:
            raise ValueError("send beds, or cohort and count")
        _distinct(self.all_beds())
        return self

    def all_beds(self) -> list[BedsBody]:
        """Every cohort that is reported."""
        if self.cohort is None or self.count is None:
            return self.beds
        return [*self.beds, BedsBody(cohort=self.cohort, count=self.count)]


class HoldBody(FactBody):
    """A bed is to be kept free for somebody."""

    cohort: Cohort
    case_id: Id | None = None
    referral_id: Id | None = None


class InspectionBody(FactBody):
    """An inspection against the standards: with a result, or with what was found."""

    result: InspectionResult | None = None
    outcome: InspectionResult | None = None
    failed_standards: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)] = []
    remark: Annotated[str, Field(max_length=5_000)] = ""
    findings: Finding | Annotated[list[Finding], Field(max_length=100)] = ""

    @model_validator(mode="after")
    def _one_result(self) -> Self:
        if self.result and self.outcome and self.result != self.outcome:
            raise ValueError("result and outcome say different things; send one of them")
        if not (self.result or self.outcome or self.failed_standards or self.findings):
            raise ValueError("say a result, the failed standards, or what was found")
        return self

    @property
    def words(self) -> str:
        """The remark and the findings, a line each."""
        findings = [self.findings] if isinstance(self.findings, str) else self.findings
        return "\n".join(line for line in (self.remark, *findings) if line)
