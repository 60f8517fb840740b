"""The pages, one module each."""

from portal.pages import home

ROUTERS = (home.router,)
