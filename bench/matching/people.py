"""Made-up persons and what different desks write down of them: known duplicates, with the noise that records have."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bench.matching.names import Spelt, TrueName, draw
from libs.events.event import JSON

TUNED_ON = 1
"""The seed whose records the weights were learned from; no other figure is taken of them."""
MET_FROM = date(2015, 1, 1)
KHMER_DIGITS = str.maketrans("0123456789", "០១២៣៤៥៦៧៨៩")
TITLES = ("Mr ", "Ms ", "Lok ", "Nang ")


@dataclass(frozen=True, slots=True)
class Noise:
    """How often a desk does not write down what is true. Each is a share of the records."""

    own_script: float = 0.3
    turned: float = 0.12
    typing: float = 0.04
    no_family_name: float = 0.05
    no_name: float = 0.01
    run_together: float = 0.06
    titled: float = 0.04
    year_only: float = 0.1
    estimated: float = 0.1
    no_birth: float = 0.02
    swapped: float = 0.04
    misread_day: float = 0.03
    buddhist: float = 0.04
    wrong_sex: float = 0.01
    wrong_nationality: float = 0.02
    document: float = 0.3
    contact: float = 0.45
    mother: float = 0.65
    father: float = 0.6


@dataclass(frozen=True, slots=True)
class Human:
    """Who somebody truly is."""

    name: TrueName
    born: date
    sex: str
    nationality: str
    province: str
    document: str
    contact: str
    mother: TrueName
    father: TrueName


@dataclass(frozen=True, slots=True)
class Record:
    """What one desk wrote down of a human: `clear` and `personal` as a case holds them."""

    human: int
    met: date
    clear: Mapping[str, JSON]
    personal: Mapping[str, JSON]


def records(seed: int, persons: int, noise: Noise = Noise()) -> list[Record]:
    """So many persons, a fifth of them met twice, one in forty three times, in random order."""
    rng = random.Random(seed)  # noqa: S311 - made-up persons
    humans = list(_humans(rng, persons))
    found = []
    for number, human in enumerate(humans):
        times = rng.choices((1, 2, 3), (0.775, 0.2, 0.025))[0]
        found += [Record(number, *_written(rng, human, noise)) for _ in range(times)]
    rng.shuffle(found)
    return found


def _humans(rng: random.Random, persons: int) -> Iterator[Human]:
    """Persons; one in twelve is a sister or brother of the one before: same family, parents, place and telephone."""
    last: Human | None = None
    for _ in range(persons):
        nationality = rng.choices(("KH", "VN", "TH"), (80, 15, 5))[0]
        born = date(2012, 1, 1) - timedelta(days=int(rng.triangular(0, 16_000, 5_000)))
        human = Human(
            draw(rng, nationality), born, rng.choice(("female", "female", "male")), nationality,
            f"KH-{rng.randint(1, 25)}", str(rng.randint(10**8, 10**9 - 1)), f"0{rng.randint(10**7, 10**9 - 1)}",
            draw(rng, nationality), draw(rng, nationality),
        )  # fmt: skip
        if last and rng.random() < 1 / 12:
            given = draw(rng, last.nationality).given
            kin = replace(last, name=replace(last.name, given=given), sex=human.sex, document=human.document)
            human = replace(kin, born=last.born + timedelta(days=rng.choice((-1, 1)) * rng.randint(330, 2500)))
        last = human
        yield human


def _written(rng: random.Random, human: Human, noise: Noise) -> tuple[date, dict[str, JSON], dict[str, JSON]]:
    met = MET_FROM + timedelta(days=rng.randint(0, 4000))
    clear = {
        "sex": rng.choice(("unknown", "male", "female")) if rng.random() < noise.wrong_sex else human.sex,
        "nationality": rng.choice(("KH", "VN")) if rng.random() < noise.wrong_nationality else human.nationality,
        "province": human.province if rng.random() < 0.6 else f"KH-{rng.randint(1, 25)}",  # noqa: PLR2004 - a share
    }
    personal: dict[str, JSON] = {**_named(rng, human.name, noise), **_birth(rng, human.born, met, noise)}
    if rng.random() < noise.document:
        personal["document_number"] = _number(rng, human.document)
    if rng.random() < noise.contact:
        own = human.contact if rng.random() < 0.7 else f"0{rng.randint(10**7, 10**9 - 1)}"  # noqa: PLR2004 - a share
        personal["contact"] = _number(rng, own)
    for parent, name, share in (
        ("mother_name", human.mother, noise.mother), ("father_name", human.father, noise.father),
    ):  # fmt: skip
        if rng.random() < share:
            personal[parent] = " ".join(_parts(rng, name, noise))
    return met, clear, personal


def _named(rng: random.Random, name: TrueName, noise: Noise) -> dict[str, JSON]:
    if rng.random() < noise.no_name:
        return {}
    family, given = _parts(rng, name, noise)
    if rng.random() < noise.typing:
        given = _mistyped(rng, given)
    if rng.random() < noise.titled:
        given = rng.choice(TITLES) + given
    if rng.random() < noise.no_family_name:
        return {"given_name": given}
    if rng.random() < noise.run_together:
        return {"given_name": family + given}
    if rng.random() < noise.turned:
        family, given = given, family
    return {"family_name": family, "given_name": given}


def _parts(rng: random.Random, name: TrueName, noise: Noise) -> tuple[str, str]:
    own = rng.random() < noise.own_script
    between = "" if name.joined and rng.random() < 0.9 else " "  # noqa: PLR2004 - a share
    given = between.join(_spelt(rng, part, own=own) for part in name.given)
    family = _spelt(rng, name.family, own=own)
    shown = (family, given if own else given[:1].upper() + given[1:])
    return (shown[0].upper(), shown[1].upper()) if rng.random() < 0.1 else shown  # noqa: PLR2004 - a share


def _spelt(rng: random.Random, part: Spelt, *, own: bool) -> str:
    return part.script if own else rng.choice(part.latin)


def _mistyped(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(("", text[at] * 2, rng.choice("aeiknrst"))) + text[at + 1 :]


def _birth(rng: random.Random, born: date, met: date, noise: Noise) -> dict[str, JSON]:
    age = max(0, (met - born).days // 365)
    faults = (
        ("estimated", noise.estimated), ("none", noise.no_birth), ("year_only", noise.year_only),
        ("swapped", noise.swapped), ("misread", noise.misread_day), ("buddhist", noise.buddhist),
    )  # fmt: skip
    kind = rng.choices([name for name, _ in faults] + ["exact"], [share for _, share in faults] + [
        1 - sum(share for _, share in faults)
    ])[0]  # fmt: skip
    if kind == "none":
        return {}
    if kind == "estimated":
        middle = max(0, age + rng.choice((-2, -1, -1, 0, 0, 0, 1, 1, 2)))
        half = rng.randint(1, 3)
        return {"age_estimate": {"min": max(0, middle - half), "max": middle + half}}
    return {"date_of_birth": _stated(rng, kind, born)}


def _stated(rng: random.Random, kind: str, born: date) -> str:
    match kind:
        case "year_only":
            return f"{born.year + rng.choice((0, 0, 0, 0, 1, -1))}-01-01"
        case "swapped" if born.day <= 12:  # noqa: PLR2004 - months
            return f"{born.year}-{born.day:02}-{born.month:02}"
        case "misread":
            return (born + timedelta(days=rng.choice((-10, -3, -1, 1, 3, 10, 365)))).isoformat()
        case "buddhist":
            return f"{born.year + 543}-{born.month:02}-{born.day:02}"
        case _:
            return born.isoformat()


def _number(rng: random.Random, digits: str) -> str:
    shown = rng.choice((digits, f"{digits[:3]} {digits[3:6]} {digits[6:]}", f"{digits[:3]}-{digits[3:]}"))
    return shown.translate(KHMER_DIGITS) if rng.random() < 0.1 else shown  # noqa: PLR2004 - a share
