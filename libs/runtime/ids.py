"""Every id and every moment that the system mints comes from here."""

import secrets
from datetime import UTC, datetime

from stdnum.iso7064 import mod_37_36
from uuid_utils import uuid7

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")
_CASE_SYMBOLS = 7


class BadCaseReference(ValueError):
    """A case reference whose form or check character is wrong."""


def now() -> datetime:
    """The current moment, UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7: unique, and in the order of its minting (RFC 9562)."""
    return str(uuid7())


def new_case_reference() -> str:
    """A random case reference `KH-XXXX-XXXC`; drawn again where the check character is not a Crockford symbol."""
    while True:
        symbols = "".join(secrets.choice(_CROCKFORD) for _ in range(_CASE_SYMBOLS))
        check = mod_37_36.calc_check_digit(symbols)
        if check in _CROCKFORD:
            return f"KH-{symbols[:4]}-{symbols[4:]}{check}"


def case_reference(text: str) -> str:
    """The reference as it is stored: upper case, O I L read as 0 1 1. Raises BadCaseReference."""
    shown = text.strip().upper()
    head, _, symbols = shown.partition("-")
    symbols = symbols.replace("-", "").translate(_READ_AS)
    well_formed = head == "KH" and len(symbols) == _CASE_SYMBOLS + 1 and all(s in _CROCKFORD for s in symbols)
    if not well_formed or not mod_37_36.is_valid(symbols):
        raise BadCaseReference(text)
    return f"KH-{symbols[:4]}-{symbols[4:]}"
