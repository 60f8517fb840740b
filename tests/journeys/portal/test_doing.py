"""What responders, desks, the authority and the ministry do on the pages, and what they see when something is away."""

import json
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from nrm.system import System
from tests.journeys.portal.conftest import Look, Visit

pytestmark = pytest.mark.timeout(600)
WHEN = "2026-03-02T09:00:00+07:00"
BOTH = pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("km", "phone")])
CASE = {
    "occurred_at": WHEN,
    "channel": "border_screening",
    "place": {"province": "KH-1", "country": "KH"},
    "person": {"sex": "male", "age_estimate": {"min": 31, "max": 34}, "nationality": "KH"},
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"]},
}


async def _made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _return(speak: Any) -> dict[str, Any]:
    """A repatriation that has just been started by the desk in Bangkok."""
    case = await _made(await speak("immigration-poipet", "first_responder").post("identification", "/v1/cases", CASE))
    body = {"case_id": case["case_id"], "corridor": "TH-KH", "occurred_at": WHEN, "requested_by": "kh-embassy-bangkok"}
    return await _made(
        await speak("kh-embassy-bangkok", "embassy_desk").post("repatriation", "/v1/repatriations", body)
    )


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("km", "phone"), ("th", "phone"), ("vi", "phone")])
async def test_a_responder_asks_the_card_and_is_told_what_the_answers_mean(
    visit: Visit, language: str, size: str
) -> None:
    async with visit("immigration-poipet", "first_responder", language, size) as look:
        page = look.page
        await look.go("/card")
        await look.check("card-begin")
        await page.locator(".choice label", has=page.locator("[value=female]")).click()
        await page.fill("[name=age_from]", "15")
        await page.fill("[name=age_to]", "17")
        await page.click("button.big")
        await page.wait_for_url("**/card/KH-**")
        for question in ("act_recruited", "dr_job", "pur_sexual"):
            await page.locator(f"#q-{question} .choice label.yes").click()
        await page.locator(".choice label", has=page.locator("[value=presumed_victim]")).click()
        await look.check("card")
        await page.click("button.big")
        await expect(page.locator(".result.trafficking")).to_be_visible()
        await expect(page.locator(".element")).to_have_count(3)
        await look.check("card-result")


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("th", "phone")])
async def test_a_desk_records_without_a_link_and_it_is_sent_once(
    visit: Visit, speak: Any, language: str, size: str
) -> None:
    started = await _return(speak)
    path = f"/returns/{started['repatriation_id']}"
    async with visit("kh-embassy-bangkok", "embassy_desk", language, size) as look:
        page = look.page
        await look.go(f"{path}/record")
        await page.fill("[name=note]", "typed on a bad day")
        await look.go(f"{path}/record")
        await expect(page.locator("[name=note]")).to_have_value("typed on a bad day")
        await page.context.set_offline(offline=True)
        await page.locator("[data-desk] button:not([type=button])").click()
        await expect(page.locator(".queued[data-state=waiting]")).to_be_visible()
        await expect(page.locator("[data-desk] button:not([type=button])")).to_be_enabled()
        await look.check("desk-waiting")
        await page.context.set_offline(offline=False)
        await expect(page.locator(".queued[data-state=accepted]")).to_be_visible()
        await look.check("desk")
        await look.go(path)
        await expect(page.locator("#timeline circle")).to_have_count(1)
        await look.check("return")
    await _other_side_acknowledges(visit, path, language, size)
    kept = (
        await speak("mosvy", "social_affairs").get("repatriation", f"/v1/repatriations/{started['repatriation_id']}")
    ).json()
    assert [one["step"] for one in kept["steps"] if one["outcome"]] == ["notified"]
    assert kept["version"] == started["version"] + 2, "the step and its acknowledgement, once each"


async def _other_side_acknowledges(visit: Visit, path: str, language: str, size: str) -> None:
    async with visit("mosvy", "social_affairs", language, size) as look:
        row = look.page.locator("tbody tr", has=look.page.locator("form[action$='/acknowledge']"))
        await look.go(path)
        await expect(row).to_have_count(1)
        await row.locator("button").click()
        await look.page.wait_for_url("**#steps-title")
        await expect(row).to_have_count(0)
        await expect(look.page.locator("#steps-table tbody tr").first).to_contain_text("mosvy")
        await look.check("return-acknowledged")


async def test_a_desk_sends_a_file_and_sees_what_became_of_each_event(visit: Visit, speak: Any) -> None:
    started = await _return(speak)
    event = {
        "specversion": "1.0", "id": uuid4().hex, "source": "urn:desk", "subject": started["case_id"],
        "type": "org.opennrm.repatriation.notified.v1", "time": "2026-03-03T02:00:00Z",
        "data": {"corridor": "TH-KH", "by": "kh-embassy-bangkok"},
    }  # fmt: skip
    raw = json.dumps([event, {**event, "id": "second", "type": "org.opennrm.nonsense.v1"}]).encode()
    async with visit("kh-embassy-bangkok", "embassy_desk") as look:
        for _ in range(2):
            await look.go("/desk/batch")
            await look.page.set_input_files(
                "[name=batch]", {"name": "b.json", "mimeType": "application/json", "buffer": raw}
            )
            await look.page.locator("main form button").click()
            await expect(look.page.locator("#results ~ .scroll tbody tr")).to_have_count(2)
            await expect(look.page.locator("#results ~ .figures dd").first).to_have_text("1")
        await look.check("batch")


@BOTH
async def test_the_authority_decides_and_a_contradiction_is_told(
    visit: Visit, speak: Any, language: str, size: str
) -> None:
    case = await _made(await speak("immigration-poipet", "first_responder").post("identification", "/v1/cases", CASE))
    async with visit("nrm-authority", "competent_authority", language, size) as look:
        page = look.page
        await look.go("/inbox")
        await look.check("inbox")
        await look.go(f"/cases/{case['case_id']}/determine")
        await page.fill("[name=reasons]", "as told")
        await page.locator(".choice label", has=page.locator("[value=victim]")).click()
        await page.locator("#determination button").click()
        await page.locator(".state-page [data-back]").click()
        await expect(page.locator("[name=reasons]")).to_have_value("as told")
        for name, value in (("act", "recruitment"), ("means", "deception"), ("purpose", "forced_labour")):
            await page.check(f"[name={name}][value={value}]")
        await page.fill("[name=reasons]", "deceived about the boat")
        await page.locator(".choice label", has=page.locator("[value=victim]")).click()
        await look.check("determine")
        await page.locator("#determination button").click()
        await page.wait_for_url(f"**/cases/{case['case_id']}")
        await expect(page.locator("main .pill.ok").first).to_be_visible()
        await look.check("case")


async def test_consent_options_referral_and_the_ministrys_signature(visit: Visit, speak: Any) -> None:
    police = speak("immigration-poipet", "first_responder")
    case = (await _made(await police.post("identification", "/v1/cases", CASE)))["case_id"]
    screening = {
        "occurred_at": WHEN, "instrument": "identification-card", "answers": {"dr_job": True},
        "initial_determination": "presumed_victim", "reasons": "deceived",
    }  # fmt: skip
    await _made(await police.post("identification", f"/v1/cases/{case}/screenings", screening))
    async with visit("nrm-authority", "competent_authority") as look:
        page = look.page
        await look.go(f"/cases/{case}/options")
        await page.locator("details.panel summary").click()
        await page.locator(".choice label", has=page.locator("[name=given][value=yes]")).click()
        await page.locator("form[action$='/consents'] button").click()
        await page.wait_for_url("**/options?consented=true")
        await expect(page.locator("form[action$='/referrals']")).not_to_have_count(0)
        await look.check("options")
        first = page.locator("li.panel").first
        await first.locator("summary").click()
        await first.locator("[name=reason]").fill("a place near home")
        await first.locator("form button").click()
        await page.wait_for_url("**/referrals/**")
        address = page.url.removeprefix(look.base)
    async with visit("mosvy", "social_affairs", "vi", "phone") as look:
        await look.go("/inbox")
        await look.page.click(f"a[href='{address}']")
        await look.page.wait_for_url(f"**{address}")
        await look.check("referral")
        await look.page.fill("[name=reason]", "fits")
        await look.page.click("button[value=approve]")
        await expect(look.page.locator("form[method=post] [name=decision]")).to_have_count(0)
        await look.go("/inbox")
        await expect(look.page.locator(f"a[href='{address}']")).to_have_count(0)


async def test_a_page_follows_what_is_recorded(visit: Visit, speak: Any) -> None:
    async with visit("mosvy", "social_affairs") as look:
        await look.go("/numbers")
        shown = look.page.locator("[data-positions]")
        before = await shown.get_attribute("data-positions")
        assert before
        await _made(await speak("immigration-poipet", "first_responder").post("identification", "/v1/cases", CASE))
        await expect(shown).not_to_have_attribute("data-positions", before)


@BOTH
async def test_a_page_says_which_service_is_away_and_comes_back(
    visit: Visit, played: System, language: str, size: str
) -> None:
    async with visit("mosvy", "social_affairs", language, size) as look:
        await played.hold("views")
        try:
            answer = await look.go("/shelters")
            assert answer is not None
            assert answer.status == 503
            await expect(look.page.locator(".state-page")).to_contain_text("views")
            await look.check("away")
            await _inbox_names_what_is_missing(look)
        finally:
            await played.release("views")
        await look.go("/shelters")
        await expect(look.page.locator("#map a.tile")).to_have_count(25)


async def _inbox_names_what_is_missing(look: Look) -> None:
    """The inbox shows what the other services say, and names the one that is away."""
    await look.go("/inbox")
    await expect(look.page.locator("main .notice.away")).to_contain_text("views")
