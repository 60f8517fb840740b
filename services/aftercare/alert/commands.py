"""What can be asked of a re-trafficking alert. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.aftercare import AlertBasis, AlertFinding
from libs.events.event import JSON


@dataclass(frozen=True, slots=True)
class Raise:
    """Say that a person may have been trafficked again."""

    case_id: str
    alert_id: str
    basis: AlertBasis
    earlier_case_id: str | None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Say what came of looking into it."""

    finding: AlertFinding
    personal: Mapping[str, JSON]


AlertCommand: TypeAlias = Raise | Resolve
