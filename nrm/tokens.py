"""Development tokens, for the command line, the demonstration and the tests."""

from libs.runtime.auth import mint as _mint
from libs.runtime.settings import settings


def mint(org: str, role: str, ttl_s: int = 3600) -> str:
    """A bearer token of this data folder's development key."""
    return _mint(settings(), org, role, ttl_s)
