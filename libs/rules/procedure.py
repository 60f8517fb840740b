"""The procedure of a corridor: its steps, what comes next, and by when. Files are read in `corridors`.

A running repatriation keeps the version that it started under.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from libs.rules.calendar import Calendars, Due, calendar_days_after, working_days_after
from libs.rules.load import Document, Source, source_of

OPENED: Final = "opened"
"""What a limit counts from before any step: the day the repatriation was requested."""

CORE_STEPS: Final = (
    "notified",
    "nationality_verified",
    "family_traced",
    "risk_assessed",
    "consent_given",
    "travel_document_issued",
    "itinerary_agreed",
    "handed_over",
    "receipt_acknowledged",
    "received_into_care",
    "followed_up",
)


class UnknownCorridor(LookupError):
    """Raised when no corridor, version or step has this name."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a step may take: days of a kind, counted from another step (or `opened`)."""

    days: int
    kind: str
    calendar: str | None
    counted_from: str
    source: Source


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that takes part, and on which side."""

    id: str
    name: str
    kind: str
    side: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who does it, who may record it, what must be done before, and what its reader may see.

    `other_than` names a step that the other side must have done: both sides sign. `fields` is all that the other
    country's desk reads of the person at this step. `required_for_a_child` are the documents that a
    child's step lacks where they are not on file.
    """

    id: str
    title: Mapping[str, str]
    party: str
    side: str
    recorded_by: frozenset[str]
    other_than: str | None
    optional: bool
    limit: Limit | None
    documents: tuple[str, ...]
    required_for_a_child: tuple[str, ...]
    depends_on: frozenset[str]
    waivable_by: frozenset[str]
    fields: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Corridor:
    """The procedure from one country to another, in one version."""

    id: str
    version: int
    from_country: str
    to_country: str
    direction: str
    title: Mapping[str, str]
    languages: tuple[str, ...]
    draft: bool
    sop_version: str
    sop_title: str
    status: str
    source: Source
    parties: tuple[Party, ...]
    steps: tuple[Step, ...]

    @property
    def key(self) -> str:
        """The name with its version, as an event keeps it: `KH-VN.v1`."""
        return f"{self.id}.v{self.version}"

    def step(self, name: str) -> Step:
        """A step by its id; raises `UnknownCorridor`."""
        for step in self.steps:
            if step.id == name:
                return step
        raise UnknownCorridor(f"{self.key} has no step {name!r}")

    def side_of(self, organisation: str) -> str | None:
        """The side of an organisation; None where the corridor does not name it."""
        return next((party.side for party in self.parties if party.id == organisation), None)

    def party(self, name: str) -> Party:
        """A party by its id; raises `UnknownCorridor`."""
        for party in self.parties:
            if party.id == name:
                return party
        raise UnknownCorridor(f"{self.key} has no party {name!r}")


@dataclass(frozen=True, slots=True)
class Corridors:
    """Every version of every corridor."""

    by_key: Mapping[str, Corridor]

    def of(self, name: str) -> Corridor:
        """A corridor by `KH-VN.v1`, or its newest version by `KH-VN`; else `UnknownCorridor`."""
        if name in self.by_key:
            return self.by_key[name]
        versions = [corridor for corridor in self.by_key.values() if corridor.id == name]
        if not versions:
            raise UnknownCorridor(f"there is no corridor {name!r}")
        return max(versions, key=lambda corridor: corridor.version)

    def newest(self) -> tuple[Corridor, ...]:
        """The newest version of each corridor, by name."""
        return tuple(self.of(name) for name in sorted({corridor.id for corridor in self.by_key.values()}))


def next_steps(corridor: Corridor, done: frozenset[str]) -> tuple[Step, ...]:
    """The steps that can be recorded now: not done yet, and all that they depend on is done."""
    return tuple(step for step in corridor.steps if step.id not in done and step.depends_on <= done)


def is_complete(corridor: Corridor, done: frozenset[str]) -> bool:
    """Whether every step that is not optional is done."""
    return all(step.optional or step.id in done for step in corridor.steps)


def waiting_for(corridor: Corridor, done: frozenset[str]) -> Step | None:
    """The first step that is not optional and can be recorded now; None when the procedure is complete."""
    return next((step for step in next_steps(corridor, done) if not step.optional), None)


def due(corridor: Corridor, step: str, times: Mapping[str, date], calendars: Calendars) -> Due | None:
    """The day a step is due, or None where it has no limit or nothing it counts from has happened.

    `times` has the local day of `opened` and of every step done. Where the step counted from is still open, its own
    due day stands in for it, so that a late step does not hide that the next one is late as well.
    """
    limit = corridor.step(step).limit
    if limit is None:
        return None
    start = _start(corridor, limit.counted_from, times, calendars)
    if start is None:
        return None
    if limit.kind == "calendar":
        found = calendar_days_after(start.day, limit.days)
    else:
        found = working_days_after(start.day, limit.days, calendars.of(limit.calendar or corridor.from_country))
    return Due(found.day, provisional=found.provisional or start.provisional or limit.source.placeholder)


def _start(corridor: Corridor, name: str, times: Mapping[str, date], calendars: Calendars) -> Due | None:
    if name in times:
        return Due(times[name], provisional=False)
    return None if name == OPENED else due(corridor, name, times, calendars)


def corridor_of(document: Document) -> Corridor:
    """The corridor that a file which satisfies the schema describes."""
    content = document.content
    return Corridor(
        id=content["id"],
        version=content["version"],
        from_country=content["from_country"],
        to_country=content["to_country"],
        direction=content["direction"],
        title=MappingProxyType(content["title"]),
        languages=tuple(content["languages"]),
        draft=content["translation"] == "draft",
        sop_version=content["sop"]["version"],
        sop_title=content["sop"]["title"],
        status=content["status"],
        source=source_of(content),
        parties=tuple(Party(**entry) for entry in content["parties"]),
        steps=tuple(_step(entry) for entry in content["steps"]),
    )


def _step(entry: Mapping[str, Any]) -> Step:
    limit = entry["limit"]
    return Step(
        id=entry["id"],
        title=MappingProxyType(entry["title"]),
        party=entry["party"],
        side=entry["side"],
        recorded_by=frozenset(entry["recorded_by"]),
        other_than=entry.get("other_than"),
        optional=entry.get("optional", False),
        limit=Limit(limit["days"], limit["kind"], limit.get("calendar"), limit["from"], source_of(limit))
        if limit
        else None,
        documents=tuple(entry["documents"]),
        required_for_a_child=tuple(entry.get("required_for_a_child", ())),
        depends_on=frozenset(entry["depends_on"]),
        waivable_by=frozenset(entry["waivable_by"]),
        fields=tuple(entry["fields"]),
        source=source_of(entry),
    )
