"""Rules as plain JSON values, for the endpoints that list instruments, corridors, statutes and limits."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date

from libs.rules.load import Source

Plain = None | bool | int | str | list["Plain"] | dict[str, "Plain"]


def plain(value: object) -> Plain:
    """Any rule as JSON: sets sorted, dates as ISO 8601, and every source with its `placeholder` mark."""
    match value:
        case None | bool() | int() | str():
            return value
        case date():
            return value.isoformat()
        case Source():
            return {"kind": value.kind, "note": value.note, "placeholder": value.placeholder}
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return [plain(item) for item in sorted(value)]
        case tuple() | list():
            return [plain(item) for item in value]
        case _ if is_dataclass(value):
            named = {"key": plain(value.key)} if hasattr(value, "key") else {}
            return named | {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} is not a rule")
