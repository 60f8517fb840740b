"""The words of the hand-over file in each language, read once at start from `rules/handover`."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

import orjson

from libs.events.event import JSON
from libs.rules.load import ROOT, load
from libs.rules.procedure import Corridor

FOLDER = ROOT / "services/repatriation/rules/handover"
ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words."""

    language: str
    country: str | None
    draft: bool
    said: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Changes with any word: a file that would read otherwise is another file."""
        return sha256(orjson.dumps(dict(self.said), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]

    def value(self, field: str, value: JSON) -> str:
        """A field's value as a person reads it."""
        match field, value:
            case "sex", str():
                return self._word("sex", value)
            case "nationality", str():
                return self._word("countries", value)
            case "language", str():
                return self._word("languages", value)
            case "exploitation", [*kinds]:
                return ", ".join(self._word("exploitation", str(kind)) for kind in kinds)
            case _, {"min": low, "max": high}:
                return f"{low}–{high}" if low != high else f"{low}"
            case _, [*several]:
                return ", ".join(str(one) for one in several)
            case _:
                return str(value)

    def _word(self, kind: str, value: str) -> str:
        return str(self.said[kind].get(value, value))


def _load() -> Mapping[str, Words]:
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        said = load(path, FOLDER / "words.schema.json").content
        found[said["language"]] = Words(said["language"], said["country"], said["translation"] == "draft", said)
    return MappingProxyType(found)


WORDS: Final = _load()


def receiving_language(corridor: Corridor) -> str:
    """The language of the side that receives the person; English where there are no words in it yet."""
    return next((one.language for one in WORDS.values() if one.country == corridor.to_country), ENGLISH)
