"""The page after signing in: what there is to do, by role, and whether every service answers."""

from fastapi import APIRouter, Response

from portal.visitor import Signed

router = APIRouter(include_in_schema=False)


@router.get("/home")
async def show(visitor: Signed) -> Response:
    """The role's pages as cards."""
    return visitor.page("home.html")
