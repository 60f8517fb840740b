"""Every wire name ever published has a stored event here. Files may be added, never changed: history is still read."""

from pathlib import Path

import orjson
import pytest

from libs.events.catalogue import EVENTS, decode
from libs.events.envelope import parse

FOLDER = Path(__file__).parent
STORED = sorted(FOLDER.glob("*.json"))


def test_every_wire_name_has_a_stored_event() -> None:
    assert {f"org.opennrm.{path.stem}" for path in STORED} == set(EVENTS)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_event_is_still_read(path: Path) -> None:
    envelope = parse(path.read_bytes())
    event = decode(envelope.type, envelope.data)
    assert event.data() == orjson.loads(path.read_bytes())["data"]
