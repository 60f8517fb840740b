"""The published language keeps its rules: one wire name each, whole numbers, ASCII keys, nothing personal."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from libs.events import catalogue
from libs.events.catalogue import EVENTS, aftercare, identification, justice, referral, repatriation
from libs.events.event import Event

OWNERS = {
    "identification": identification,
    "referral": referral,
    "aftercare": aftercare,
    "justice": justice,
    "repatriation": repatriation,
}
PERSONAL = {
    "given_name", "family_name", "name", "date_of_birth", "contact", "address", "narrative", "reason", "reasons",
    "note", "notes", "document_number", "phone",
}  # fmt: skip
NOT_A_PERSON = {"org.opennrm.referral.provider_registered.v1", "org.opennrm.aftercare.shelter_opened.v1"}
"""Events whose `name` is an organisation's."""
SIX = ("identified", "screened", "determined", "referred", "repatriated", "prosecuted")


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.wire)
def test_a_wire_name_has_its_form(event: type[Event]) -> None:
    assert re.fullmatch(r"org\.opennrm\.[a-z]+\.[a-z_]+\.v[1-9]\d*", event.wire)


def test_a_wire_name_stands_once_in_the_source() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(catalogue.__file__).parent.glob("*.py"))
    assert not [wire for wire in EVENTS if text.count(f'"{wire}"') != 1]


@pytest.mark.parametrize("owner", OWNERS)
def test_every_event_is_in_its_owners_union(owner: str) -> None:
    module = OWNERS[owner]
    declared = {
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Event)
        and value is not Event
        and hasattr(value, "wire")
        and not name.startswith("_")
    }
    assert declared == set(module.EVENTS)
    assert all(event.wire.split(".")[2] == owner for event in declared)
    union = getattr(module, f"{owner.capitalize()}Event", None)
    assert union is not None
    assert declared == set(get_args(union))


def test_the_six_kinds_keep_their_names() -> None:
    kinds = {wire.split(".")[3] for wire in EVENTS}
    assert set(SIX) <= kinds


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.wire)
def test_numbers_are_integers_and_keys_ascii(event: type[Event]) -> None:
    schema = event.model_json_schema()
    for part in _parts(schema):
        assert part.get("type") != "number", f"{event.wire} has a float: use whole units"
        assert all(key.isascii() for key in part.get("properties", {}))


@pytest.mark.parametrize("event", [e for e in EVENTS.values() if e.wire not in NOT_A_PERSON], ids=lambda e: e.wire)
def test_nothing_personal_stands_in_the_clear(event: type[Event]) -> None:
    assert not PERSONAL & set(event.model_fields), "personal fields travel in `personal` and are sealed"


def _parts(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from _parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _parts(inner)
