"""The contract's "Requests", sentence by sentence: what is refused, how it is said, and what a retry gets."""

import asyncio
import base64
import json
import time
from typing import Any
from uuid import uuid4

import pytest

from libs.runtime.auth import mint
from tests.journeys.contract import SMALL, WHEN, assert_problem, changed, opened, send

GOOD = json.dumps(SMALL).encode()
POLICE = ("cnp-poipet", "first_responder")
CARD = {
    "occurred_at": WHEN,
    "instrument": "identification-card",
    "answers": {},
    "initial_determination": "presumed_victim",
    "reasons": "never paid",
}
CONSENT = {"occurred_at": WHEN, "kind": "referral", "given": True, "by": "self"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (GOOD, {"Content_Type": "text/plain"}, 415),
        (GOOD, {"Content_Type": ""}, 415),
        (GOOD, {"Content_Encoding": "gzip"}, 415),
        (GOOD, {"Idempotency_Key": ""}, 400),
        (GOOD, {"Idempotency_Key": "k" * 300}, 400),
        (b'{"a":"' + b"x" * 2_000_000 + b'"}', {}, 413),
        (GOOD.replace(b'"raid"', b'"ra\xff"'), {}, 400),
        (GOOD.replace(b'"raid"', b'"\\ud800"'), {}, 400),
        (GOOD.replace(b'"raid"', b"1" * 5000), {}, 400),
        (GOOD.replace(b'"raid"', b"NaN"), {}, 400),
        (GOOD[:-1] + b',"channel":"raid"}', {}, 400),
        (b"[" * 100_000 + b"]" * 100_000, {}, 400),
        (b'{"a":' * 40 + b"1" + b"}" * 40, {}, 400),
        (b"", {}, 400),
        (b"null", {}, 422),
        (b"[]", {}, 422),
    ],
)
async def test_a_body_that_cannot_be_is_refused(speak: Any, body: bytes, headers: dict[str, str], status: int) -> None:
    assert_problem(await send(speak(*POLICE), "/v1/cases", body, **headers), status)


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"act_recruited": {"a": 1}}, "/answers/act_recruited"),
        ({"act_recruited": 1.5}, "/answers/act_recruited"),
        ({"q" * 101: True}, "/answers/" + "q" * 101),
    ],
)
async def test_a_pointer_names_a_place_in_what_was_sent(speak: Any, answers: dict[str, Any], pointer: str) -> None:
    police = speak(*POLICE)
    case = await opened(police)
    said = assert_problem(await send(police, f"/v1/cases/{case}/screenings", {**CARD, "answers": answers}), 422)
    assert {error["pointer"] for error in said["errors"]} == {pointer}


@pytest.mark.parametrize("path", ["/occurred_at", "/place/province", "/person/sex", "/circumstances/exploitation"])
async def test_a_missing_key_is_named(speak: Any, path: str) -> None:
    body = changed(path, None)
    *parents, last = path.strip("/").split("/")
    (body[parents[0]] if parents else body).pop(last)
    said = assert_problem(await send(speak(*POLICE), "/v1/cases", body), 422)
    assert [error["pointer"] for error in said["errors"]] == [path]


async def test_a_number_that_json_cannot_carry_is_refused(speak: Any) -> None:
    police = speak(*POLICE)
    case = await opened(police)
    assert_problem(await send(police, f"/v1/cases/{case}/screenings", {**CARD, "answers": {"q": 10**30}}), 400)


async def test_addresses_that_cannot_be_are_refused_and_methods_named(speak: Any) -> None:
    police = speak(*POLICE)
    url = police.settings.url("identification")
    for address in ("/v1/cases?province=%00", "/v1/cases/a%00b"):
        assert_problem(await police.client.get(url + address, headers=police._headers()), 400)  # noqa: SLF001
    assert_problem(await police.client.get(url + "/nowhere"), 404)
    unfit = await police.client.delete(url + "/v1/cases")
    assert_problem(unfit, 405)
    assert unfit.headers["allow"]


def _unsigned() -> str:
    claims = {"iss": "urn:opennrm:development", "aud": "opennrm", "sub": "x", "org": POLICE[0], "roles": [POLICE[1]]}
    parts = ({"alg": "none"}, {**claims, "exp": int(time.time()) + 600})
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts) + "."


async def test_a_token_that_proves_nothing_is_refused(speak: Any) -> None:
    police = speak(*POLICE)
    settings = police.settings
    good = mint(settings, *POLICE, 60)
    tokens = [
        "", _unsigned(), good[:-6] + "AAAAAA",
        mint(settings.model_copy(update={"audience": "other"}), *POLICE, 60),
        mint(settings.model_copy(update={"issuer": "other"}), *POLICE, 60),
        mint(settings, *POLICE, -60),
        *(mint(settings, name, POLICE[1], 60) for name in ("Bad Org", "a\0b", "o" * 101)),
    ]  # fmt: skip
    for token in tokens:
        answer = await send(police, "/v1/cases", SMALL, Authorization=f"Bearer {token}" if token else "")
        assert_problem(answer, 401, "not-authenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_requests_at_once_under_one_key_record_once(speak: Any) -> None:
    police, key = speak(*POLICE), uuid4().hex
    answers = await asyncio.gather(*(send(police, "/v1/cases", SMALL, Idempotency_Key=key) for _ in range(12)))
    recorded = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in recorded}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in recorded) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert_problem(answer, 409, "request-in-progress")
    elsewhere = await send(speak("cnp-svay-rieng", POLICE[1]), "/v1/cases", SMALL, Idempotency_Key=key)
    assert elsewhere.status_code == 201
    assert "idempotent-replayed" not in elsewhere.headers


async def test_a_write_answers_what_the_contract_lists_and_if_match_guards_it(speak: Any) -> None:
    police = speak(*POLICE)
    answer = await send(police, "/v1/cases", SMALL)
    made = answer.json()
    case = made["case_id"]
    assert answer.headers["location"] == f"/v1/cases/{case}"
    assert (made["stream"], made["version"], answer.headers["etag"]) == (f"case:{case}", 1, '"1"')
    assert {"id", "type", "version", "hash"} <= set(made["events"][0])
    read = await police.get("identification", f"/v1/cases/{case}")
    url = f"/v1/cases/{case}/consents"
    assert (await send(police, url, CONSENT, If_Match=read.headers["etag"])).status_code == 201
    for moved in (read.headers["etag"], '"abc"', '"99"'):
        assert_problem(await send(police, url, CONSENT, If_Match=moved), 412)


async def test_lists_go_page_by_page(speak: Any) -> None:
    organisation = f"cnp-{uuid4().hex[:8]}"
    police = speak(organisation, POLICE[1])
    cases = {await opened(police) for _ in range(5)}
    found: list[str] = []
    for _ in range(100):
        listed = (await police.get("identification", "/v1/cases", limit="500")).json()["items"]
        if len(listed) == len(cases):
            break
        await asyncio.sleep(0.1)
    cursor = ""
    while True:
        page = (await police.get("identification", "/v1/cases", limit="2", cursor=cursor)).json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= 2
        found += [item["case_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == sorted(cases)
    for limit in ("0", "501", "x"):
        assert_problem(await police.get("identification", "/v1/cases", limit=limit), 422)
    assert_problem(await police.get("identification", "/v1/cases", cursor="%%%"), 400)


LISTS = (
    ("identification", "/v1/instruments"), ("identification", "/v1/import-systems"),
    ("identification", "/v1/due/counts"),
    ("referral", "/v1/providers"), ("referral", "/v1/unmet-needs/summary"), ("referral", "/v1/declines"),
    ("aftercare", "/v1/standards"), ("aftercare", "/v1/shelters"), ("justice", "/v1/statutes"),
    ("repatriation", "/v1/corridors"), ("views", "/v1/views/coverage"), ("views", "/v1/views/shelter-capacity/gaps"),
)  # fmt: skip


@pytest.mark.parametrize(("service", "path"), LISTS)
async def test_every_list_takes_a_limit_and_a_cursor(speak: Any, service: str, path: str) -> None:
    reader = speak("nrm-authority", "competent_authority")
    whole = (await reader.get(service, path, limit="500")).json()
    first = (await reader.get(service, path, limit="1")).json()
    assert first["items"] == whole["items"][:1]
    if len(whole["items"]) > 1:
        second = (await reader.get(service, path, limit="1", cursor=first["next"])).json()
        assert second["items"] == whole["items"][1:2]
    else:
        assert first["next"] is None
    assert (await reader.get(service, path, limit="501")).status_code == 422
