"""What can be asked of a case. Imperative, plain data; personal fields stand apart in `personal`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.identification import Corrected, Ground, Identified, ShredReason
from libs.events.catalogue.vocabulary import (
    Act,
    ConsentBy,
    ConsentKind,
    DeterminationOutcome,
    InitialDetermination,
    LegalBasis,
    Means,
    Purpose,
)  # fmt: skip
from libs.events.event import JSON

Personal: TypeAlias = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Identify:
    """Open a case for a person who was met."""

    identified: Identified


@dataclass(frozen=True, slots=True)
class Screen:
    """Record an instrument's answers, what they support, and the officer's own view."""

    case_id: str
    instrument: str
    instrument_version: int
    initial_determination: InitialDetermination
    result: str
    act: tuple[str, ...]
    means: tuple[str, ...]
    purpose: tuple[str, ...]
    personal: Personal


@dataclass(frozen=True, slots=True)
class Determine:
    """Decide whether the person is a victim."""

    case_id: str
    act: tuple[Act, ...]
    means: tuple[Means, ...]
    purpose: tuple[Purpose, ...]
    outcome: DeterminationOutcome
    legal_basis: tuple[LegalBasis, ...]
    follow_up_on: str | None
    personal: Personal
    grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """Record what the person (or who speaks for the person) agreed to or refused."""

    case_id: str
    kind: ConsentKind
    given: bool
    by: ConsentBy
    personal: Personal


@dataclass(frozen=True, slots=True)
class Correct:
    """Correct what is believed about the person."""

    corrected: Corrected


@dataclass(frozen=True, slots=True)
class ComeOfAge:
    """Record that the person is 18 now."""

    case_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """Say that two cases are, or are not, the same person."""

    case_id: str
    other_case_id: str
    same_person: bool
    personal: Personal
    mirror: bool = False
    """The other case's side of it: recorded whatever state that case is in, and nothing where it says so already."""


@dataclass(frozen=True, slots=True)
class OpenReview:
    """Ask for a determination to be looked at again."""

    case_id: str
    personal: Personal


@dataclass(frozen=True, slots=True)
class Close:
    """Close the case, or take it up again."""

    case_id: str
    reopen: bool
    personal: Personal


@dataclass(frozen=True, slots=True)
class RequestShredding:
    """Ask that the person's key be destroyed."""

    case_id: str
    reason_code: ShredReason
    order_ref: str | None
    requester: str
    requester_role: str


@dataclass(frozen=True, slots=True)
class ApproveShredding:
    """Agree, as a second person in another role: the key is destroyed."""

    case_id: str
    approver: str
    approver_role: str


Command: TypeAlias = (
    Identify
    | Screen
    | Determine
    | RecordConsent
    | Correct
    | ComeOfAge
    | Link
    | OpenReview
    | Close
    | RequestShredding
    | ApproveShredding
)
