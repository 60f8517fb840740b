"""What integrating systems send about a provider and its registration."""

from typing import Annotated, Literal

from pydantic import Field

from libs.events.catalogue.referral import Offer
from libs.events.catalogue.vocabulary import AgeGroup, Cohort, Country, Exploitation, Province, ServiceKind, Slug, Term
from libs.runtime.requests import Body, FactBody
from services.referral.bodies import Id, Services, Text

Name = Annotated[str, Field(min_length=1, max_length=300)]


class OfferBody(Body):
    """What is offered, for whom and for how long; an empty list stands for everybody."""

    service: ServiceKind
    cohorts: Annotated[list[Cohort], Field(max_length=6)] = []
    terms: Annotated[list[Term], Field(max_length=3)] = []
    age_groups: Annotated[list[AgeGroup], Field(max_length=10)] = []
    nationalities: Annotated[list[Country], Field(max_length=250)] = []
    exploitation: Annotated[list[Exploitation], Field(max_length=12)] = []
    with_children: bool | None = None
    disability: bool | None = None
    capacity: Annotated[int, Field(ge=0, le=10_000)] | None = None

    def offer(self) -> Offer:
        """As the event keeps it."""
        return Offer(
            service=self.service,
            cohorts=tuple(self.cohorts),
            terms=tuple(self.terms),
            age_groups=tuple(self.age_groups) or None,
            nationalities=tuple(self.nationalities) or None,
            exploitation=tuple(self.exploitation) or None,
            with_children=self.with_children,
            disability=self.disability,
            capacity=self.capacity,
        )


class OffersBody(FactBody):
    """What a provider offers from now on. `because_of` names the referral that showed the directory to be wrong."""

    services: Services
    offers: Annotated[list[OfferBody], Field(max_length=50)] = []
    because_of: Id | None = None
    reason: Text


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
