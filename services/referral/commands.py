"""What can be asked of a provider's registration and of a referral. Plain data; personal fields stand apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from libs.events.catalogue.referral import Offer, ProviderRegistered
from libs.events.catalogue.vocabulary import AgeGroup, ServiceKind, Sex, Term
from libs.events.event import JSON


@dataclass(frozen=True, slots=True)
class Register:
    """Ask for a provider to be registered."""

    registered: ProviderRegistered


@dataclass(frozen=True, slots=True)
class DecideRegistration:
    """Approve, suspend, or lift a suspension."""

    provider_id: str
    decision: Literal["approve", "suspend", "lift"]
    grounds: str


@dataclass(frozen=True, slots=True)
class ChangeOffers:
    """Correct the directory: what the provider offers, and for whom."""

    provider_id: str
    services: tuple[ServiceKind, ...]
    offers: tuple[Offer, ...]
    grounds: str
    because_of: str | None


ProviderCommand: TypeAlias = Register | DecideRegistration | ChangeOffers


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of the person from identification: enough for the rules, nothing that names anybody."""

    case_id: str
    sex: Sex
    gender: str | None
    age_group: AgeGroup
    child: bool
    screening: str | None
    outcome: str | None
    nationality: str | None = None
    exploitation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """What was said about being referred: by the person, by a guardian, or by nobody in an emergency."""

    given: bool
    by: str


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider as its own stream has it."""

    provider_id: str
    organisation: str
    province: str
    services: tuple[ServiceKind, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Refer:
    """Refer a person to a provider."""

    referral_id: str
    person: Person
    consent: Consent | None
    provider: Provider
    services: tuple[ServiceKind, ...]
    term: Term
    referred_by: str
    personal: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class DecideReferral:
    """Approve or refuse a referral, for MOSVY; provider and consent are as they stand now."""

    decision: Literal["approve", "refuse"]
    provider_status: str
    consent: Consent | None
    personal: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Answer:
    """Accept or decline a referral, for the provider; its registration and the consent are as they stand now."""

    response: Literal["accept", "decline"]
    ground: Literal["place_available", "full", "not_suitable", "person_declined", "other"]
    provider_status: str
    consent: Consent | None
    personal: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Complete:
    """Say that what was referred for has been given."""

    personal: Mapping[str, JSON]


ReferralCommand: TypeAlias = Refer | DecideReferral | Answer | Complete
