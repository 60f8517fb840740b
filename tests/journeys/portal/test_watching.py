"""What is looked at afterwards: emergency access, other systems' files, coverage, and a hand-over file at the gate."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.journeys.portal.conftest import Visit
from tests.journeys.portal.test_doing import BOTH, CASE, _made, _return
from tests.journeys.test_emergency_access import _get

pytestmark = pytest.mark.timeout(600)
SAMPLE = Path(__file__).parents[3] / "examples" / "imports" / "ecpat.csv"
WORDS = "she was found at the bus station and cannot speak"


async def _reloaded_until(page: Page, one: Locator, *, gone: bool = False) -> None:
    """Load a page again until something is there, or is gone: what was just done shows a moment later."""
    for _ in range(240):
        if bool(await one.count()) is not gone:
            return
        await page.wait_for_timeout(250)
        await page.reload()


@BOTH
async def test_an_emergency_access_is_reviewed_by_somebody_else(
    visit: Visit, speak: Any, language: str, size: str
) -> None:
    case = await _made(await speak("immigration-poipet", "first_responder").post("identification", "/v1/cases", CASE))
    stated = {"X-Emergency-Access": "missing_person", "X-Access-Reason": WORDS}
    opened = await _get(speak, ("ngo-far", "first_responder"), f"/v1/cases/{case['case_id']}", **stated)
    assert opened.status_code == 200
    async with visit("nrm-authority", "competent_authority", language, size) as look:
        page = look.page
        mine = page.locator("main li.panel", has_text=case["case_id"])
        await look.go("/emergency")
        await _reloaded_until(page, mine)
        await expect(mine).to_contain_text(WORDS)
        await look.check("emergency")
        await mine.locator("button[value=justified]").click()
        await expect(mine).to_have_count(0)
        reviewed = page.locator("tbody tr", has_text=case["case_id"])
        await _reloaded_until(page, reviewed)
        await expect(reviewed).to_contain_text("nrm-authority")


@BOTH
async def test_a_file_is_tried_and_every_row_has_its_answer(visit: Visit, language: str, size: str) -> None:
    async with visit("mosvy", "social_affairs", language, size) as look:
        page = look.page
        await look.go("/imports")
        await page.select_option("[name=system]", "ecpat")
        await page.set_input_files("[name=file]", SAMPLE)
        await page.locator("main form button").click()
        await page.wait_for_url("**/imports/*")
        await _reloaded_until(page, page.locator("progress"), gone=True)
        counts = [int(text) for text in await page.locator(".figure dd").all_inner_texts()]
        assert sum(counts) == 205
        assert counts[0] > 100
        await look.check("import")
        await page.locator(".figure dd a").nth(2).click()
        await expect(page.locator("tbody tr .pill.late")).to_have_count(counts[2])
        await look.go("/imports")
        await look.check("imports")
        await page.select_option("[name=system]", "moj")
        await page.set_input_files("[name=file]", SAMPLE)
        await page.locator("main form button").click()
        await expect(page.locator("[role=alert]")).to_be_visible()


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("th", "phone")])
async def test_the_committee_sees_which_system_knows_whom(visit: Visit, language: str, size: str) -> None:
    async with visit("national-committee", "coordinator", language, size) as look:
        await look.go("/coverage")
        await look.check("coverage")


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("vi", "phone")])
async def test_a_handover_file_is_printed_and_checked_at_the_gate(
    visit: Visit, speak: Any, language: str, size: str
) -> None:
    started = await _return(speak)
    async with visit("kh-embassy-bangkok", "embassy_desk", language, size) as look:
        page = look.page
        await look.go(f"/returns/{started['repatriation_id']}")
        link = page.locator("a[href$='/handover-file']")
        await expect(link).to_be_visible()
        printed = await page.context.request.get(look.base + str(await link.get_attribute("href")))
        assert (await printed.body()).startswith(b"%PDF")
        code = printed.headers["content-disposition"].partition("handover-")[2].partition(".pdf")[0]
        await look.go("/verify")
        await page.fill("[name=code]", code.lower())
        await page.locator("main form button").click()
        await expect(page.locator("section .pill.ok")).to_be_visible()
        await look.check("verify")
        wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
        await page.fill("[name=code]", wrong)
        await page.locator("main form button").click()
        await expect(page.locator("[role=alert]")).to_be_visible()
