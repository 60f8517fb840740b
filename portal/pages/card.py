"""The identification card on a phone: a few questions that any officer can ask, what the answers support, and why."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from starlette.datastructures import FormData

from portal.client import Json, Refused
from portal.provinces import PROVINCES, province_name
from portal.visitor import Form, Signed, happened, text_of
from portal.words import LANGUAGES

router = APIRouter(include_in_schema=False)
INSTRUMENT: Final = "identification-card"
SEXES: Final = ("female", "male", "intersex", "unknown")
CHANNELS: Final = (
    "border_screening", "raid", "self_report", "hotline", "outreach", "labour_inspection", "embassy", "health",
    "school", "court",
)  # fmt: skip
INITIAL: Final = ("presumed_victim", "not_presumed", "needs_follow_up")
NATIONALITIES: Final = ("KH", "VN", "TH", "LA", "MM", "CN", "MY", "ID", "PH")
"""Those most met; any other can be typed."""


@router.get("/card")
async def begin(visitor: Signed) -> Response:
    """For whom: somebody just met, or a case that is open already."""
    found = await visitor.client.get("identification", "/v1/cases", closed="false", limit=500)
    waiting = [one for one in found["items"] if not one.get("screening") and not one.get("outcome")]
    waiting.sort(key=lambda one: str(one["occurred_at"]), reverse=True)
    return visitor.page(
        "card_begin.html", waiting=waiting[:20], sexes=SEXES, channels=CHANNELS, nationalities=NATIONALITIES,
        provinces=list(PROVINCES), province_name=lambda code: province_name(code, visitor.words),
        opens=visitor.may("case.open"),
    )  # fmt: skip


@router.post("/card")
async def open_case(visitor: Signed, form: Form) -> Response:
    """Open a case for somebody just met, then ask. Names can wait; the age decides whether a child is presumed."""
    low, high = text_of(form, "age_from") or "0", text_of(form, "age_to") or "120"
    person: dict[str, Json] = {
        "sex": text_of(form, "sex"),
        "nationality": text_of(form, "nationality").upper(),
        "age_estimate": {"min": _whole(low), "max": _whole(high)},
    }
    person |= {name: value for name in ("given_name", "family_name") if (value := text_of(form, name))}
    body = {
        "occurred_at": happened(form),
        "channel": text_of(form, "channel"),
        "place": {"province": text_of(form, "province"), "country": "KH"},
        "person": person,
        "circumstances": {"continuum": "unknown", "exploitation": []},
    }
    written = await visitor.client.post("identification", "/v1/cases", body, text_of(form, "key"))
    return visitor.to(f"/card/{written.body['case_id']}")


@router.get("/card/{case}")
async def ask(visitor: Signed, case: str, say: Annotated[str, Query(max_length=2)] = "") -> Response:
    """The questions, in the language that the person is asked in."""
    instrument = await visitor.client.get("identification", f"/v1/instruments/{INSTRUMENT}")
    spoken = say if say in LANGUAGES else visitor.words.language
    return visitor.page("card.html", case=case, instrument=instrument, say=spoken, initial=INITIAL)


@router.post("/card/{case}")
async def record(visitor: Signed, case: str, form: Form) -> Response:
    """Record the answers and explain what they support."""
    client = visitor.client
    instrument = await client.get("identification", f"/v1/instruments/{INSTRUMENT}")
    questions = {one["id"]: one for one in instrument["questions"]}
    body = {
        "instrument": INSTRUMENT,
        "occurred_at": happened(form),
        "answers": _answers(form, questions),
        "initial_determination": text_of(form, "initial_determination"),
        "reasons": text_of(form, "reasons") or visitor.words("card.no_words"),
    }
    written = await client.post("identification", f"/v1/cases/{case}/screenings", body, text_of(form, "key"))
    return visitor.page(
        "card_result.html", HTTPStatus.CREATED, case=written.body, score=written.body["score"], questions=questions
    )


def _answers(form: FormData, questions: Mapping[str, Json]) -> dict[str, Json]:
    """What was answered; «not known» is no answer."""
    answers: dict[str, Json] = {}
    for name, question in questions.items():
        given = text_of(form, f"q-{name}")
        if given in {"", "unsure"}:
            continue
        answers[name] = {"yes": True, "no": False}.get(given, given) if question["answer"] == "boolean" else given
    return answers


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise Refused(422, {"type": "urn:opennrm:problem:invalid-request", "detail": "an age is a whole number"})
    return int(text)
