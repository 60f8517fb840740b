"""What integrating systems send about a provider and its registration."""

from typing import Annotated, Literal

from pydantic import Field

from libs.events.catalogue.vocabulary import Cohort, Province, ServiceKind, Slug, Term
from libs.runtime.requests import Body, FactBody
from services.referral.bodies import Services, Text

Name = Annotated[str, Field(min_length=1, max_length=300)]


class OfferBody(Body):
    """What is offered, for whom and for how long; an empty list stands for everybody."""

    service: ServiceKind
    cohorts: Annotated[list[Cohort], Field(max_length=6)] = []
    terms: Annotated[list[Term], Field(max_length=3)] = []


class ProviderBody(FactBody):
    """A provider asks to be registered."""

    name: Name
    province: Province
    services: Services
    organisation: Slug | None = None
    offers: Annotated[list[OfferBody], Field(max_length=50)] = []


class RegistrationBody(FactBody):
    """MOSVY's decision on a provider."""

    decision: Literal["approve", "suspend", "lift"]
    reason: Text
