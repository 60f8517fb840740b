"""What integrating systems send about a person in a shelter's care."""

from typing import Annotated, get_args

from pydantic import Field

from libs.events.catalogue.aftercare import DischargeOutcome, FollowUpOutcome
from libs.events.catalogue.vocabulary import Cohort
from libs.runtime.requests import FactBody
from services.aftercare.bodies import Id, Text

OUTCOMES: tuple[DischargeOutcome, ...] = get_args(DischargeOutcome)


class PlacementBody(FactBody):
    """A person is given a bed."""

    case_id: Id
    shelter_id: Id
    cohort: Cohort
    referral_id: Id
    accompanied_by: Id | None = None


class TransferBody(FactBody):
    """A person moves to another shelter, or to another cohort's bed."""

    shelter_id: Id
    cohort: Cohort
    accompanied_by: Id | None = None
    reason: Text | None = None


class DischargeBody(FactBody):
    """A person leaves the shelter's care. Without an outcome the reason's code says it; other words mean `left`."""

    outcome: DischargeOutcome | None = None
    note: Text | None = None
    reason: Text | None = None

    @property
    def how(self) -> DischargeOutcome:
        """How the placement ended."""
        for code in OUTCOMES:
            if code == (self.outcome or self.reason):
                return code
        return "left"


class FollowUpBody(FactBody):
    """A visit after the person left care."""

    outcome: FollowUpOutcome
    month: Annotated[int, Field(ge=0, le=120)] | None = None
    note: Text | None = None
