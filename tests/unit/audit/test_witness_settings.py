"""How witnesses are set."""

import pytest

from libs.runtime.settings import Settings
from libs.transparency.note import COSIGNATURE_V1, NoteError, SigningKey
from nrm.log.witnesses import peers_of


def test_witnesses_are_urls_with_their_keys() -> None:
    keys = [SigningKey.generate(f"w{n}.example", COSIGNATURE_V1).verifier for n in (1, 2)]
    peers = peers_of(Settings(witnesses=f"http://a:1/ {keys[0]}, http://b:2 {keys[1]}"))
    assert [(peer.url, peer.key) for peer in peers] == [("http://a:1", keys[0]), ("http://b:2", keys[1])]
    assert peers_of(Settings(witnesses="")) == []


def test_a_witness_without_a_key_is_refused_at_the_start() -> None:
    with pytest.raises(NoteError):
        peers_of(Settings(witnesses="http://a:1"))
