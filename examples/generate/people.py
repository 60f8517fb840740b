"""The invented persons. One population for all systems, so that their files overlap as those of a country do."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

POPULATION = 900
FAMILIES = (
    "Sok",
    "Chan",
    "Keo",
    "Chea",
    "Kim",
    "Ly",
    "Heng",
    "Mao",
    "Nget",
    "Oum",
    "Prak",
    "Ros",
    "Sam",
    "Seng",
    "Tep",
    "Yim",
)
GIVEN = ("Dara", "Srey Mom", "Vanna", "Sophea", "Bopha", "Rith", "Thyda", "Piseth", "Chanthou", "Kosal", "Maly", "Nary",
         "Phally", "Ratha", "Sina", "Visal")  # fmt: skip
PROVINCES = ("Phnom Penh", "Banteay Meanchey", "Battambang", "Prey Veng", "Svay Rieng", "Kampong Cham", "Siem Reap",
             "Preah Sihanouk", "Koh Kong", "Takeo", "Kampot", "Kandal")  # fmt: skip
KINDS = ("sex", "labour", "fishing", "begging", "domestic", "marriage")
FIRST_DAY = date(2008, 1, 5)
DAYS = 1_400
AGES = (8, 44)
YEAR_DAYS = 365


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    number: int
    family: str
    given: str
    female: bool
    born: date
    province: str
    kind: str
    met: date

    def age(self, on: date) -> int:
        """The age in whole years."""
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


def people(seed: int) -> list[Person]:
    """The population, the same for the same seed."""
    chance = Random(seed)  # noqa: S311 - a sample must come out the same each time
    return [_person(number, chance) for number in range(POPULATION)]


def _person(number: int, chance: Random) -> Person:
    met = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    born = met - timedelta(days=chance.randrange(AGES[0] * YEAR_DAYS, AGES[1] * YEAR_DAYS))
    return Person(
        number, chance.choice(FAMILIES), chance.choice(GIVEN), chance.random() < 0.6, born,  # noqa: PLR2004 - more women
        chance.choice(PROVINCES), chance.choice(KINDS), met,
    )  # fmt: skip
