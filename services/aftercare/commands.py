"""What can be asked of a shelter and of a person's care. Plain data; personal fields stand apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from libs.events.catalogue.aftercare import Beds, DischargeOutcome, FollowUpOutcome, ShelterOpened
from libs.events.catalogue.vocabulary import Cohort, Sex
from libs.events.event import JSON

InspectionResult = Literal["passed", "conditions", "failed"]


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of the person: enough to choose a bed, nothing that names anybody."""

    case_id: str
    sex: Sex
    gender: str | None
    child: bool


@dataclass(frozen=True, slots=True)
class OpenShelter:
    """A shelter takes up its work."""

    opened: ShelterOpened


@dataclass(frozen=True, slots=True)
class SetCapacity:
    """Report how many beds there are; cohorts left out stay as they are."""

    beds: tuple[Beds, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep a bed free for somebody; `person` is who that is, where it is said."""

    hold_id: str
    cohort: Cohort
    case_id: str | None
    referral_id: str | None
    expires_at: datetime
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """Free the beds whose holds have run out."""


@dataclass(frozen=True, slots=True)
class Inspect:
    """Record an inspection."""

    result: InspectionResult
    failed_standards: tuple[str, ...]
    remark: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Give a person a bed; `arriving_from` is the shelter of a transfer, `companion` the relative of a child."""

    person: Person
    placement_id: str
    stay: int
    cohort: Cohort
    referral_id: str
    arriving_from: str | None = None
    companion: Person | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Let a person go: to another shelter, or out of care with an outcome."""

    placement_id: str
    to_shelter_id: str | None
    outcome: DischargeOutcome | None
    personal: Mapping[str, JSON]


ShelterCommand: TypeAlias = OpenShelter | SetCapacity | Hold | ExpireHolds | Inspect | Admit | Release


@dataclass(frozen=True, slots=True)
class At:
    """A shelter's command with the clock's time, at which holds run out."""

    now: datetime
    command: ShelterCommand


@dataclass(frozen=True, slots=True)
class Enter:
    """The person comes into a shelter's custody; a first placement, or the next stay of the same one."""

    case_id: str
    placement_id: str
    stay: int
    shelter_id: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The person leaves the shelters' custody."""

    case_id: str
    placement_id: str
    outcome: DischargeOutcome


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Record a visit after the person left care."""

    case_id: str
    month: int | None
    outcome: FollowUpOutcome
    personal: Mapping[str, JSON]


CareCommand: TypeAlias = Enter | Leave | FollowUp
