"""Emergency access: who opened a case that was not theirs, on what ground, and whether it was justified."""

from fastapi import APIRouter, Response

from portal.visitor import Form, Signed, text_of

router = APIRouter(include_in_schema=False)


@router.get("/emergency")
async def show(visitor: Signed) -> Response:
    """What waits for a review, then what was reviewed; the newest first."""
    path = "/v1/access-log"
    waiting = await visitor.client.every("audit", path, emergency="true", reviewed="false")
    reviewed = await visitor.client.get("audit", path, emergency="true", reviewed="true")
    return visitor.page(
        "emergency.html", waiting=waiting, reviewed=reviewed["items"], reviews=visitor.may("emergency.review")
    )


@router.post("/emergency/{entry}")
async def review(visitor: Signed, entry: str, form: Form) -> Response:
    """Say whether it was justified. The service refuses the organisation whose access it was."""
    verdict = {"verdict": text_of(form, "verdict")}
    await visitor.client.post("audit", f"/v1/access-log/{entry}/review", verdict, text_of(form, "key"))
    return visitor.to("/emergency")
