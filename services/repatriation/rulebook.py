"""The rule files of repatriation, read once at start: corridors, calendars, and how both are shown."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from libs.events.decider import Refused
from libs.events.event import JSON
from libs.events.handle import rfc3339
from libs.rules.calendar import load_calendars
from libs.rules.corridors import FOLDER, load_corridors
from libs.rules.limits import load_limits
from libs.rules.plain import plain
from libs.rules.procedure import CORE_STEPS, Corridor, Step, UnknownCorridor
from libs.rules.progress import HAND_OVER, RECEIPT, Mark, Procedure, overdue_steps, prerequisites, timeline
from libs.runtime.settings import settings
from services.repatriation.state import Open

LIMITS: Final = load_limits("repatriation")
CORRIDORS: Final = load_corridors(Path(settings().corridors_dir or FOLDER))
CALENDARS: Final = load_calendars()
IDS: Final = tuple(sorted({corridor.id for corridor in CORRIDORS.by_key.values()}))
STARTED: Final = "started"
ORDER: Final[Mapping[str, int]] = {name: number for number, name in enumerate((STARTED, *CORE_STEPS))}
"""The contract's order of the steps, for events of the same moment; a corridor's own come last."""


def procedure_named(name: str, *, status: int = 422) -> Procedure:
    """A corridor's procedure now in force, by `KH-VN` (or a version of it, by `KH-VN.v1`). Raises Refused."""
    try:
        return Procedure(CORRIDORS.of(name), CALENDARS)
    except UnknownCorridor:
        detail = f"corridor is one of {', '.join(IDS)}"
        rule, pointer = ("not-found", None) if status == 404 else ("unknown-corridor", "/corridor")  # noqa: PLR2004 - HTTP
        raise Refused(rule, detail, status=status, pointer=pointer) from None


def procedure_kept(state: Open) -> Procedure:
    """The procedure that a repatriation started under."""
    return Procedure(CORRIDORS.of(state.started.sop), CALENDARS)


def corridors_of(organisation: str) -> frozenset[str]:
    """The corridors of which an organisation is a party, by the data; empty where the data do not know it."""
    return frozenset(
        corridor.id
        for corridor in CORRIDORS.by_key.values()
        if any(party.id == organisation for party in corridor.parties)
    )


def is_its_corridor(organisation: str, corridor: str) -> bool:
    """Whether a desk may act in a corridor: those that the data name keep to theirs."""
    named = corridors_of(organisation)
    return not named or corridor in named


def desk_step(state: Open, procedure: Procedure, organisation: str) -> Step | None:
    """The step for which a desk needs the person's fields now: the first that waits for its side."""
    reached = state.progress(procedure)
    if reached.status == "stopped":
        return None
    sides = {party.side for party in procedure.corridor.parties if party.id == organisation}
    for step in procedure.corridor.steps:
        ready = step.id not in reached.settled and prerequisites(step) <= set(reached.settled)
        if ready and not step.optional and (not sides or step.side in sides):
            return step
    return None


def corridor_head(corridor: Corridor) -> dict[str, JSON]:
    """A corridor in a list."""
    return {
        "corridor_id": corridor.id,
        "id": corridor.id,
        "version": corridor.version,
        "sop_version": corridor.sop_version,
        "sop_title": corridor.sop_title,
        "from_country": corridor.from_country,
        "to_country": corridor.to_country,
        "direction": corridor.direction,
        "title": dict(corridor.title),
        "status": corridor.status,
        "source": plain(corridor.source),
        "placeholder": corridor.source.placeholder,
    }


def corridor_resource(corridor: Corridor) -> dict[str, JSON]:
    """A corridor with its parties and steps; what nobody has confirmed is marked `placeholder`."""
    return {
        **corridor_head(corridor),
        "languages": list(corridor.languages),
        "parties": [plain(party) for party in corridor.parties],
        "steps": [_step(corridor, step, number) for number, step in enumerate(corridor.steps, 1)],
    }


def _step(corridor: Corridor, step: Step, number: int) -> dict[str, JSON]:
    limit = step.limit
    shown: dict[str, JSON] = {"step": step.id, "order": number, "responsible": plain(corridor.party(step.party))}
    fields = plain(step)
    assert isinstance(fields, dict)  # a step is a mapping
    shown |= fields
    if limit:
        shown["time_limit"] = {
            "days": limit.days,
            "kind": limit.kind,
            "calendar": limit.calendar,
            "from": limit.counted_from,
            "source": plain(limit.source),
            "placeholder": limit.source.placeholder,
        }
    else:
        shown["time_limit"] = None
    return {**shown, "placeholder": step.source.placeholder or bool(limit and limit.source.placeholder)}


def repatriation_resource(state: Open, today: date) -> dict[str, JSON]:
    """The repatriation as it stands, with its timeline against the limits; nothing personal."""
    procedure, started = procedure_kept(state), state.started
    reached, marks = state.progress(procedure), timeline(procedure, state.opened_at, state.recorded)
    waiting = reached.waiting_for
    return {
        "repatriation_id": started.repatriation_id,
        "case_id": started.case_id,
        "corridor": started.corridor,
        "direction": started.direction,
        "sop": started.sop,
        "sop_version": started.sop_version,
        "requested_by": started.requested_by,
        "occurred_at": started.occurred_at,
        "status": reached.status,
        "since": rfc3339(reached.since),
        "waiting_for": {"step": waiting.id, "party": waiting.party} if waiting else None,
        "due": reached.due.day.isoformat() if reached.due else None,
        "due_provisional": bool(reached.due and reached.due.provisional),
        "overdue": bool(reached.due and reached.due.day < today),
        "overdue_steps": list(overdue_steps(marks, reached.status, today)),
        "stopped_by": reached.stopped_by,
        "custody": _custody(state, procedure),
        "steps": [_mark(mark, state, today) for mark in marks],
        "acknowledged": [
            {"step": one.step, "by": one.by, "occurred_at": one.occurred_at} for one in state.acknowledged
        ],
    }


def _mark(mark: Mark, state: Open, today: date) -> dict[str, JSON]:
    fact = state.last(mark.step.id)
    settled = mark.outcome not in {None, "refused"}
    only_of_a_child = set(mark.step.required_for_a_child) - set(fact.lacking or ()) if fact and settled else set()
    return {
        "step": mark.step.id,
        "party": mark.step.party,
        "side": mark.step.side,
        "optional": mark.step.optional,
        "outcome": mark.outcome,
        "occurred_at": rfc3339(mark.occurred_at) if mark.occurred_at else None,
        "by": fact.by if fact else None,
        "recorded_by": fact.recorded_by if fact else None,
        "documents": list(fact.documents) if fact else [],
        "documents_missing": [
            name
            for name in mark.step.documents
            if name not in only_of_a_child and (not fact or name not in fact.documents)
        ],
        "due": mark.due.day.isoformat() if mark.due else None,
        "due_provisional": bool(mark.due and mark.due.provisional),
        "overdue": bool(not settled and not mark.step.optional and mark.due and mark.due.day < today),
    }


def _custody(state: Open, procedure: Procedure) -> dict[str, JSON]:
    """In whose care the person is, never nobody's: the sending side's until the receiving side acknowledges.

    Before the hand-over it is the party that the SOP makes hand over; where the person sleeps is never said here.
    """
    handed, received = state.last(HAND_OVER), state.last(RECEIPT)
    gone = handed is not None and handed.outcome == "done"
    if received and received.outcome != "refused":
        return {"side": "receiving", "by": received.by, "acknowledged": True}
    by = handed.by if gone and handed else procedure.corridor.step(HAND_OVER).party
    return {"side": "sending", "by": by, "acknowledged": not gone}
