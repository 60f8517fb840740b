"""What the pages say, in four languages. Every string stands in `strings/*.yaml` as a list: en, km, th, vi."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

FOLDER: Final = Path(__file__).parent / "strings"
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "km": "ខ្មែរ", "th": "ไทย", "vi": "Tiếng Việt"}
"""The languages of the instruments (domain, "Identification"), each by its own name."""


class BadStrings(ValueError):
    """Raised at start where a string lacks a language."""


class Words:
    """The strings of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._place = list(LANGUAGES).index(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """The string with this key; `{name}` stands for a value."""
        text = strings()[key][self._place]
        return text.format(**values) if values else text

    def of(self, kind: str, value: object) -> str:
        """The name of a value of a closed list; the value itself, made readable, where it has none here."""
        found = strings().get(f"{kind}.{value}")
        return found[self._place] if found else str(value).replace("_", " ").replace("-", " ")

    def pick(self, texts: Mapping[str, str]) -> str:
        """A text that comes in several languages (an instrument's question): this one, else English."""
        return texts.get(self.language) or texts.get("en") or next(iter(texts.values()), "")


@lru_cache
def strings() -> Mapping[str, tuple[str, ...]]:
    """Every string by its key. Raises BadStrings."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        for section, lines in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            for name, texts in lines.items():
                key = f"{section}.{name}"
                if len(texts) != len(LANGUAGES) or not all(isinstance(text, str) and text for text in texts):
                    raise BadStrings(f"{file.name}: {key} has not one text for each of {', '.join(LANGUAGES)}")
                if key in found:
                    raise BadStrings(f"{file.name}: {key} stands twice")
                found[key] = tuple(texts)
    return found


def chosen(cookie: str | None, accepted: str) -> str:
    """The language of a request: as chosen before, else the first of Accept-Language that there is, else English."""
    if cookie is not None and cookie in LANGUAGES:
        return cookie
    wanted = (part.partition(";")[0].strip().partition("-")[0].lower() for part in accepted.split(","))
    return next((one for one in wanted if one in LANGUAGES), "en")
