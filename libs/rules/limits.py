"""Deadlines, amounts and standards as data: one file per service that owns them, one way to read them all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from libs.rules.load import ROOT, BadRules, Document, Fault, Source, load, source_of

PATHS: Final = MappingProxyType(
    {
        "identification": ROOT / "services/identification/rules/deadlines.v1.yaml",
        "referral": ROOT / "services/referral/rules/deadlines.v1.yaml",
        "aftercare": ROOT / "services/aftercare/rules/limits.v1.yaml",
        "justice": ROOT / "services/justice/rules/limits.v1.yaml",
        "repatriation": ROOT / "services/repatriation/rules/limits.v1.yaml",
    }
)


class UnknownLimit(LookupError):
    """Raised when a service asks for a limit that its file does not have."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that a ministry may change: `values` has one, or several where visits repeat (1, 3, 6, 12 months)."""

    id: str
    values: tuple[int, ...]
    unit: str
    counted_from: str | None
    title: Mapping[str, str]
    source: Source

    @property
    def value(self) -> int:
        """The number, or the first of several."""
        return self.values[0]


@dataclass(frozen=True, slots=True)
class Standard:
    """One point of an inspection; failing a `critical` one is a reason to suspend."""

    id: str
    area: str
    title: Mapping[str, str]
    critical: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits and standards of one service."""

    owner: str
    version: int
    by_id: Mapping[str, Limit]
    standards: tuple[Standard, ...]

    def of(self, name: str) -> Limit:
        """A limit by its id; raises `UnknownLimit`."""
        if name not in self.by_id:
            raise UnknownLimit(f"{self.owner} has no limit {name!r}")
        return self.by_id[name]


@lru_cache(maxsize=16)
def load_limits(service: str, path: Path | None = None) -> Limits:
    """Read the limits of a service; raise `BadRules` with the lines at fault."""
    chosen = path or PATHS[service]
    document = load(chosen, chosen.parent / "limits.schema.json")
    if faults := tuple(_faults(document, service)):
        raise BadRules(faults)
    content = document.content
    limits = (_limit(entry) for entry in content["limits"])
    return Limits(
        owner=content["owner"],
        version=content["version"],
        by_id=MappingProxyType({limit.id: limit for limit in limits}),
        standards=tuple(_standard(entry) for entry in content.get("standards", ())),
    )


def _limit(entry: Mapping[str, Any]) -> Limit:
    value = entry["value"]
    values = tuple(value) if isinstance(value, list) else (value,)
    title = MappingProxyType(entry["title"])
    return Limit(entry["id"], values, entry["unit"], entry.get("from"), title, source_of(entry))


def _standard(entry: Mapping[str, Any]) -> Standard:
    title = MappingProxyType(entry["title"])
    return Standard(entry["id"], entry["area"], title, entry.get("critical", False), source_of(entry))


def _faults(document: Document, service: str) -> Iterator[Fault]:
    if document.content["owner"] != service:
        yield document.fault("/owner", f"these are the limits of {service}")
    for key in ("limits", "standards"):
        seen: set[str] = set()
        for index, entry in enumerate(document.content.get(key, ())):
            if entry["id"] in seen:
                yield document.fault(f"/{key}/{index}/id", f"{entry['id']!r} is there twice")
            seen.add(entry["id"])
    for index, entry in enumerate(document.content["limits"]):
        if isinstance(entry["value"], list) and entry["value"] != sorted(set(entry["value"])):
            yield document.fault(f"/limits/{index}/value", "must rise from one to the next")
