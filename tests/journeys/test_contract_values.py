"""The contract's "Values" and "Case reference": every value is taken, no other is, and a reference is read kindly."""

from typing import Any, get_args

import pytest

from libs.events.catalogue import vocabulary
from libs.runtime.ids import new_case_reference
from tests.journeys.contract import WHEN, assert_problem, changed, opened, send

POLICE = ("cnp-poipet", "first_responder")
ONE_OF = {
    "/channel": vocabulary.Channel,
    "/person/sex": vocabulary.Sex,
    "/person/gender": vocabulary.Gender,
    "/circumstances/continuum": vocabulary.Continuum,
}
SOME_OF = {
    "/circumstances/exploitation": vocabulary.Exploitation,
    "/circumstances/recruitment_method": vocabulary.RecruitmentMethod,
    "/circumstances/control_methods": vocabulary.ControlMethod,
}


@pytest.mark.parametrize("path", ONE_OF)
async def test_every_value_of_a_list_is_taken_and_no_other(speak: Any, path: str) -> None:
    police, values = speak(*POLICE), get_args(ONE_OF[path])
    for value in values:
        await opened(police, changed(path, value))
    said = assert_problem(await send(police, "/v1/cases", changed(path, "rumour")), 422)
    assert [error["pointer"] for error in said["errors"]] == [path]
    assert all(value in said["errors"][0]["detail"] for value in values)
    assert "rumour" not in str(said)


@pytest.mark.parametrize("path", SOME_OF)
async def test_lists_of_values_are_taken_whole(speak: Any, path: str) -> None:
    police = speak(*POLICE)
    await opened(police, changed(path, list(get_args(SOME_OF[path]))))
    said = assert_problem(await send(police, "/v1/cases", changed(path, ["rumour"])), 422)
    assert [error["pointer"] for error in said["errors"]] == [f"{path}/0"]


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("/place/province", ("KH-1", "KH-25", "TH-10", "VN-SG"), ("KH-0", "KH-26", "KH-99", "XX", "kh-1")),
        ("/place/country", ("KH", "MM", "TW"), ("ZZ", "UK", "kh", "KHM")),
        ("/person/nationality", ("VN", "LA"), ("ZZ", "QQ", "VNM")),
        ("/circumstances/industry", ("A", "U", "A03"), ("V", "A99", "B03", "a", "A3")),
        ("/person/date_of_birth", ("2001-02-03", "1950-01-01"), ("2999-01-01", "1700-01-01", "2001-02-30")),
        ("/person/age_estimate", ({"min": 9, "max": 9},), ({"min": 9, "max": 5}, {"min": 9}, {"min": -1, "max": 5})),
        ("/person/given_name", ("សុខ", "สมชาย", "Nguyễn Thị Ánh"), ("", "x" * 301, 5)),
        ("/occurred_at", (WHEN,), ("2026-03-02", "2026-03-02T09:00:00", 1_700_000_000, "0001-01-01T00:00:00+14:00")),
    ],
)
async def test_what_is_real_is_taken_and_what_is_not_is_named(speak: Any, path: str, good: Any, bad: Any) -> None:
    police = speak(*POLICE)
    for value in good:
        await opened(police, changed(path, value))
    for value in bad:
        said = assert_problem(await send(police, "/v1/cases", changed(path, value)), 422)
        assert all(error["pointer"].startswith(path) for error in said["errors"])


async def test_a_reference_is_read_kindly_and_a_wrong_one_never(speak: Any) -> None:
    police, authority = speak(*POLICE), speak("nrm-authority", "competent_authority")
    case = await opened(police)
    for spelling in (case.lower(), case.replace("1", "I"), case.replace("1", "l"), case.replace("0", "o")):
        assert (await police.get("identification", f"/v1/cases/{spelling}")).json()["case_id"] == case
    wrong = case[:-1] + ("2" if case[-1] != "2" else "3")
    assert_problem(await police.get("identification", f"/v1/cases/{wrong}"), 400, "bad-case-reference")
    assert_problem(await police.get("identification", f"/v1/cases/{new_case_reference()}"), 404, "not-found")
    link = {"occurred_at": WHEN, "other_case_id": (await opened(police)).lower(), "reason": "the same person"}
    assert (await send(authority, f"/v1/cases/{case}/links", link)).status_code == 201
    bad_link = {**link, "other_case_id": wrong}
    assert_problem(await send(authority, f"/v1/cases/{case}/links", bad_link), 400, "bad-case-reference")


async def test_an_instrument_that_is_not_there_is_not_found(speak: Any) -> None:
    police = speak(*POLICE)
    heads = (await police.get("identification", "/v1/instruments")).json()["items"]
    for head in heads:
        assert (await police.get("identification", f"/v1/instruments/{head['instrument_id']}")).status_code == 200
    assert_problem(await police.get("identification", "/v1/instruments/none"), 404, "not-found")
