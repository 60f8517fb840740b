"""What of a person a reader is shown: all of it for those who run the return, what its step needs for a desk."""

from collections.abc import Sequence

from libs.events.event import JSON
from libs.events.handle import Origin, Step
from libs.rules.procedure import Step as SopStep
from libs.runtime.edge import Edge, Reader
from libs.runtime.ids import new_id, now
from libs.runtime.vault import Shredded
from services.repatriation.commands import Disclose
from services.repatriation.inbox.decider import DISCLOSURES
from services.repatriation.rulebook import desk_step, procedure_kept
from services.repatriation.state import Open

CLEAR = ("sex", "nationality", "language", "age_group", "exploitation")
NOTE_OF = {"risk_summary": "risk_assessed", "itinerary": "itinerary_agreed", "family_contacts": "family_traced"}
"""Fields of the SOP's lists that stand in a step's note."""

NAMED = {"document_numbers": "document_number"}
"""Fields that identification calls otherwise."""


async def personal_for(reader: Reader, state: Open) -> dict[str, JSON]:
    """`personal`, and for a desk `disclosed`: to whom, for which step, which fields. Empty for everyone else.

    Step-scoped disclosure (domain, Repatriation): a desk reads only the fields that its current step needs;
    recipient, purpose and field list are recorded.
    """
    if reader.may("repatriation.read_names"):
        return {"personal": {**await _person(reader.edge, state), "notes": await _notes(reader.edge, state)}}
    if "embassy_desk" not in reader.caller.roles:
        return {}
    organisation = reader.caller.organisation
    step = desk_step(state, procedure_kept(state), organisation)
    if step is None or not step.fields:
        return {"personal": {}, "disclosed": None}
    known = await fields_of(reader.edge, state, step)
    await note_disclosure(reader, state, step)
    purpose: dict[str, JSON] = {"recipient": organisation, "purpose": step.id, "fields": list(step.fields)}
    return {"personal": known, "disclosed": purpose}


async def note_disclosure(reader: Reader, state: Open, step: SopStep) -> None:
    """Record what is shown, before it is shown; once for each recipient, step and list of fields."""
    started, edge = state.started, reader.edge
    organisation = reader.caller.organisation
    command = Disclose(
        started.repatriation_id, started.case_id, started.corridor, organisation, step.id, step.fields
    )  # fmt: skip
    stream = f"disclosure:{started.repatriation_id}"
    loaded = await edge.recorder.load(DISCLOSURES, stream)
    if not DISCLOSURES.decide(command, loaded.state):
        return
    role = "embassy_desk"
    origin = Origin(organisation, reader.caller.subject, role, new_id(), now())
    await edge.recorder.record([Step(DISCLOSURES, stream, command)], origin)


async def fields_of(edge: Edge, state: Open, step: SopStep) -> dict[str, JSON]:
    """What is known of the fields that a step discloses."""
    person, notes = await _person(edge, state), await _notes(edge, state)
    shown: dict[str, JSON] = {}
    for name in step.fields:
        value = notes.get(NOTE_OF[name]) if name in NOTE_OF else person.get(NAMED.get(name, name))
        if value is not None:
            shown[name] = value
    return shown


async def _person(edge: Edge, state: Open) -> dict[str, JSON]:
    """What identification knows of the person, corrections applied in order."""
    case_id = state.started.case_id
    row = await edge.pool.fetchrow(
        f"SELECT {', '.join(CLEAR)} FROM repatriation_known.known_case WHERE case_id = $1", case_id
    )
    person: dict[str, JSON] = {name: row[name] for name in CLEAR if row[name] is not None} if row else {}
    sealed = await edge.pool.fetch(
        "SELECT sealed FROM repatriation_known.known_person WHERE case_id = $1 ORDER BY version", case_id
    )
    for opened in await _opened(edge, case_id, [one["sealed"] for one in sealed]):
        person |= {name: value for name, value in opened.items() if name not in {"narrative", "reason", "source_ref"}}
    return person


async def _notes(edge: Edge, state: Open) -> dict[str, JSON]:
    """The last note of each step."""
    notes: dict[str, JSON] = {}
    for mark in procedure_kept(state).corridor.steps:
        fact = state.last(mark.id)
        if fact and fact.sealed:
            for opened in await _opened(edge, state.started.case_id, [fact.sealed]):
                notes[mark.id] = opened.get("note")
    return {step: note for step, note in notes.items() if note}


async def _opened(edge: Edge, case_id: str, sealed: Sequence[str]) -> list[dict[str, JSON]]:
    """The plain fields; none where the person's key was destroyed."""
    try:
        return [await edge.vault.open(case_id, one) for one in sealed]
    except Shredded:
        return []
