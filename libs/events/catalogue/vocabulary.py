"""The closed code lists of the contract. HTCDS values (CC BY 4.0) where it has the list, plus what Cambodia needs."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Sex = Literal["female", "male", "intersex", "unknown"]
Gender = Literal["feminine", "masculine", "transgender_feminine", "transgender_masculine", "non_conforming", "unknown"]
Channel = Literal[
    "raid", "border_screening", "self_report", "hotline", "outreach", "embassy",
    "health", "school", "labour_inspection", "court", "import",
]  # fmt: skip
Continuum = Literal["A", "B", "C", "D", "E", "F", "unknown"]
Exploitation = Literal[
    "forced_labour", "sexual_exploitation", "child_labour", "forced_marriage", "servitude", "forced_begging",
    "forced_adoption", "forced_criminality", "forced_military", "organ_removal", "surrogacy", "other",
]  # fmt: skip
Purpose = Exploitation
RecruitmentMethod = Literal[
    "at_a_place_of_business", "at_an_educational_institution", "at_work", "through_online_social_networks",
    "through_an_online_advertisement", "through_a_television_advert", "through_a_newspaper_advert",
    "through_family_or_family_events", "through_friends_or_social_events", "through_a_recruitment_agency",
    "through_a_broker", "other",
]  # fmt: skip
ControlMethod = Literal[
    "physical_threats", "threats_law_enforcement", "threatens_children_family", "debt_bondage", "false_promises",
    "physical_abuse", "sexual_abuse", "takes_earnings", "restricts_financial_access", "restricts_movement",
    "restricts_medical_care", "withholds_necessities", "psychological_abuse", "psychoactive_substance",
    "excessive_working_hours", "withholds_documents", "other",
]  # fmt: skip
Act = Literal["recruitment", "transportation", "transfer", "harbouring", "receipt"]
Means = Literal[
    "threat", "force", "coercion", "abduction", "fraud", "deception",
    "abuse_of_power", "abuse_of_vulnerability", "payments_to_controller",
]  # fmt: skip
DeterminationOutcome = Literal["victim", "smuggled_migrant", "not_victim", "inconclusive"]
InitialDetermination = Literal["presumed_victim", "not_presumed", "needs_follow_up"]
ConsentKind = Literal["referral", "interview", "data_sharing", "repatriation"]
ConsentBy = Literal["self", "guardian", "emergency"]
ServiceKind = Literal[
    "shelter", "medical", "psychological", "legal_aid", "education",
    "vocational_training", "reintegration", "family_tracing", "interpretation",
]  # fmt: skip
Cohort = Literal["women", "men", "girls", "boys", "transgender_adults", "families"]
ShelterKind = Literal["transit", "short_term", "long_term"]
Term = Literal["transit", "short", "long"]
StepOutcome = Literal["done", "refused", "waived", "not_needed"]
AgeGroup = Literal["0-8", "9-17", "18-20", "21-23", "24-26", "27-29", "30-38", "39-47", "48+", "unknown"]
Verdict = Literal["convicted", "acquitted", "dismissed"]

COUNTRIES = frozenset({
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD",
    "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA",
    "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE",
    "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA",
    "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK",
    "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP",
    "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT",
    "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS",
    "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ",
    "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS",
    "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST",
    "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW",
    "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA",
    "ZM", "ZW",
})  # fmt: skip
"""ISO 3166-1 alpha-2."""
DIVISIONS: Mapping[str, tuple[int, int]] = {
    "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43), "G": (45, 47), "H": (49, 53),
    "I": (55, 56), "J": (58, 63), "K": (64, 66), "L": (68, 68), "M": (69, 75), "N": (77, 82), "O": (84, 84),
    "P": (85, 85), "Q": (86, 88), "R": (90, 93), "S": (94, 96), "T": (97, 98), "U": (99, 99),
}  # fmt: skip
"""ISIC rev. 4: the first and last division of each section."""
PROVINCES_KH_MAX = 25


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("is no ISO 3166-1 alpha-2 code")
    return code


_PROVINCES_KH = frozenset(str(number) for number in range(1, PROVINCES_KH_MAX + 1))


def _province(code: str) -> str:
    country, _, part = code.partition("-")
    if country not in COUNTRIES:
        raise ValueError("begins with no ISO 3166-1 alpha-2 code")
    if country == "KH" and part not in _PROVINCES_KH:
        raise ValueError("Cambodia's provinces are KH-1 to KH-25")
    return code


def _industry(code: str) -> str:
    first, last = DIVISIONS[code[0]]
    if len(code) > 1 and not first <= int(code[1:]) <= last:
        raise ValueError(f"section {code[0]} has the divisions {first:02} to {last:02}")
    return code


Province = Annotated[
    str, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$", description="ISO 3166-2"), AfterValidator(_province)
]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2"), AfterValidator(_country)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639")]
Industry = Annotated[
    str,
    Field(pattern=r"^[A-U](\d{2})?$", description="ISIC rev. 4 section, optionally division"),
    AfterValidator(_industry),
]
CaseId = Annotated[str, Field(pattern=r"^KH-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9:-]{0,99}$", description="lower-case slug")]

AGE_GROUPS: tuple[tuple[int, int, AgeGroup], ...] = (
    (0, 8, "0-8"), (9, 17, "9-17"), (18, 20, "18-20"), (21, 23, "21-23"), (24, 26, "24-26"),
    (27, 29, "27-29"), (30, 38, "30-38"), (39, 47, "39-47"), (48, 200, "48+"),
)  # fmt: skip


def age_group(youngest: int, oldest: int) -> AgeGroup:
    """The statistical age group of a person between two ages; `unknown` where they lie in different groups."""
    for low, high, name in AGE_GROUPS:
        if low <= youngest and oldest <= high:
            return name
    return "unknown"


class Part(BaseModel):
    """A part of an event that is no event by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LegalBasis(Part):
    """An article of a statute."""

    statute: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    article: str = Field(pattern=r"^[0-9A-Za-z.()/-]{1,30}$")


class RouteLeg(Part):
    """One place on the person's way."""

    country: Country
    province: Province | None = None
    mode: Literal["road", "sea", "air", "rail", "foot", "unknown"] | None = None
    from_date: date | None = None
    to_date: date | None = None
