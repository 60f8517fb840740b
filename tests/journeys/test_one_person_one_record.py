"""One person met twice: found over scripts and spellings, explained, linked from either side, unlinked, forgotten."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from nrm.system import System

WHEN = "2026-03-02T09:00:00+07:00"


def _case(**person: Any) -> dict[str, Any]:
    return {
        "occurred_at": WHEN,
        "channel": "border_screening",
        "place": {"province": "KH-1", "country": "KH"},
        "person": {"sex": "female", "nationality": "KH", **person},
        "circumstances": {"continuum": "B", "exploitation": ["forced_labour"]},
    }


async def _opened(caller: Any, **person: Any) -> str:
    answer = await caller.post("identification", "/v1/cases", _case(**person))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_id"])


async def _duplicates(caller: Any, case: str, *, other: str, until: bool = True) -> dict[str, Any]:
    """The possible duplicates of a case, once the other one is (or is no longer) among them."""
    for _ in range(150):
        answer = await caller.get("identification", f"/v1/cases/{case}/possible-duplicates")
        found = answer.json()
        if answer.status_code == 200 and (other in [one["case_id"] for one in found["items"]]) is until:
            return dict(found)
        await asyncio.sleep(0.2)
    raise AssertionError(answer.text)


@pytest.fixture
def authority(speak: Any) -> Any:
    return speak("nrm-authority", "competent_authority")


@pytest.fixture
async def twice(speak: Any) -> tuple[str, str]:
    """The same woman, met by the police in Khmer, and by an NGO in Latin letters with day and month swapped."""
    police, ngo = speak("cnp-poipet", "first_responder"), speak("an-ngo", "first_responder")
    day = 1 + uuid4().int % 12
    khmer = await _opened(
        police, family_name="ទេព", given_name="វិចិត្របូផា", date_of_birth=f"1994-11-{day:02}", mother_name="សុខ មុន្នី"
    )
    latin = await _opened(
        ngo, family_name="Vichetbopha", given_name="TEP", date_of_birth=f"1994-{day:02}-11", mother_name="Sok Mony"
    )
    return khmer, latin


async def test_a_person_met_twice_is_found_and_it_is_said_why(authority: Any, twice: tuple[str, str]) -> None:
    khmer, latin = twice
    found = await _duplicates(authority, khmer, other=latin)
    item = next(one for one in found["items"] if one["case_id"] == latin)
    assert item["verdict"] == "likely"
    agreements = {part["feature"]: part["agreement"] for part in item["because"]}
    assert agreements["name"] in ("same_sound", "same_consonants", "close", "near")
    assert agreements["birth"] in ("day_and_month_swapped", "same_day")
    assert agreements["mother"] in ("same_sound", "same_consonants")
    assert item["score"] == sum(part["points"] for part in item["because"])
    assert "Tep" not in str(found)
    assert "ទេព" not in str(found)


async def test_a_first_responder_is_told_of_its_own_cases_only(speak: Any, authority: Any, twice: Any) -> None:
    khmer, latin = twice
    await _duplicates(authority, khmer, other=latin)
    police, ngo = speak("cnp-poipet", "first_responder"), speak("an-ngo", "first_responder")
    own = await police.get("identification", f"/v1/cases/{khmer}/possible-duplicates")
    assert latin not in own.text
    assert (await ngo.get("identification", f"/v1/cases/{khmer}/possible-duplicates")).status_code == 403
    assert (
        await speak("court", "justice").get("identification", f"/v1/cases/{khmer}/possible-duplicates")
    ).status_code == 403


async def test_a_link_is_seen_and_taken_back_from_both_sides(authority: Any, twice: tuple[str, str]) -> None:
    khmer, latin = twice
    await _duplicates(authority, khmer, other=latin)
    body = {"occurred_at": WHEN, "other_case_id": latin, "reason": "the same scar, the same mother"}
    linked = await authority.post("identification", f"/v1/cases/{khmer}/links", body)
    assert [event["stream"] for event in linked.json()["events"]] == [f"case:{khmer}", f"case:{latin}"]
    for one, other in ((khmer, latin), (latin, khmer)):
        assert (await authority.get("identification", f"/v1/cases/{one}")).json()["linked_cases"] == [other]
    found = await _duplicates(authority, latin, other=khmer)
    assert next(one for one in found["items"] if one["case_id"] == khmer)["linked"]
    back = {"occurred_at": WHEN, "other_case_id": khmer, "same_person": False, "reason": "sisters"}
    unlinked = await authority.post("identification", f"/v1/cases/{latin}/links", back)
    assert all(event["type"].endswith("unlinked.v1") for event in unlinked.json()["events"])
    for one in twice:
        assert (await authority.get("identification", f"/v1/cases/{one}")).json()["linked_cases"] == []
    again = await authority.post("identification", f"/v1/cases/{latin}/links", back)
    assert again.status_code == 409


async def test_a_closed_case_can_be_linked_to(authority: Any, twice: tuple[str, str]) -> None:
    khmer, latin = twice
    closed = {"occurred_at": WHEN, "reason": "went home"}
    assert (await authority.post("identification", f"/v1/cases/{latin}/closure", closed)).status_code == 201
    body = {"occurred_at": WHEN, "other_case_id": latin, "reason": "trafficked again"}
    assert (await authority.post("identification", f"/v1/cases/{khmer}/links", body)).status_code == 201


async def test_a_corrected_name_is_found_under_the_new_one(speak: Any, authority: Any, twice: tuple[str, str]) -> None:
    khmer, latin = twice
    wrong = await _opened(
        speak("cnp-poipet", "first_responder"), family_name="Zhou", given_name="Qixin", mother_name="Sok Mony"
    )
    person = {"given_name": "Vichet Bopha", "family_name": "Tep", "date_of_birth": "1994-11-11"}
    right = {"occurred_at": WHEN, "person": person, "reason": "her own papers"}
    assert (await authority.post("identification", f"/v1/cases/{wrong}/corrections", right)).status_code == 201
    await _duplicates(authority, khmer, other=wrong)
    await _duplicates(authority, khmer, other=latin)


async def test_who_is_shredded_is_in_no_index(
    system: System, speak: Any, authority: Any, twice: tuple[str, str]
) -> None:
    khmer, latin = twice
    await _duplicates(authority, khmer, other=latin)
    asked = {"occurred_at": WHEN, "reason_code": "person_request"}
    assert (await authority.post("identification", f"/v1/cases/{latin}/shredding", asked)).status_code == 201
    approval, administrator = f"/v1/cases/{latin}/shredding/approval", speak("opennrm", "administrator")
    approved = await administrator.post("identification", approval, {"occurred_at": WHEN})
    assert approved.status_code == 201, approved.text
    admin = await asyncpg.connect(system.settings.database_url)
    try:  # at once: the tokens went with the key
        for table in ("match_person", "match_token"):
            kept = await admin.fetchval(f"SELECT count(*) FROM identification.{table} WHERE case_id = $1", latin)
            assert kept == 0
        assert await admin.fetchval("SELECT count(*) FROM identification.match_token WHERE case_id = $1", khmer)
        # and cannot come back, whoever wrote them
        await admin.execute("INSERT INTO identification.match_person VALUES ($1, 'an-ngo', 'v1.')", latin)
        assert not await admin.fetchval("SELECT count(*) FROM identification.match_person WHERE case_id = $1", latin)
    finally:
        await admin.close()
    await _duplicates(authority, khmer, other=latin, until=False)
    gone = await authority.get("identification", f"/v1/cases/{latin}/possible-duplicates")
    assert gone.status_code == 410
