"""A reason for reading more than one case is opened by the auditors' key, and by no other."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from libs.runtime.reasons import VERSION, opened_by_auditors, sealed_for_auditors

KEY, OTHER = X25519PrivateKey.generate(), X25519PrivateKey.generate()
REASON = "ស្ថិតិ for the ministry, letter 2026/17"


def test_the_auditors_read_it() -> None:
    sealed = sealed_for_auditors(KEY.public_key().public_bytes_raw(), REASON)
    assert sealed.startswith(VERSION)
    assert "2026/17" not in sealed
    assert opened_by_auditors(KEY.private_bytes_raw(), sealed) == REASON


def test_nobody_else_does_nor_is_it_changed_unseen() -> None:
    sealed = sealed_for_auditors(KEY.public_key().public_bytes_raw(), REASON)
    with pytest.raises(InvalidTag):
        opened_by_auditors(OTHER.private_bytes_raw(), sealed)
    changed = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(InvalidTag):
        opened_by_auditors(KEY.private_bytes_raw(), changed)


def test_the_same_reason_does_not_look_the_same_twice() -> None:
    public = KEY.public_key().public_bytes_raw()
    assert sealed_for_auditors(public, REASON) != sealed_for_auditors(public, REASON)
