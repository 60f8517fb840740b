"""What integrating systems send about a referral."""

from typing import Annotated, Literal

from pydantic import Field

from libs.events.catalogue.vocabulary import ServiceKind, Term
from libs.runtime.requests import FactBody

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Id = Annotated[str, Field(min_length=1, max_length=100)]
Services = Annotated[list[ServiceKind], Field(min_length=1, max_length=20)]
GROUNDS = ("place_available", "full", "not_suitable", "person_declined")


class ReferralBody(FactBody):
    """A person is referred to a provider."""

    case_id: Id
    provider_id: Id
    services: Services
    term: Term = "long"
    reason: Text
    consent_ref: Id | None = None


class DecisionBody(FactBody):
    """MOSVY's decision on a referral."""

    decision: Literal["approve", "refuse"]
    reason: Text


class ResponseBody(FactBody):
    """The provider's answer. `reason` is `full`, `not_suitable`, `person_declined`, `place_available`, or words."""

    response: Literal["accept", "decline"]
    reason: Text

    @property
    def ground(self) -> Literal["place_available", "full", "not_suitable", "person_declined", "other"]:
        """The reason as a code; words are `other`."""
        return self.reason if self.reason in GROUNDS else "other"  # type: ignore[return-value]  # a member of GROUNDS


class CompletionBody(FactBody):
    """What was referred for has been given."""

    note: Text | None = None
    reason: Text | None = None
