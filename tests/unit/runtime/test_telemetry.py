"""An unexpected error's log line says where and of what type, never what its message repeats."""

import logging
import sys

from libs.runtime.telemetry import Discreet

NAME = "Sok Dara"


def test_a_logged_exception_says_nothing_of_a_person() -> None:
    try:
        int(NAME)  # its message repeats the literal
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    said = Discreet("%(levelname)s %(message)s").format(record)
    assert "ValueError" in said
    assert "test_telemetry.py" in said
    assert NAME not in said
