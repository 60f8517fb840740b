"""The weights of matching as data: points by feature and agreement, thresholds, words that identify nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from libs.rules.load import ROOT, BadRules, load

PATH = ROOT / "services/identification/rules/matching.v2.yaml"


@dataclass(frozen=True, slots=True)
class Frequency:
    """What an agreement of names, whole or in part, is worth more where at least so many persons share the name."""

    sharing: int
    whole: int
    part: int


@dataclass(frozen=True, slots=True)
class Weights:
    """How records are weighed; `version` stands beside every score."""

    version: int
    likely: int
    possible: int
    close_percent: int
    near_percent: int
    ignored: frozenset[str]
    points: Mapping[str, Mapping[str, int]]
    titles: Mapping[str, Mapping[str, str]]
    name_frequency: tuple[Frequency, ...]


@lru_cache(maxsize=4)
def load_weights(path: Path = PATH) -> Weights:
    """Read the weights; raise `BadRules` with the lines at fault."""
    document = load(path, path.with_name("matching.schema.json"))
    content = document.content
    if content["likely"] <= content["possible"]:
        raise BadRules([document.fault("/likely", "must lie above `possible`")])
    shared = sorted(content["name_frequency"], key=lambda entry: -entry["sharing"])
    return Weights(
        version=content["version"],
        likely=content["likely"],
        possible=content["possible"],
        close_percent=content["close_percent"],
        near_percent=content["near_percent"],
        ignored=frozenset(content["ignored_words"]),
        points=MappingProxyType({name: entry["points"] for name, entry in content["features"].items()}),
        titles=MappingProxyType({name: entry["title"] for name, entry in content["features"].items()}),
        name_frequency=tuple(Frequency(**entry) for entry in shared),
    )
