"""How what is asked of a repatriation becomes the commands of one request, for the routes and for the inbox alike."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from libs.events.catalogue.vocabulary import StepOutcome
from libs.events.decider import NotYetKnown, Refused
from libs.events.handle import Step
from libs.rules.progress import HAND_OVER, Procedure
from libs.runtime.edge import Edge
from libs.runtime.ids import new_id
from services.repatriation.commands import Claim, Personal, RecordStep, Start
from services.repatriation.decider import CLAIMS, DECIDER
from services.repatriation.rulebook import procedure_kept
from services.repatriation.state import Claims, Open


@dataclass(frozen=True, slots=True)
class StepAsked:
    """What became of a step, as somebody states it."""

    step: str
    outcome: StepOutcome
    by: str
    recorded_by: str
    role: str
    occurred_at: datetime
    documents: tuple[str, ...]
    personal: Personal


def stream_of(repatriation_id: str) -> str:
    """The stream of a repatriation."""
    return f"repatriation:{repatriation_id}"


async def require_case(pool: asyncpg.Pool, case_id: str) -> None:
    """Raises NotYetKnown where identification's fact of the case has not arrived."""
    if not await pool.fetchval("SELECT sex IS NOT NULL FROM repatriation_known.known_case WHERE case_id = $1", case_id):
        raise NotYetKnown("this case")


async def start_steps(
    edge: Edge, case_id: str, procedure: Procedure, requested_by: str, recorded_by: str, occurred_at: datetime
) -> tuple[str, list[Step]]:
    """The new repatriation's id, and the commands that start it. Raises Refused where one is running."""
    await require_case(edge.pool, case_id)
    repatriation_id = new_id()
    start = Start(repatriation_id, case_id, procedure, requested_by, recorded_by, occurred_at)
    claim = await claim_step(edge, case_id, procedure.corridor.id, repatriation_id)
    return repatriation_id, [Step(DECIDER, stream_of(repatriation_id), start, expected=0), claim]


async def record_steps(edge: Edge, state: Open, asked: StepAsked) -> list[Step]:
    """The commands that record a step; a step after a refusal takes the repatriation up again."""
    started, procedure = state.started, procedure_kept(state)
    withdrawn_at = await _withdrawn_at(edge.pool, started.case_id) if asked.step == HAND_OVER else None
    claims, child = [], await _is_child(edge.pool, started.case_id)
    if asked.outcome != "refused" and state.progress(procedure).status == "stopped":
        claims = [await claim_step(edge, started.case_id, started.corridor, started.repatriation_id)]
    command = RecordStep(
        procedure, asked.step, asked.outcome, asked.by, asked.recorded_by, asked.role, asked.occurred_at,
        asked.documents, asked.personal, withdrawn_at, child, claimed=bool(claims),
    )  # fmt: skip
    return [Step(DECIDER, stream_of(started.repatriation_id), command), *claims]


async def claim_step(edge: Edge, case_id: str, corridor: str, repatriation_id: str) -> Step:
    """The command that makes a repatriation the one that may run. Raises Refused where another runs."""
    latest = await latest_claim(edge, case_id, corridor)
    other = latest.repatriation_id
    if other and other != repatriation_id:
        loaded = await edge.recorder.load(DECIDER, stream_of(other))
        if loaded.version and loaded.state.progress(procedure_kept(loaded.state)).status in {
            "running",
            "awaiting_acknowledgement",
        }:
            raise Refused("repatriation-already-running", "this case has a running repatriation in this corridor")
    return Step(CLAIMS, _claims(case_id, corridor), Claim(case_id, corridor, repatriation_id, latest.count))


async def latest_claim(edge: Edge, case_id: str, corridor: str) -> Claims:
    """Which repatriation was begun last for a case in a corridor."""
    claims: Claims = (await edge.recorder.load(CLAIMS, _claims(case_id, corridor))).state
    return claims


def _claims(case_id: str, corridor: str) -> str:
    return f"corridor-claim:{case_id}.{corridor}"


async def _is_child(pool: asyncpg.Pool, case_id: str) -> bool:
    """Whether the person is a child, or presumed one, as identification knows it."""
    sql = "SELECT child FROM repatriation_known.known_case WHERE case_id = $1"
    return bool(await pool.fetchval(sql, case_id))


async def _withdrawn_at(pool: asyncpg.Pool, case_id: str) -> datetime | None:
    """When the consent to return was last refused or taken back, as identification knows it."""
    at: datetime | None = await pool.fetchval(
        "SELECT consent_at FROM repatriation_known.known_case WHERE case_id = $1 AND NOT consent_given", case_id
    )
    return at
