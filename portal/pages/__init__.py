"""The pages, one module each."""

from portal.pages import court_cases, courts, home, numbers, shelters

ROUTERS = (home.router, shelters.router, courts.router, court_cases.router, numbers.router)
