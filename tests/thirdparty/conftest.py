"""Registers the marker of the tests that build and run other people's verifiers."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "thirdparty: needs Go; deselect with -m 'not thirdparty', never skipped")
