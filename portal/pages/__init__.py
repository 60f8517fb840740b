"""The pages, one module each."""

from portal.pages import cases, court_cases, courts, desk, home, numbers, returns, shelters, story

ROUTERS = (
    home.router, shelters.router, courts.router, court_cases.router, numbers.router, desk.router, returns.router,
    cases.router, story.router,
)  # fmt: skip
