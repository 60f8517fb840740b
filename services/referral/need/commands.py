"""What can be asked about a need that no provider meets. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.events.catalogue.vocabulary import ServiceKind, Term
from libs.events.event import JSON
from services.referral.commands import Person


@dataclass(frozen=True, slots=True)
class Record:
    """Put a need into the ledger; `possible` is how many providers could meet it now."""

    need_id: str
    person: Person
    service: ServiceKind
    term: Term
    province: str
    asked_by: str
    possible: int
    personal: Mapping[str, JSON]
