"""The pages, one module each."""

from portal.pages import (
    card,
    cases,
    court_cases,
    courts,
    coverage,
    deciding,
    desk,
    emergency,
    handover,
    home,
    imports,
    inbox,
    numbers,
    returns,
    shelters,
    story,
)  # fmt: skip

ROUTERS = tuple(
    page.router
    for page in (
        home, shelters, courts, court_cases, numbers, desk, returns, cases, story, card, inbox, deciding, coverage,
        imports, handover, emergency,
    )
)  # fmt: skip
