"""Which persons are worth comparing: those that share a token. Tokens are keyed, so that a table of them names nobody.

A token is an HMAC over a part of the normalised name with a part of the birth. Two spellings that sound alike give the
same token; one consonant too many or too few is caught by leaving each out in turn.
"""

import hmac
from collections.abc import Iterable, Iterator

from libs.matching.person import Person

TOKEN_BYTES = 8
SOUND_LENGTH_MIN = 2
"""A word that keeps one consonant says too little to be looked for by it alone."""
ESTIMATE_YEARS_MAX = 7
"""A wider estimate of an age gives no tokens by year: it would make a token of half the register."""
RUN_LENGTH_MIN = 4
"""A run of fewer consonants is not searched with one left out."""


def indexed(person: Person, key: bytes) -> tuple[int, ...]:
    """The tokens under which a person is kept."""
    return _keyed(_tokens(person, spread=0), key)


def searched(person: Person, key: bytes) -> tuple[int, ...]:
    """The tokens under which a person is looked for: the same, with the years before and after."""
    return _keyed(_tokens(person, spread=1), key)


def name_token(person: Person, key: bytes) -> int | None:
    """The token of the whole name: how many persons share it tells how common the name is."""
    run = "".join(sorted(person.name.sounds))
    return _token(f"n|{run}", key) if run else None


def _tokens(person: Person, spread: int) -> Iterator[str]:
    sounds = sorted(person.name.sounds)
    run = "".join(sounds)
    if run:
        yield f"n|{run}"
        yield from (f"r|{one}" for one in person.name.runs)
    if len(run) >= RUN_LENGTH_MIN:
        yield from (f"x|{one}" for whole in person.name.runs for one in (whole, *_shortened(whole)))
    told = {one for one in (*sounds, *person.name.field_sounds) if len(one) >= SOUND_LENGTH_MIN}
    yield from (f"y|{one}|{year}|{person.sex}" for one in told for year in _years(person, spread))
    yield from _of_parents(person, told, spread)
    if person.birth and person.birth.day:
        low, high = sorted((person.birth.day.month, person.birth.day.day))  # the two are often swapped
        day = f"{person.birth.first_year}|{low}|{high}"
        yield from (f"b|{day}|{one[:1]}" for one in {*sounds, *person.name.field_sounds})
        yield f"e|{day}|{person.province}"
    yield from (f"d|{number}" for number in (person.document,) if number)
    yield from (f"c|{number}" for number in (person.contact,) if number)


def _of_parents(person: Person, told: Iterable[str], spread: int) -> Iterator[str]:
    """By a parent's name with the person's own, or with the birth where the own name is missing or misheard."""
    parents = {*person.mother.sounds, *person.father.sounds}
    yield from (f"p|{parent}|{one}" for parent in parents for one in told if len(parent) >= SOUND_LENGTH_MIN)
    whole = {"".join(sorted(parent.sounds)) for parent in (person.mother, person.father) if parent.sounds}
    yield from (f"m|{parent}|{year}" for parent in whole for year in _years(person, spread))


def _shortened(run: str) -> Iterable[str]:
    return (run[:at] + run[at + 1 :] for at in range(len(run)))


def _years(person: Person, spread: int) -> Iterable[int]:
    birth = person.birth
    if birth is None or birth.last_year - birth.first_year > ESTIMATE_YEARS_MAX:
        return ()
    return range(birth.first_year - spread, birth.last_year + spread + 1)


def _keyed(tokens: Iterable[str], key: bytes) -> tuple[int, ...]:
    return tuple(sorted({_token(token, key) for token in tokens}))


def _token(text: str, key: bytes) -> int:
    return int.from_bytes(hmac.digest(key, text.encode(), "sha256")[:TOKEN_BYTES], "big", signed=True)
