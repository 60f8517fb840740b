"""The facts of referral: providers and their registration, and each referral's way to an answer."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from libs.events.catalogue.vocabulary import (
    AgeGroup,
    CaseId,
    Cohort,
    Country,
    Exploitation,
    Gender,
    Part,
    Province,
    ServiceKind,
    Sex,
    Slug,
    Term,
)  # fmt: skip
from libs.events.event import Event


class Offer(Part):
    """What a provider offers, and for whom; an empty list stands for everybody."""

    service: ServiceKind
    cohorts: tuple[Cohort, ...] = ()
    terms: tuple[Term, ...] = ()
    age_groups: tuple[AgeGroup, ...] | None = None
    nationalities: tuple[Country, ...] | None = None
    exploitation: tuple[Exploitation, ...] | None = None
    with_children: bool | None = Field(None, description="Whether a parent may bring children; absent: not stated")
    disability: bool | None = Field(
        None, description="Whether persons with a disability are received; absent: not stated"
    )
    capacity: int | None = Field(None, description="Persons at a time, for services that have no beds")


class ProviderRegistered(Event):
    """A provider of aftercare asks to be registered with MOSVY."""

    wire: ClassVar[str] = "org.opennrm.referral.provider_registered.v1"
    provider_id: str
    organisation: Slug
    name: str
    province: Province
    services: tuple[ServiceKind, ...]
    offers: tuple[Offer, ...] = ()


class RegistrationDecided(Event):
    """MOSVY approves, suspends, or lifts the suspension of a provider."""

    wire: ClassVar[str] = "org.opennrm.referral.registration_decided.v1"
    provider_id: str
    decision: Literal["approve", "suspend", "lift"]
    grounds: str


class OffersChanged(Event):
    """The directory is corrected: what a provider offers from now on, and for whom."""

    wire: ClassVar[str] = "org.opennrm.referral.offers_changed.v1"
    provider_id: str
    services: tuple[ServiceKind, ...]
    offers: tuple[Offer, ...]
    grounds: str
    because_of: str | None = Field(None, description="The referral whose decline as not suitable led to it")


class NeedRecorded(Event):
    """A person needs a service and no provider was found: there is nobody to refer to. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.referral.need_recorded.v1"
    case_id: CaseId
    need_id: str
    service: ServiceKind
    term: Term
    province: Province = Field(description="Where the person needs it")
    cohort: Cohort
    sex: Sex
    gender: Gender | None = None
    age_group: AgeGroup
    child: bool
    asked_by: Slug


class Referred(Event):
    """A person is referred to a provider. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.referral.referred.v1"
    case_id: CaseId
    referral_id: str
    provider_id: str
    provider: Slug = Field(description="The provider's organisation")
    province: Province = Field(description="The provider's province")
    services: tuple[ServiceKind, ...]
    term: Term
    cohort: Cohort
    sex: Sex
    age_group: AgeGroup
    child: bool
    referred_by: Slug
    consent_by: str


class ReferralDecided(Event):
    """MOSVY approves or refuses a referral. Sealed: the reason."""

    wire: ClassVar[str] = "org.opennrm.referral.referral_decided.v1"
    case_id: CaseId
    referral_id: str
    provider_id: str
    decision: Literal["approve", "refuse"]
    services: tuple[ServiceKind, ...]
    province: Province
    term: Term
    cohort: Cohort


class ReferralAnswered(Event):
    """The provider accepts or declines. Sealed: the reason in words."""

    wire: ClassVar[str] = "org.opennrm.referral.referral_answered.v1"
    case_id: CaseId
    referral_id: str
    provider_id: str
    response: Literal["accept", "decline"]
    ground: Literal["place_available", "full", "not_suitable", "person_declined", "other"]
    services: tuple[ServiceKind, ...]
    province: Province
    term: Term
    cohort: Cohort


class ReferralCompleted(Event):
    """What was referred for has been given. Sealed: a note."""

    wire: ClassVar[str] = "org.opennrm.referral.referral_completed.v1"
    case_id: CaseId
    referral_id: str
    provider_id: str


ReferralEvent: TypeAlias = (
    ProviderRegistered
    | RegistrationDecided
    | OffersChanged
    | NeedRecorded
    | Referred
    | ReferralDecided
    | ReferralAnswered
    | ReferralCompleted
)
EVENTS: tuple[type[Event], ...] = (
    ProviderRegistered, RegistrationDecided, OffersChanged, NeedRecorded, Referred, ReferralDecided, ReferralAnswered,
    ReferralCompleted,
)  # fmt: skip
