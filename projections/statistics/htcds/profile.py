"""Cases as the Human Trafficking Case Data Standard 2.0 names its fields; what it lacks stands under `nrm_`.

HTCDS is by the International Organization for Migration (CC BY 4.0); it publishes no JSON Schema, so ours stands
beside this file. A value of ours that the standard's list lacks is `Other` there, and stands in full under `nrm_`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from libs.events.event import JSON

SCHEMA: Mapping[str, JSON] = json.loads((Path(__file__).parent / "htcds.schema.json").read_text(encoding="utf-8"))
PROFILE = "opennrm-htcds-2.0.v2"
_GENDER = {"non_conforming": "NonConforming", "unknown": "NonSpecifiedUnknown"}
_EXPLOITATION = {"forced_military": "ForcedMilitaryByNonStateActors", "forced_criminality": "Other"}
_RECRUITMENT = {"through_a_recruitment_agency": "Other", "through_a_broker": "Other"}
_CONTROL = {"restricts_movement": "Other"}
_INDUSTRY = {name[0]: name for name in SCHEMA["properties"]["vic_ForcedLabourIndustry"]["enum"]}
"""The standard names sections of ISIC rev. 4 alone; the division stands in `nrm_industry`."""
_STATUS = {
    "victim": "ActualVictimOfTrafficking",
    "not_victim": "NotAVictimOfTrafficking",
    "smuggled_migrant": "NotAVictimOfTrafficking",
}


def profile(row: Mapping[str, JSON]) -> dict[str, JSON]:
    """One person's row as an HTCDS record; fields that are not known are left out."""
    outcome = "victim" if row["victim"] else row["outcome"]
    record = {
        "prs_Gender": _named(row["gender"] or "unknown", _GENDER),
        "prs_Citizenship": [row["nationality"]],
        "prs_PrimaryLanguage": row["language"],
        "vic_TraffickingStatus": _STATUS.get(outcome, "PossibleVictimOfTrafficking"),
        "vic_TraffickingStatusDecisionMakingOrg": "NonPoliceGovernmentalOrganization" if outcome in _STATUS else None,
        "vic_MethodOfRecruitment": _names(row["recruitment_method"], _RECRUITMENT),
        "vic_MethodsOfControl": _names(row["control_methods"], _CONTROL),
        "vic_TypeOfExploitation": _names(row["exploitation"], _EXPLOITATION),
        "vic_ForcedLabourIndustry": _INDUSTRY[row["industry"][0]] if row["industry"] else None,
        "cas_Status": "Closed" if row["closed"] else "Active",
        "nrm_case_id": row["case_id"],
        "nrm_linked_cases": [case for case in row["cases"] if case != row["case_id"]],
        "nrm_identified_at": row["occurred_at"].isoformat(),
        "nrm_sex": row["sex"],
        "nrm_age_group": row["age_group"],
        "nrm_province": row["province"],
        "nrm_channel": row["channel"],
        "nrm_reported_by": row["reported_by"],
        "nrm_outcome": outcome,
        "nrm_initial_determination": row["screening"],
        "nrm_exploitation": list(row["exploitation"] or ()),
        "nrm_recruitment_method": list(row["recruitment_method"] or ()),
        "nrm_control_methods": list(row["control_methods"] or ()),
        "nrm_industry": row["industry"],
        "nrm_cared_for": row["cared_for"],
        "nrm_returned": row["returned"],
    }
    return {name: value for name, value in record.items() if value not in (None, [])}


def _names(values: list[str] | None, special: Mapping[str, str]) -> list[str]:
    return sorted({_named(one, special) for one in values or ()})


def _named(value: str, special: Mapping[str, str]) -> str:
    """The standard's spelling: our snake_case in its camel case."""
    return special.get(value) or "".join(part.capitalize() for part in value.split("_"))
