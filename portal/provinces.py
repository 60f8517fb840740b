"""Cambodia's provinces by name, and as a drawn tile map: every province is as large as the next, none is overlooked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from portal.words import LANGUAGES, Words

WIDTH: Final = 132
HEIGHT: Final = 86
GAP: Final = 6


@dataclass(frozen=True, slots=True)
class Province:
    """A province and its place in the grid."""

    code: str
    column: int
    row: int
    names: tuple[str, ...]

    @property
    def x(self) -> int:
        """The tile's left edge."""
        return self.column * (WIDTH + GAP)

    @property
    def y(self) -> int:
        """The tile's upper edge."""
        return self.row * (HEIGHT + GAP)

    def name(self, words: Words) -> str:
        """The province's name in a language."""
        return self.names[list(LANGUAGES).index(words.language)]


def _read() -> Mapping[str, Province]:
    text = (Path(__file__).parent / "data" / "provinces.yaml").read_text(encoding="utf-8")
    return {
        code: Province(code, one["column"], one["row"], tuple(one["name"]))
        for code, one in yaml.safe_load(text)["provinces"].items()
    }


PROVINCES: Final = _read()
SIZE: Final = (6 * (WIDTH + GAP) - GAP, 6 * (HEIGHT + GAP) - GAP)


def province_name(code: str | None, words: Words) -> str:
    """A province's name; the code itself for one of another country."""
    found = PROVINCES.get(code or "")
    return found.name(words) if found else (code or "–")
