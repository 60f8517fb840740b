"""Which pages a role is led to. The policy's actions decide, so that menu and services cannot disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from libs.runtime.policy import scope


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu."""

    name: str
    path: str
    icon: str
    here: bool = False


_PAGES: Final = (
    ("inbox", "/inbox", "referral.read"),
    ("card", "/card", "case.screen"),
    ("cases", "/cases", "case.list"),
    ("shelters", "/shelters", "view.shelter_capacity"),
    ("courts", "/courts", "view.court_outcomes"),
    ("returns", "/returns", "view.cross_border"),
    ("numbers", "/numbers", "statistics.read"),
    ("coverage", "/coverage", "view.coverage"),
    ("imports", "/imports", "case.import"),
    ("verify", "/verify", "handover_file.read"),
    ("emergency", "/emergency", "access_log.read"),
)
"""The order in which a person who works with it needs them, each with the action that opens it."""


def entries(roles: Sequence[str], path: str) -> list[Entry]:
    """The menu of a caller with these roles; the page that is shown is marked."""
    held = frozenset(roles)
    return [
        Entry(name, target, name, here=path == target or path.startswith(f"{target}/"))
        for name, target, action in _PAGES
        if scope(action, held)
    ]
