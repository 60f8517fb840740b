"""The envelope: bytes of RFC 8785, hashes as the contract says, and no change that goes unnoticed."""

import json
from hashlib import sha256
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from libs.events.envelope import GENESIS, Tampered, canonical, parse, wire_bytes
from tests.contracts.kit import after, entry, wire

KEYS = st.text(st.characters(min_codepoint=0, max_codepoint=127))
TEXTS = st.text(st.characters(codec="utf-8"))
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DATA = st.dictionaries(KEYS, VALUES, max_size=5)


@given(VALUES)
def test_our_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(DATA, TEXTS.filter(lambda text: "\0" not in text))
def test_an_envelope_is_sealed_over_its_rfc_8785_bytes(data: dict[str, object], actor: str) -> None:
    envelope, body = entry("provider:a").envelope._replace(data=data, actor=actor).sealed()
    public = envelope.public()
    claimed = public.pop("hash")
    assert body == rfc8785.dumps(public)
    assert claimed == sha256(body).hexdigest()


@pytest.mark.parametrize(
    "data",
    [{"n": 1.0}, {"n": float("nan")}, {"n": 2**53}, {"n": -(2**53)}, {"a": [{"ឈ្មោះ": 1}]}, {"n": b"bytes"}],
    ids=lambda data: repr(data)[:30],
)
def test_data_for_which_the_bytes_would_differ_are_never_sealed(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="ASCII keys and integers"):
        entry("provider:a").envelope._replace(data=data).sealed()


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "a\0b"},
        {"id": "no uuid"},
        {"type": "org.opennrm.Referral.x.v1"},
        {"time": "2026-11-01T08:00:00Z"},
        {"occurredat": "10000-01-01T00:00:00.000000Z"},
        {"prevhash": "no hex"},
        {"streamversion": 0},
        {"streamversion": 2**31},
        {"submissionbase": 7},
        {"organisation": None},
    ],
    ids=str,
)
def test_what_a_reader_would_refuse_is_never_stored(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="attributes in their form"):
        entry("provider:a").envelope._replace(**changes).sealed()


def test_the_key_check_is_needed() -> None:
    """The negative control: with astral keys, sorting by bytes is not RFC 8785's order."""
    value = {"\U0001f600": 1, "\ufb33": 2}
    assert canonical(value) != rfc8785.dumps(value)


def test_hash_covers_everything_but_hash_and_position() -> None:
    first = entry("provider:a")
    published = json.loads(wire(first, 7))
    assert published.pop("position") == 7
    claimed = published.pop("hash")
    assert claimed == sha256(rfc8785.dumps(published)).hexdigest()
    assert set(published) == {
        *("specversion", "id", "datacontenttype", "type", "source", "subject", "time", "occurredat", "stream"),
        *("streamversion", "organisation", "actor", "role", "correlationid", "prevhash", "data"),
    }


def test_prevhash_is_the_hash_before_and_zeros_first() -> None:
    first = entry("provider:a")
    assert first.envelope.prevhash == GENESIS == "0" * 64
    assert after(first).envelope.prevhash == sha256(first.body).hexdigest()


@given(DATA, st.integers(1, 2**53 - 1), st.none() | st.just("00-" + "a" * 32 + "-" + "b" * 16 + "-01"))
def test_published_and_stored_bytes_are_read_back(data: dict[str, object], position: int, trace: str | None) -> None:
    envelope, body = entry("provider:a").envelope._replace(data=data, traceparent=trace).sealed()
    expected = envelope._replace(position=position)
    assert parse(wire_bytes(body, bytes.fromhex(envelope.hash), position)) == expected
    assert parse(body, digest=envelope.hash, position=position) == expected
    assert orjson.loads(wire_bytes(body, bytes.fromhex(envelope.hash), position)) == expected.public()


@given(st.data())
def test_any_changed_byte_of_what_is_published_is_found(data: st.DataObject) -> None:
    good = wire(after(entry("provider:a"), grounds="ថ្នាក់"), 3)
    index = data.draw(st.integers(0, good.index(b'"position"') - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != good[index]))
    changed = good[:index] + bytes([byte]) + good[index + 1 :]
    with pytest.raises(Tampered):
        parse(changed)


@given(st.data())
def test_any_changed_byte_of_what_is_stored_is_found(data: st.DataObject) -> None:
    one = entry("provider:a")
    index = data.draw(st.integers(0, len(one.body)))
    changed = one.body[:index] + data.draw(st.binary(min_size=1, max_size=3)) + one.body[index:]
    with pytest.raises(Tampered):
        parse(changed, digest=one.envelope.hash)


def test_a_stored_body_cannot_vouch_for_itself() -> None:
    """A body that carries a hash of its own is not believed over the stored one."""
    one, other = entry("provider:a"), entry("provider:a", grounds="forged")
    with pytest.raises(Tampered):
        parse(wire(other), digest=one.envelope.hash)


def _forged(**changes: object) -> bytes:
    """An envelope with some attributes forged and a hash that fits."""
    attributes = {**entry("provider:a").envelope.public(), **changes}
    attributes = {name: value for name, value in attributes.items() if name != "hash" and value is not ...}
    digest = sha256(canonical({name: value for name, value in attributes.items() if name != "position"})).hexdigest()
    return orjson.dumps({**attributes, "hash": digest})


def test_the_forger_of_these_tests_can_forge() -> None:
    assert parse(_forged(actor="somebody", position=4)).actor == "somebody"


FORGED: dict[str, tuple[Any, ...]] = {
    "id": (..., 5, "a\0b", "not-a-uuid", None),
    "type": (..., 5, "a\0b", "identified", "org.opennrm.x", "org.opennrm.a.b", "org.opennrm.a.b.v1.v2"),
    "source": (..., 5, "identification"),
    "subject": (..., 5, "a\0b"),
    "stream": (..., 5, "a\0b"),
    "streamversion": (..., 0, -1, "1", True, 1.0, 2**31, None),
    "position": (0, "1", True, 2**53, []),
    "organisation": (..., "a\0b"),
    "actor": (..., 5),
    "causationid": (5, "a\0b"),
    "traceparent": (5, []),
    "time": (..., 5, "2026-11-01", "2026-11-01T08:00:00Z", "yesterday"),
    "occurredat": (..., "2026-11-01T08:00:00.000000+07:00"),
    "prevhash": (..., "0", "0" * 63, "G" * 64, "A" * 64),
    "data": (..., [], "x", None, 1),
    "specversion": (..., "0.3", None),
    "datacontenttype": (..., "text/plain"),
    "surprise": (1,),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FORGED.items() for value in values])
def test_a_forged_attribute_is_refused_though_the_hash_fits(name: str, value: Any) -> None:
    """`...` stands for an attribute left out."""
    with pytest.raises(Tampered):
        parse(_forged(**{name: value}))


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"null",
        b"1",
        b"[]",
        b'"x"',
        b"{}",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 5000,
        b'{"hash":NaN}',
        b"1e999",
    ],
    ids=lambda record: repr(record[:12]),
)
def test_what_is_no_envelope_is_refused(record: bytes) -> None:
    with pytest.raises(Tampered):
        parse(record)
    with pytest.raises(Tampered):
        parse(record, digest=sha256(record).hexdigest())


def test_a_hash_of_another_kind_is_refused() -> None:
    claims: tuple[Any, ...] = (5, None, [], "", "0" * 64)
    for claimed in claims:
        with pytest.raises(Tampered):
            parse(orjson.dumps({**entry("provider:a").envelope.public(), "hash": claimed}))
