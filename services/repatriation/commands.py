"""What can be asked of a repatriation. Imperative, plain data; personal fields stand apart in `personal`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

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
    child: bool = False
    """Whether the person is a child, or presumed one, as identification said last."""
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


Command: TypeAlias = Start | RecordStep | Restart | Acknowledge
