"""The authoritative count: both clocks, small figures hidden, releases that stay, the cases behind a figure, HTCDS."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
from jsonschema import Draft202012Validator, FormatChecker

from tests.journeys.test_fisherman_given_a_bed import CASE, _made

EARLY = {"from": "1971-01-01T00:00:00+07:00", "to": "1972-01-01T00:00:00+07:00"}
"""A year that no other journey writes in: the figures below are this test's alone."""
WOMEN, MEN = 12, 3


async def _identified(speak: Any, sex: str, number: int, day: int = 1) -> dict[str, Any]:
    person = {**CASE["person"], "sex": sex}  # a case's person
    body = {**CASE, "occurred_at": f"1971-0{1 + number % 9}-{day:02}T09:00:00+07:00", "person": person}
    return await _made(await speak("cnp-poipet", "first_responder").post("identification", "/v1/cases", body))


async def _everybody(speak: Any) -> list[dict[str, Any]]:
    women = [await _identified(speak, "female", number) for number in range(WOMEN)]
    return women + [await _identified(speak, "male", number) for number in range(MEN)]


async def _settled(reader: Any, made: list[dict[str, Any]]) -> None:
    """Wait until the view has applied all of it."""
    for one in made:
        answer = await reader.get("views", "/v1/statistics", seen=f"{one['stream']}:{one['version']}", **EARLY)
        assert answer.status_code == 200, answer.text


def _by_sex(answer: httpx2.Response) -> dict[str, Any]:
    return {row["sex"]: row["cases"] for row in answer.json()["rows"]}


async def _post(who: Any, body: dict[str, Any], key: str) -> httpx2.Response:
    headers = who._headers() | {"Idempotency-Key": key}  # noqa: SLF001 - the client's own token
    answer: httpx2.Response = await who.client.post(
        f"{who.settings.url('views')}/v1/statistics/releases", json=body, headers=headers
    )
    return answer


async def test_the_count_its_releases_and_the_cases_behind_it(speak: Any) -> None:
    made = await _everybody(speak)
    authority, coordinator = speak("nrm-authority", "competent_authority"), speak("nrc", "coordinator")
    await _settled(authority, made)
    path = "/v1/statistics"
    assert _by_sex(await authority.get("views", path, group_by="sex", **EARLY)) == {"female": WOMEN, "male": MEN}
    hidden = await coordinator.get("views", path, group_by="sex", **EARLY)
    assert _by_sex(hidden) == {"female": None, "male": None}, "the total would give the men away"
    assert hidden.json()["totals"] == {"cases": WOMEN + MEN}
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert (await authority.get("views", path, known_at=yesterday, **EARLY)).json()["totals"]["cases"] == 0
    spring = (await authority.get("views", path, as_of="1971-03-31T00:00:00+07:00", **EARLY)).json()
    assert 0 < spring["totals"]["cases"] < WOMEN + MEN
    traced = await authority.get("views", f"{path}/cases", cell="sex=male", limit="500", **EARLY)
    assert {one["case_id"] for one in traced.json()["items"]} == {one["case_id"] for one in made[WOMEN:]}
    assert (await coordinator.get("views", f"{path}/cases", **EARLY)).status_code == 403
    text = await coordinator.get("views", path, group_by="sex", format="csv", **EARLY)
    assert text.text.splitlines() == ["sex,cases", "female,", "male,"]
    funnel = (await authority.get("views", f"{path}/funnel", group_by="sex", **EARLY)).json()["rows"]
    assert [(row["sex"], row["identified"], row["determined"]) for row in funnel] == [
        ("female", WOMEN, 0), ("male", MEN, 0),
    ]  # fmt: skip

    body = {"title": "1971 by sex", "tables": [{"group_by": ["sex"]}, {"group_by": []}], **EARLY}
    key = uuid4().hex
    first = await _post(authority, body, key)
    assert first.status_code == 201, first.text
    assert (await _post(authority, body, key)).headers["idempotent-replayed"] == "true"
    assert (await _post(authority, {**body, "title": "other"}, key)).status_code == 422
    assert (await _post(coordinator, body, uuid4().hex)).status_code == 403
    address = first.headers["location"]
    listed = (await coordinator.get("views", f"{path}/releases", limit="500")).json()["items"]
    assert first.json()["release_id"] in {one["release_id"] for one in listed}

    more = [await _identified(speak, "female", number, day=2) for number in range(2)]
    await _settled(authority, more)
    again = (await coordinator.get("views", address)).json()
    assert again == first.json(), "a release is frozen"
    assert again["tables"][1]["totals"]["cases"] == WOMEN + MEN
    second = (await _post(authority, body, uuid4().hex)).json()
    assert second["tables"][1]["totals"]["cases"] is None, "two more than before: a small group"
    lines = (await coordinator.get("views", address, format="csv")).text.splitlines()
    assert lines[0] == "table,measure,sex,cases"
    behind = await authority.get("views", f"{address}/cases", table="0", key="male")
    assert len(behind.json()["items"]) == MEN


async def test_linked_cases_count_once_and_what_was_believed_before_stays(speak: Any) -> None:
    authority = speak("nrm-authority", "competent_authority")
    one, other = await asyncio.gather(_identified(speak, "intersex", 0, 5), _identified(speak, "intersex", 0, 6))
    before = datetime.now(UTC).isoformat()
    link = {
        "occurred_at": "1971-02-07T09:00:00+07:00", "other_case_id": other["case_id"], "same_person": True,
        "reason": "the same scar",
    }  # fmt: skip
    linked = await _made(await authority.post("identification", f"/v1/cases/{one['case_id']}/links", link))
    await _settled(authority, [other, linked])
    path, query = "/v1/statistics", {"group_by": "sex", **EARLY}
    assert _by_sex(await authority.get("views", path, **query))["intersex"] == 1
    assert _by_sex(await authority.get("views", path, known_at=before, **query))["intersex"] == 2
    [person] = (await authority.get("views", f"{path}/cases", cell="sex=intersex", **EARLY)).json()["items"]
    assert set(person["cases"]) == {one["case_id"], other["case_id"]}


async def test_the_htcds_export_fits_its_schema(speak: Any) -> None:
    authority = speak("nrm-authority", "competent_authority")
    made = await _identified(speak, "female", 0, 9)
    await _settled(authority, [made])
    schema = (await authority.get("views", "/v1/statistics/htcds/schema")).json()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    exported = (await authority.get("views", "/v1/statistics/htcds", limit="500", **EARLY)).json()
    mine = next(one for one in exported["items"] if one["nrm_case_id"] == made["case_id"])
    assert mine["vic_TypeOfExploitation"] == ["ForcedLabour"]
    for one in exported["items"]:
        validator.validate(one)
    text = await authority.get("views", "/v1/statistics/htcds", format="csv", **EARLY)
    assert text.text.startswith("prs_Gender,prs_Citizenship")
    assert (await speak("nrc", "coordinator").get("views", "/v1/statistics/htcds")).status_code == 403
