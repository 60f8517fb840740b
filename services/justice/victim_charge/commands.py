"""What can be asked of a charge against a victim. Imperative, plain data; personal fields stand apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from libs.events.catalogue.justice import AlertBasis, AlertResolution, VictimCharged
from libs.events.event import JSON

Personal: TypeAlias = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class ChargeVictim:
    """Record a charge against a victim; `basis` is what the person is taken for, None where not for a victim."""

    charged: VictimCharged
    basis: AlertBasis | None


@dataclass(frozen=True, slots=True)
class AssignAlert:
    """Give the alert to an organisation; raises it first where the person became a victim only later."""

    assignee: str
    basis: AlertBasis | None
    personal: Personal = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResolveAlert:
    """End the alert."""

    resolution: AlertResolution
    personal: Personal = field(default_factory=dict)


VictimChargeCommand: TypeAlias = ChargeVictim | AssignAlert | ResolveAlert
