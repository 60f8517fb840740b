"""The route of advice: what the facts of a case support, which answer led where, and what is missing."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from libs.events.event import JSON
from libs.rules.scoring import score
from libs.runtime.edge import Reader, case_of, reading, resource_response
from libs.runtime.ids import now
from libs.runtime.problems import Problem
from libs.runtime.vault import Shredded
from services.identification.advice.rulebook import Age, Rescored, advice
from services.identification.decider import DECIDER
from services.identification.due.rulebook import today_at
from services.identification.rulebook import INSTRUMENTS
from services.identification.state import Open

router = APIRouter(tags=["identification"])


@router.get("/v1/cases/{case}/advice")
async def read_advice(case: str, reader: Annotated[Reader, Depends(reading("case.advise"))]) -> Response:
    """What supports act, means and purpose, and why; what is missing; what looks wrong. A person decides.

    Computed anew each time: screenings are scored by the version that was answered, with the age as known now.
    """
    case_id = case_of(case)
    loaded = await reader.load(DECIDER, f"case:{case_id}", "case")
    reader.require_own(loaded.state.identified.reported_by)
    if loaded.state.shredded:
        raise Problem(410, "person-shredded", "the person's key is destroyed: the answers cannot be read")
    try:
        screenings = await _rescored(reader, case_id, loaded.state)
        age = await _age(reader, case_id, loaded.state)
    except Shredded:
        raise Problem(410, "person-shredded", "the person's key is destroyed: the answers cannot be read") from None
    found = advice(loaded.state, screenings, age, today_at(now()))
    return resource_response(loaded.version, {"case_id": case_id, "version": loaded.version, **found})


async def _rescored(reader: Reader, case_id: str, state: Open) -> list[Rescored]:
    found = []
    for number, one in enumerate(state.screenings, 1):
        sealed = await reader.edge.vault.open(case_id, one.sealed) if one.sealed else {}
        instrument = INSTRUMENTS.of(f"{one.instrument}.v{one.instrument_version}")
        known = {question.id for question in instrument.questions}
        answers = {name: value for name, value in sealed.get("answers", {}).items() if name in known}
        found.append(Rescored(number, one.result, score(instrument, answers, child=state.identified.child)))
    return found


async def _age(reader: Reader, case_id: str, state: Open) -> Age:
    """What was last said of the birth: a date, or an estimate."""
    said: dict[str, JSON] = {}
    for event in (state.identified, *state.corrections):
        opened = await reader.edge.vault.open(case_id, event.sealed) if event.sealed else {}
        if {"date_of_birth", "age_estimate"} & set(opened):
            said = opened
    born = said.get("date_of_birth")
    return Age(date.fromisoformat(born) if born else None, "age_estimate" in said)
