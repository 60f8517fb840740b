"""A real Chromium before the whole system with demonstration data; every page that is looked at is also checked."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request, Response, async_playwright

from libs.runtime.auth import mint
from nrm.demo.histories import EXAMPLES, SHARED, Names, read_all
from nrm.demo.player import Performance, Player
from nrm.system import System

SCREENSHOTS = Path(__file__).parents[3] / ".cache" / "screenshots"
WAIT_MS = 60_000
"""A page may take long on a machine that does ten things at once."""

WITH_A_VERDICT = "05-"
PLAYED = (WITH_A_VERDICT, "15-", "22-", "34-", "38-", "40-")
"""Histories with a verdict, an open hand-over, an undecided case, a full shelter and a gap."""

SIZES = {"phone": (390, 800), "desktop": (1280, 900)}


@dataclass
class Look:
    """Somebody in front of the portal: one page in one language and size."""

    page: Page
    base: str
    language: str
    size: str
    wrong: list[str] = field(default_factory=list)
    bytes_loaded: int = 0

    async def go(self, path: str) -> Response | None:
        """Open a page of the portal; none lets a script or style stand in it, or anything come from elsewhere."""
        answer = await self.page.goto(self.base + path)
        policy = answer.headers["content-security-policy"] if answer else "default-src 'none'"
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        return answer

    async def check(self, name: str) -> None:
        """Keep a picture; nothing inaccessible, nothing wider than the screen, nothing wrong in the console."""
        await self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.language}-{self.size}.png", full_page=True)
        found = await Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        assert await self.page.evaluate("document.documentElement.lang") == self.language
        assert not self.wrong


Visit = Callable[..., AbstractAsyncContextManager[Look]]


@pytest.fixture(scope="session")
async def performance(system: System) -> Performance:
    """What came of playing some of the demonstration's histories into the system."""
    histories = [one for one in read_all(EXAMPLES) if one.name == SHARED or one.name.startswith(PLAYED)]
    async with httpx2.AsyncClient() as client:
        player = Player(client, system.url, lambda org, role: mint(system.settings, org, role, 3600), Names(histories))
        performance = await player.play_all(histories, lambda: None)
    assert not performance.failures
    return performance


@pytest.fixture(scope="session")
def played(system: System, performance: Performance) -> System:
    """The system with some of the demonstration's histories."""
    assert performance.writes
    return system


@pytest.fixture(scope="session")
def long_case(performance: Performance) -> str:
    """A case of many events on different days, from identification to the verdict."""
    saved = performance.saved.items()
    return next(
        one.made_id for name, one in saved if one.step.kind == "case" and name.history.startswith(WITH_A_VERDICT)
    )


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    assert program, "apt-get install chromium"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest.fixture
def visit(played: System, browser: Browser) -> Visit:
    """`async with visit("mosvy", "social_affairs", "km", "phone") as look:` is somebody who is signed in."""

    @asynccontextmanager
    async def visiting(
        organisation: str, role: str, language: str = "en", size: str = "desktop"
    ) -> AsyncIterator[Look]:
        width, height = SIZES[size]
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            has_touch=size == "phone",
            accept_downloads=True,
        )
        context.set_default_timeout(WAIT_MS)
        page = await context.new_page()
        look = Look(page, played.url("portal"), language, size)
        _listen(page, look)
        try:
            if role:
                await _sign_in(look, mint(played.settings, organisation, role, 3600))
            yield look
        finally:
            await context.close()

    return visiting


def _listen(page: Page, look: Look) -> None:
    own = urlsplit(look.base).netloc

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and parts.netloc != own:
            look.wrong.append(f"asked {parts.netloc}")

    page.on("request", asked)
    page.on("pageerror", lambda error: look.wrong.append(str(error)))
    page.on(
        "console",
        lambda said: (
            look.wrong.append(said.text)
            if said.type == "error" and "Failed to load resource" not in said.text
            else None
        ),
    )


async def _sign_in(look: Look, token: str) -> None:
    await look.go("/sign-in")
    await look.page.fill("textarea[name=token]", token)
    await look.page.click("form[action='/sign-in/token'] button")
    await look.page.wait_for_url("**/home")
