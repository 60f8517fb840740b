"""The stub of one process."""

from tests.platform.stub_process import serve

serve("portal")
