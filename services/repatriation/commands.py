"""What can be asked of a repatriation, and of what a desk sent early. Plain data; personal fields stand apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from libs.events.catalogue.repatriation import HeldOutcome, InboxEventHeld
from libs.events.catalogue.vocabulary import StepOutcome
from libs.events.event import JSON
from libs.rules.progress import Procedure

Personal: TypeAlias = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Start:
    """Begin to take a person home under the SOP now in force."""

    repatriation_id: str
    case_id: str
    procedure: Procedure
    requested_by: str
    recorded_by: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class RecordStep:
    """Record what became of one step."""

    procedure: Procedure
    step: str
    outcome: StepOutcome
    by: str
    recorded_by: str
    role: str
    occurred_at: datetime
    documents: tuple[str, ...]
    personal: Personal
    withdrawn_at: datetime | None = None
    """When the person last took back the consent to return, as identification recorded it."""
    claimed: bool = False
    """Whether the corridor is claimed in the same request, which a stopped repatriation needs to go on."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Take up a stopped repatriation again."""

    procedure: Procedure
    recorded_by: str
    occurred_at: datetime
    personal: Personal


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Confirm a step that another organisation recorded."""

    procedure: Procedure
    step: str
    by: str
    recorded_by: str
    occurred_at: datetime
    personal: Personal


@dataclass(frozen=True, slots=True)
class Claim:
    """Make a repatriation the only one that may run for a case in a corridor; `seen` claims were looked at before."""

    case_id: str
    corridor: str
    repatriation_id: str
    seen: int


@dataclass(frozen=True, slots=True)
class Disclose:
    """Note which fields of a person a desk is shown, and for which step."""

    repatriation_id: str
    case_id: str
    corridor: str
    recipient: str
    purpose: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep an event that came early."""

    held: InboxEventHeld


@dataclass(frozen=True, slots=True)
class Settle:
    """Say what became of an event that waited."""

    outcome: HeldOutcome
    reason: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseBatch:
    """Count what became of a batch of a desk."""

    organisation: str
    batch: str
    counts: Mapping[Literal["accepted", "duplicate", "waiting", "refused"], int]


Command: TypeAlias = Start | RecordStep | Restart | Acknowledge
HeldCommand: TypeAlias = Hold | Settle
