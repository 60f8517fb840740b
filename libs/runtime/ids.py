"""Every id and every moment that the system mints comes from here."""

import secrets
from datetime import UTC, datetime

from stdnum.iso7064 import mod_37_36
from uuid_utils import uuid7

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")
_CASE_SYMBOLS = 7
_FILE_SYMBOLS = 11


class BadCaseReference(ValueError):
    """A case reference whose form or check character is wrong."""


def now() -> datetime:
    """The current moment, UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A UUIDv7: unique, and in the order of its minting (RFC 9562)."""
    return str(uuid7())


def new_case_reference() -> str:
    """A random case reference `KH-XXXX-XXXC`."""
    return _grouped("KH", _drawn(_CASE_SYMBOLS))


def case_reference(text: str) -> str:
    """The reference as it is stored: upper case, O I L read as 0 1 1. Raises BadCaseReference."""
    return _read(text, "KH", _CASE_SYMBOLS)


def new_file_code() -> str:
    """A random verification code `HF-XXXX-XXXX-XXXC`: 55 bits, too many to guess."""
    return _grouped("HF", _drawn(_FILE_SYMBOLS))


def file_code(text: str) -> str:
    """A verification code as it is stored, however it was typed. Raises BadCaseReference."""
    return _read(text, "HF", _FILE_SYMBOLS)


def _drawn(count: int) -> str:
    """Random symbols and their ISO 7064 check character; drawn again where that is no Crockford symbol."""
    while True:
        # 256 is 8 times 32, so each symbol is as likely; one draw of bytes costs less than one for each symbol.
        symbols = "".join(_CROCKFORD[byte % len(_CROCKFORD)] for byte in secrets.token_bytes(count))
        check = mod_37_36.calc_check_digit(symbols)
        if check in _CROCKFORD:
            return symbols + check


def _read(text: str, prefix: str, count: int) -> str:
    head, _, symbols = text.strip().upper().replace(" ", "").partition("-")
    symbols = symbols.replace("-", "").translate(_READ_AS)
    well_formed = head == prefix and len(symbols) == count + 1 and all(s in _CROCKFORD for s in symbols)
    if not well_formed or not mod_37_36.is_valid(symbols):
        raise BadCaseReference(text)
    return _grouped(prefix, symbols)


def _grouped(prefix: str, symbols: str) -> str:
    return "-".join((prefix, *(symbols[at : at + 4] for at in range(0, len(symbols), 4))))
