"""Names of four scripts made comparable: one Latin form, and the consonants that every romanisation keeps.

Khmer, Thai, Lao and Vietnamese are romanised by ear, so that one person's name has many Latin spellings: vowels,
aspiration, voicing and tone differ from officer to officer, the order of the consonants does not. Word order counts for
nothing: Khmer and Vietnamese put the family name first, forms and embassies often the given name.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from anyascii import anyascii
from rapidfuzz import fuzz

# Thai and Lao write these vowels before the consonant that they are spoken after.
_BEFORE = re.compile("([เ-ไເ-ໄ])([ก-ฮກ-ຮ])")
# A letter under this mark is not spoken: Thai thanthakhat, Lao cancellation mark, Khmer toandakhiat.
_SILENT = re.compile("[ก-ฮ][ัิุ]?์|[ກ-ຮ]໌|[ក-អ][៍]")
_SOUNDS = tuple(
    (re.compile(pattern), letter)
    for pattern, letter in (
        ("chh|tch|ch|ts|tj|dj|j", "C"), ("ngh|ng|nh|gn", "n"), ("ph|f|b", "p"), ("th|d", "t"), ("kh|gh|g|q|c", "k"),
        ("sh|x|z", "s"), ("w", "v"), ("C", "c"),
    )
)  # fmt: skip
_VOWELS = "aeiou"
Words: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is compared: its words in Latin letters, the sound of each, and the same by field of the form.

    One desk writes `Chan Thy`, the next `Chanthy`: what stands in one field is also compared as one word.
    """

    words: Words = ()
    sounds: Words = ()
    fields: Words = ()
    field_sounds: Words = ()

    @property
    def runs(self) -> tuple[str, str]:
        """The sounds as one run, first field first and last: scripts without spaces write a name so."""
        turned = (*self.field_sounds[1:], *self.field_sounds[:1])
        return "".join(self.field_sounds), "".join(turned)


def name_of(*fields: str | None, ignored: Collection[str] = ()) -> Name:
    """The name that these fields make together; titles and filler words (`ignored`) count for nothing."""
    kept = [_words(field, ignored) for field in fields if field]
    words = [word for field in kept for word in field]
    joined = ["".join(field) for field in kept if field]
    if len(joined) == 1:
        joined = words
    return Name(tuple(words), tuple(map(sound, words)), tuple(joined), tuple(map(sound, joined)))


def _words(field: str, ignored: Collection[str]) -> list[str]:
    words = latin(field).split()
    return [word for word in words if word not in ignored] or words


def latin(text: str) -> str:
    """A text in lower-case ASCII letters: one Unicode form, transliterated, without marks and punctuation."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    spoken = _BEFORE.sub(r"\2\1", _SILENT.sub("", plain))
    letters = anyascii(spoken).lower().replace("'", "")
    return " ".join(re.findall("[a-z]+", letters))


def sound(word: str) -> str:
    """The consonants of a word in classes that romanisations share; a leading vowel stays as `a`."""
    said = word
    for pattern, letter in _SOUNDS:
        said = pattern.sub(letter, said)
    said = re.sub(r"(.)\1+", r"\1", said)
    first, rest = said[:1], said[1:]
    rest = re.sub(r"(?<=[aeiouy])v$", "", rest)  # pov, pau: a closing v is a vowel
    rest = re.sub(r"(?<=[^aeiouyr])r$", "", rest)  # vichetr, pechr: written, not spoken
    rest = re.sub(r"(?<=[aeiouy])r(?=[mn]?$)", "", rest)  # chear, thorn: written to lengthen the vowel
    rest = re.sub("[aeiouyh]", "", rest)
    return ("a" if first in _VOWELS else first) + rest


def likeness(one: Name, other: Name, close: int, near: int) -> str:
    """How alike two names are: the levels of the weights' file, or `unknown` where either is empty.

    `close` and `near` are the least likeness, in percent, of the words that differ most.
    """
    if not one.words or not other.words:
        return "unknown"
    if sorted(one.words) == sorted(other.words) or "".join(one.fields) == "".join(other.fields):
        return "same"
    if sorted(one.sounds) == sorted(other.sounds) or set(one.runs) & set(other.runs):
        spelt = fuzz.token_sort_ratio(" ".join(one.words), " ".join(other.words))
        together = max(fuzz.ratio(run, it) for run in _turned(one.fields) for it in _turned(other.fields))
        best = max(spelt, together)
        return "same_sound" if best >= close else "alike_sound" if best >= near else "same_consonants"
    by_word = _aligned(one.words, one.sounds, other.words, other.sounds, near)
    whole = one.words == one.fields and other.words == other.fields
    by_field = by_word if whole else _aligned(one.fields, one.field_sounds, other.fields, other.field_sounds, near)
    best = max(by_word, by_field)
    if best < near:
        in_one_word = _runs_alike(one, other) if _split(one, other) else 0
        return "close" if in_one_word >= close else "different"
    if _split(one, other) if by_field >= near else len(one.words) != len(other.words):
        return "part"
    return "close" if best >= close else "near"


def _split(one: Name, other: Name) -> bool:
    return len(one.fields) != len(other.fields)


def _turned(fields: Words) -> tuple[str, str]:
    return "".join(fields), "".join((*fields[1:], *fields[:1]))


def _runs_alike(one: Name, other: Name) -> float:
    return max(fuzz.ratio(run, it) for run in one.runs for it in other.runs)


def _aligned(words: Words, sounds: Words, others: Words, their_sounds: Words, near: int) -> float:
    """How alike, in percent, the least alike word of the shorter name is to its likeness in the longer one."""
    if len(words) > len(others):
        return _least(others, their_sounds, words, sounds, near)
    there = _least(words, sounds, others, their_sounds, near)
    if there < near or len(words) < len(others):
        return there
    return min(there, _least(others, their_sounds, words, sounds, near))


def _least(words: Words, sounds: Words, others: Words, their_sounds: Words, near: int) -> float:
    """As above from one side; below `near` it is given up, since names that differ need no number."""
    least = 100.0
    for word, heard in zip(words, sounds, strict=True):
        best = 0.0
        for other, their in zip(others, their_sounds, strict=True):
            # Half by the letters, half by the consonants: letters alone tell vowels apart, consonants bridge spellings.
            best = max(best, (fuzz.ratio(word, other) + fuzz.ratio(heard, their)) / 2)
        least = min(least, best)
        if least < near:
            break
    return least
