"""What integrating systems send to aftercare."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from libs.events.catalogue.aftercare import DischargeOutcome, FollowUpOutcome
from libs.events.catalogue.vocabulary import Cohort, Province, ShelterKind
from libs.runtime.requests import Body, FactBody

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Id = Annotated[str, Field(min_length=1, max_length=100)]
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
    """An inspection against the standards."""

    result: Literal["passed", "conditions", "failed"]
    failed_standards: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)] = []
    remark: Annotated[str, Field(max_length=5_000)] = ""


class PlacementBody(FactBody):
    """A person is given a bed."""

    case_id: Id
    shelter_id: Id
    cohort: Cohort
    referral_id: Id


class TransferBody(FactBody):
    """A person moves to another shelter, or to another cohort's bed."""

    shelter_id: Id
    cohort: Cohort
    reason: Text | None = None


class DischargeBody(FactBody):
    """A person leaves the shelter's care."""

    outcome: DischargeOutcome
    note: Text | None = None
    reason: Text | None = None


class FollowUpBody(FactBody):
    """A visit after the person left care."""

    outcome: FollowUpOutcome
    month: Annotated[int, Field(ge=0, le=120)] | None = None
    note: Text | None = None
