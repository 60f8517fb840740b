"""The shape of every event is kept; a change of it must still read what was written before.

`python -m tests.architecture.test_event_schemas` writes the files of new events, and of those that were widened.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from libs.events.catalogue import EVENTS
from libs.events.event import Event

FOLDER = Path(__file__).parents[1] / "history" / "schemas"
_SAYS_NOTHING = {"title", "description", "default", "examples"}
_LEAST, _MOST = ("minimum", "exclusiveMinimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")
Schema = dict[str, Any]


def schema_of(event: type[Event]) -> Schema:
    """The event's JSON schema without references, titles and words."""
    whole = event.model_json_schema()
    plain: Schema = _plain(whole, whole.get("$defs", {}))
    return plain


def _plain(schema: Any, definitions: Schema) -> Any:
    if isinstance(schema, list):
        return [_plain(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    kept = {key: value for key, value in schema.items() if key != "$defs" and key not in _SAYS_NOTHING}
    if "properties" in kept:  # a property may be called title
        kept["properties"] = {name: _plain(one, definitions) for name, one in schema["properties"].items()}
        return kept
    return {key: _plain(value, definitions) for key, value in kept.items()}


def narrowed(old: Schema, new: Schema, at: str = "") -> Iterator[str]:
    """Where the new schema would refuse something that the old one allowed."""
    if old == new:
        return
    if "anyOf" in old or "anyOf" in new:
        taken = new.get("anyOf", [new])
        for one in old.get("anyOf", [old]):
            if all(list(narrowed(one, other)) for other in taken):
                yield f"{at or '/'}: an alternative is gone"
        return
    if gone := set(_values(old)) - set(_values(new)) if _values(new) else set():
        yield f"{at or '/'}: no longer allows {', '.join(sorted(map(str, gone)))}"
    if _values(new) and not _values(old):
        yield f"{at or '/'}: allows only some values now"
    if old.get("type") != new.get("type") and "type" in new and not _values(old):
        yield f"{at or '/'}: was {old.get('type')} and is {new.get('type')}"
    yield from _bounds(old, new, at)
    if "properties" in old:
        yield from _properties(old, new, at)
    for part in ("items", "additionalProperties"):
        if isinstance(new.get(part), dict):
            yield from narrowed(old[part] if isinstance(old.get(part), dict) else {}, new[part], f"{at}/{part}")


def _values(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _bounds(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for names, sign in ((_LEAST, 1), (_MOST, -1)):
        for name in names:
            if name in new and (name not in old or sign * new[name] > sign * old[name]):
                yield f"{at or '/'}: {name} is {new[name]} and was {old.get(name, 'none')}"
    for name in ("pattern", "format", "prefixItems", "uniqueItems"):
        if name in new and new[name] != old.get(name):
            yield f"{at or '/'}: {name} has changed"


def _properties(old: Schema, new: Schema, at: str) -> Iterator[str]:
    after = new.get("properties", {})
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{at}/{name}: is required now, and old events may lack it"
    for name, schema in old["properties"].items():
        if name in after:
            yield from narrowed(schema, after[name], f"{at}/{name}")
        else:
            yield f"{at}/{name}: is gone, and old events may have it"


def _kept(wire: str) -> Path:
    return FOLDER / f"{wire.removeprefix('org.opennrm.')}.json"


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda one: one.wire)
def test_what_was_written_is_still_read(event: type[Event]) -> None:
    path = _kept(event.wire)
    assert path.exists(), "a new event: python -m tests.architecture.test_event_schemas"
    found = list(narrowed(json.loads(path.read_text(encoding="utf-8")), schema_of(event)))
    assert not found, f"make a new version of {event.wire} instead: {'; '.join(found)}"


def test_no_event_that_was_ever_written_is_gone() -> None:
    known = {_kept(event.wire) for event in EVENTS.values()}
    assert set(FOLDER.glob("*.json")) <= known


class _Before(Event):
    wire: ClassVar[str] = "org.opennrm.test.before.v1"
    name: str
    kind: Literal["a", "b"]
    count: int | None = None


class _Wider(Event):
    wire: ClassVar[str] = "org.opennrm.test.before.v1"
    name: str | None = None
    kind: Literal["a", "b", "c"]
    count: int | None = None
    place: str = ""


class _Narrower(Event):
    wire: ClassVar[str] = "org.opennrm.test.before.v1"
    kind: Literal["a"]
    count: int
    place: str


def test_a_wider_event_passes_and_a_narrower_one_does_not() -> None:
    before = schema_of(_Before)
    assert not list(narrowed(before, schema_of(_Wider)))
    assert [one.partition(":")[0] for one in narrowed(before, schema_of(_Narrower))] == [
        *("/count", "/place", "/name", "/kind", "/count"),
    ]
    for change in ({"maxLength": 3}, {"pattern": "x"}, {"type": "integer"}, {"enum": ["a"]}):
        after = deepcopy(before)
        after["properties"]["name"] |= change
        assert list(narrowed(before, after)), change


def main() -> None:
    """Write the schemas of new and of widened events."""
    FOLDER.mkdir(exist_ok=True)
    for event in EVENTS.values():
        path, schema = _kept(event.wire), schema_of(event)
        if path.exists() and list(narrowed(json.loads(path.read_text(encoding="utf-8")), schema)):
            continue  # the test says why
        path.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
