"""What ministries, courts and auditors look at, in a real browser: two languages, a phone and a desktop."""

import asyncio
import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Response, Route, expect

from tests.journeys.portal.conftest import Visit

BOTH = pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("km", "phone")])
FIRST_PAGE_BYTES_MAX = 200_000
pytestmark = pytest.mark.timeout(600)


@BOTH
async def test_the_ministry_sees_where_nobody_has_a_place_now_and_then(visit: Visit, language: str, size: str) -> None:
    async with visit("mosvy", "social_affairs", language, size) as look:
        page = look.page
        await look.go("/shelters")
        await expect(page.locator("#map a.tile")).to_have_count(25)
        await expect(page.locator("#map a.tile.gap")).not_to_have_count(0)
        await expect(page.locator(".gap-card")).not_to_have_count(0)
        await look.check("shelters")
        before = await page.locator(".figure dd").first.inner_text()
        await page.locator("input[type=range]").evaluate(
            "one => { one.value = 30; one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change')); }"
        )
        await page.wait_for_url("**at=20**")
        await expect(page.locator(".figure dd").first).not_to_have_text(before)
        await expect(page.locator("#map a.tile.gap")).to_have_count(0)


@BOTH
async def test_every_figure_of_court_outcomes_leads_to_its_cases(visit: Visit, language: str, size: str) -> None:
    async with visit("nrm-authority", "competent_authority", language, size) as look:
        page = look.page
        await look.go("/courts")
        await expect(page.locator("#funnel rect")).to_have_count(4)
        await look.check("courts")
        convicted = page.locator("#years-table tbody a[href*='outcome=convicted']").first
        count = int(await convicted.inner_text())
        await convicted.click()
        await page.wait_for_url("**/courts/cases?**")
        await expect(page.locator("main li.panel")).to_have_count(count)
        await look.check("court-cases")


async def test_the_figures_leave_as_csv_xlsx_and_png(visit: Visit) -> None:
    async with visit("nrm-authority", "competent_authority") as look:
        page = look.page
        await look.go("/courts")
        files = {}
        for label in ("CSV", "XLSX"):
            async with page.expect_download() as download:
                await page.click(f"text={label}")
            files[label] = (await (await download.value).path()).read_bytes()
        async with page.expect_download() as download:
            await page.click("#years ~ figcaption button, button[data-png='#years']")
        picture = (await (await download.value).path()).read_bytes()
        shown = int(await page.locator(".figure dd").first.inner_text())
    rows = list(csv.DictReader(io.StringIO(files["CSV"].decode("utf-8-sig"))))
    assert sum(int(row["prosecutions"]) for row in rows if row["group"] == "year") == shown
    book = openpyxl.load_workbook(io.BytesIO(files["XLSX"]))
    assert book.sheetnames == ["year", "court", "province", "article", "funnel"]
    assert sum(row[1] for row in book["year"].iter_rows(min_row=2, values_only=True)) == shown
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 5_000


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("vi", "phone")])
async def test_an_auditor_turns_both_clocks_and_the_browser_checks_every_proof(
    visit: Visit, long_case: str, tmp_path: Path, language: str, size: str
) -> None:
    async with visit("audit-office", "auditor", language, size) as look:
        page = look.page
        await look.go("/cases")
        await page.fill("[name=case]", long_case)
        await page.locator("form:has([name=case]) button").click()
        await page.locator("main .actions a[href$='/story']").click()
        events = page.locator(".event")
        await expect(page.locator("#verdict")).to_have_attribute("data-state", "good", timeout=120_000)
        await expect(page.locator(".proof[data-state=good]")).to_have_count(await events.count())
        await look.check("story")
        everything = await events.count()
        await page.click("#pin")
        await page.locator("[data-clock=happened]").evaluate(
            "one => { one.value = 1; one.dispatchEvent(new Event('input')); }"
        )
        assert await page.locator(".event:visible").count() < everything
        await expect(page.locator("#difference")).to_be_visible()
        await expect(page.locator("#difference table tbody tr")).not_to_have_count(0)
        async with page.expect_download() as download:
            await page.click("a[href$='/export']")
        zipfile.ZipFile(await (await download.value).path()).extractall(tmp_path)
    verify = [sys.executable, "-m", "nrm.cli", "verify", str(tmp_path)]
    checked = await asyncio.to_thread(subprocess.run, verify, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, f"OK {everything} events\n")


async def test_a_proof_that_does_not_hold_is_marked(visit: Visit) -> None:
    async def forged(route: Route) -> None:
        answer = await route.fetch()
        proof = await answer.json()
        proof["path"][0] = "00" * 32
        await route.fulfill(response=answer, json=proof)

    async with visit("audit-office", "auditor") as look:
        page = look.page
        await page.route("**/proof?*", forged)
        await look.go("/cases")
        await page.locator("tbody th a").first.click()
        await page.locator("main .actions a[href$='/story']").click()
        await expect(page.locator("#verdict")).to_have_attribute("data-state", "bad", timeout=120_000)
        await expect(page.locator(".proof[data-state=good]")).to_have_count(0)


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("th", "phone")])
async def test_the_committee_sees_the_board_without_persons(visit: Visit, language: str, size: str) -> None:
    async with visit("national-committee", "coordinator", language, size) as look:
        await look.go("/returns")
        await expect(look.page.locator(".matrix tbody tr")).not_to_have_count(0)
        await expect(look.page.locator("main tbody th a")).to_have_count(0)
        await expect(look.page.locator("tr", has_text="kh-embassy-bangkok").locator(".pill.late").first).to_be_visible()
        await look.check("returns")


async def test_the_first_page_is_light(visit: Visit) -> None:
    async with visit("", "") as look:
        sizes: list[int] = []

        async def weigh(response: Response) -> None:
            if "/fonts/" not in response.url:
                sizes.append(len(await response.body()))

        look.page.on("response", weigh)
        await look.go("/")
        await look.page.wait_for_load_state("networkidle")
        await look.check("index")
    assert 0 < sum(sizes) < FIRST_PAGE_BYTES_MAX
