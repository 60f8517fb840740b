"""The outline of an event: what the whole event says, and nothing where its bytes are not what they claim to be."""

from operator import attrgetter
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.envelope import canonical, parse, wire_bytes
from libs.events.outline import Outline, outline
from tests.contracts.kit import entry, wire
from tests.history.test_history import STORED

TEXTS = st.text(st.characters(codec="utf-8")).filter(lambda text: "\0" not in text)
_outlined = attrgetter(*Outline._fields)


def _published(stored: bytes) -> bytes:
    attributes = orjson.loads(stored)
    digest = bytes.fromhex(attributes.pop("hash"))
    return wire_bytes(canonical(attributes), digest, 1)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_every_event_has_an_outline_as_it_is_published(path: Any) -> None:
    raw = _published(path.read_bytes())
    assert outline(raw) == _outlined(parse(raw))


@given(st.dictionaries(st.sampled_from(["a", "datacontenttype", "stream"]), TEXTS), TEXTS, TEXTS)
def test_it_is_what_the_whole_event_says(data: dict[str, str], actor: str, stream: str) -> None:
    data["z"] = '},"datacontenttype":"application/json","id":"'
    raw = wire(entry("provider:a", data=data, actor=actor, organisation=actor))
    assert outline(raw) in (None, _outlined(parse(raw)))
    raw = wire(entry(f"provider:{stream}"))
    assert outline(raw) in (None, _outlined(parse(raw)))


@given(st.integers(0, 2_000), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(place: int, change: int) -> None:
    raw = bytearray(wire(entry("provider:a")))
    covered = raw.rindex(b',"position":')
    raw[place % covered] ^= change
    assert outline(bytes(raw)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        wire(entry("provider:a", source="/services/justice")),
        wire(entry("provider:a", type="org.opennrm.Referral.x.v1")),
        wire(entry("provider:a", streamversion=0)),
        wire(entry("provider:a"), position=0),
        wire(entry("provider:a")) + b" ",
        wire(entry("provider:a")).replace(b'"tester"', b'"tester" '),
        wire(entry("provider:\0")),
    ],
)
def test_what_needs_a_closer_look_has_none(raw: bytes) -> None:
    assert outline(raw) is None
