"""A person as two records are compared: what identifies, and nothing of what happened to the person."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from libs.events.event import JSON
from libs.matching.births import Birth, birth_of
from libs.matching.names import Name, name_of

DIGITS_MIN = 6
"""Shorter numbers identify nobody; of longer ones the last eight digits survive every way of writing a prefix."""
DIGITS_KEPT = 8


NOBODY = Name()


@dataclass(frozen=True, slots=True)
class Person:
    """What a record says of who somebody is; whatever is not known is empty."""

    name: Name
    birth: Birth | None
    sex: str
    nationality: str
    province: str
    document: str = ""
    contact: str = ""
    mother: Name = NOBODY
    father: Name = NOBODY


def person_of(
    clear: Mapping[str, JSON], personal: Mapping[str, JSON], met: date, ignored: Collection[str] = ()
) -> Person:
    """The person of a case: `clear` holds sex, nationality and province, `personal` the fields that are sealed."""
    estimate = personal.get("age_estimate")
    return Person(
        name=name_of(personal.get("family_name"), personal.get("given_name"), ignored=ignored),
        birth=birth_of(
            personal.get("date_of_birth"), (estimate["min"], estimate["max"]) if estimate else None, met
        ),
        sex=clear["sex"],
        nationality=clear["nationality"],
        province=clear["province"],
        document=_number(personal.get("document_number")),
        contact=_number(personal.get("contact")),
        mother=name_of(personal.get("mother_name"), ignored=ignored),
        father=name_of(personal.get("father_name"), ignored=ignored),
    )  # fmt: skip


def kept(person: Person) -> dict[str, JSON]:
    """A person as JSON, as it is sealed beside the index."""
    return asdict(person) | {"birth": _birth_kept(person.birth)}


def read_back(stored: Mapping[str, JSON]) -> Person:
    """The person that was kept."""
    names = {part: _name_back(stored[part]) for part in ("name", "mother", "father")}
    birth = stored["birth"]
    day = date.fromisoformat(birth["day"]) if birth and birth["day"] else None
    return Person(
        **{**stored, **names, "birth": Birth(birth["first_year"], birth["last_year"], day) if birth else None}
    )


def _birth_kept(birth: Birth | None) -> dict[str, JSON] | None:
    return asdict(birth) | {"day": birth.day.isoformat() if birth.day else None} if birth else None


def _name_back(stored: Mapping[str, Sequence[str]]) -> Name:
    return Name(*(tuple(stored[part]) for part in ("words", "sounds", "fields", "field_sounds")))


def _number(text: str | None) -> str:
    """The digits that identify a document or a telephone, in whatever script they were written."""
    digits = "".join(str(int(sign)) for sign in re.findall(r"\d", text or ""))
    return digits[-DIGITS_KEPT:] if len(digits) >= DIGITS_MIN else ""
