"""How an event of a desk is taken in: once, by itself; kept where it is early, and tried again when more arrives."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import orjson

from libs.events.catalogue.repatriation import InboxEventHeld
from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.handle import Loaded, Origin, Outcome, Step, Submission, rfc3339
from libs.events.store import Answer, Conflict, KeyReused, Unavailable
from libs.runtime.edge import Edge
from libs.runtime.ids import now
from libs.runtime.problems import Problem
from libs.runtime.vault import Shredded
from services.repatriation.commands import Acknowledge
from services.repatriation.decider import DECIDER, TooEarly
from services.repatriation.inbox.bodies import Item
from services.repatriation.inbox.commands import Hold, Settle
from services.repatriation.inbox.decider import HELD
from services.repatriation.inbox.results import EARLY, Result, Sender, missing_of, refusal, reused
from services.repatriation.inbox.state import Held
from services.repatriation.inbox.steps import (
    StepAsked,
    latest_claim,
    record_steps,
    require_case,
    start_steps,
    stream_of,
)
from services.repatriation.rulebook import (
    IDS,
    LIMITS,
    STARTED,
    corridors_of,
    is_its_corridor,
    procedure_kept,
    procedure_named,
)
from services.repatriation.state import Open

ROLE = "embassy_desk"
WAIT: Final = timedelta(days=LIMITS.of("inbox_wait").value)
"""How long an early event waits; then it is given up, and the desk is told what is still missing."""

WAITING_MAX: Final = LIMITS.of("inbox_waiting").value
"""Events of one desk that may wait; beyond it, new early ones are refused."""


async def seen_before(edge: Edge, item: Item, sender: Sender) -> Result | None:
    """What was answered to this event, if it was taken in already: resumed batches get the first answer again."""
    answer = await edge.store.answer(sender.organisation, _key(item))
    return _repeated(answer, item, sender) if answer else None


async def deliver(edge: Edge, item: Item, sender: Sender, *, last: bool) -> Result:
    """Take an event in. Where it is early it stays so, or with `last` it is kept, and waits."""
    if before := await seen_before(edge, item, sender):
        return before
    kept = await edge.recorder.load(HELD, _stream(item.inbox_id))
    if kept.state.held and kept.state.held.fingerprint != item.fingerprint.hex():
        return refusal(reused())
    try:
        return await _record(edge, item, sender, kept)
    except KeyReused as first:
        return _repeated(first.answer, item, sender)
    except (TooEarly, NotYetKnown) as early:
        return await _keep(edge, item, sender, kept, early) if last else Result(EARLY, missing=missing_of(early))
    except (Refused, Problem) as fault:
        await _settle(edge, sender, kept, Settle("refused", fault.rule if isinstance(fault, Refused) else fault.name))
        return refusal(fault)
    except Shredded:
        return refusal(Refused("person-shredded", "the person's key was destroyed; nothing can be added", status=410))
    except (Conflict, Unavailable):
        return Result("refused", "unavailable", "its outcome is not known; send the batch again", 503)


async def try_again(edge: Edge, inbox_id: str) -> None:
    """Take in an event that waits, if what it depends on has arrived; give it up where it waited too long."""
    kept = await edge.recorder.load(HELD, _stream(inbox_id))
    held = kept.state.held
    if held is None or kept.state.settled:
        return
    [first, *_] = await edge.store.read(_stream(inbox_id))
    sender = Sender(held.organisation, held.actor, first.correlationid, submission=Submission.of(first))
    try:
        item = await _item_kept(edge, held)
    except Shredded:
        await _settle(edge, sender, kept, Settle("refused", "person-shredded"))
        return
    result = await deliver(edge, item, sender, last=False)
    if result.status == EARLY and datetime.fromisoformat(held.until) < now():
        await _settle(edge, sender, kept, Settle("expired", "still-missing", tuple(result.missing)))


async def try_case_again(edge: Edge, case_id: str) -> None:
    """Take in what waits for a case, as long as anything still moves."""
    rows = await edge.pool.fetch(
        "SELECT inbox_id FROM repatriation_known.known_held WHERE case_id = $1 AND outcome IS NULL "
        "ORDER BY occurred_at, inbox_id LIMIT 200", case_id,
    )  # fmt: skip
    for row in rows:
        await try_again(edge, row["inbox_id"])


async def _record(edge: Edge, item: Item, sender: Sender, kept: Loaded) -> Result:
    repatriation_id, steps = await _commands(edge, item, sender)
    if kept.state.held and not kept.state.settled:
        steps.append(Step(HELD, _stream(item.inbox_id), Settle("accepted")))
    given: list[JSON] = []

    def answer(outcome: Outcome) -> Answer:
        envelopes = [entry.envelope for entry in outcome.entries]
        events = [
            {"id": e.id, "type": e.type, "version": e.streamversion, "hash": e.hash, "stream": e.stream}
            for e in envelopes
        ]
        given.append({"repatriation_id": repatriation_id, "events": events})
        body = orjson.dumps({**given[-1], "batch": sender.batch})
        location = f"/v1/repatriations/{repatriation_id}"
        return Answer(
            sender.organisation, _key(item), item.fingerprint, 201, body, location, outcome.version
        )  # fmt: skip

    await edge.recorder.record(steps, _origin(sender, item.occurred_at, item.sent), answer)
    return Result("accepted", more=given[-1])


async def _commands(edge: Edge, item: Item, sender: Sender) -> tuple[str, list[Step]]:
    """The commands that an event asks for. Raises Refused; TooEarly or NotYetKnown where it only came early."""
    if item.step == STARTED:
        if item.corridor is None:
            raise Refused("invalid-request", "say which corridor", status=422, pointer="/data/corridor")
        procedure = procedure_named(item.corridor)
        _require_its_corridor(sender, procedure.corridor.id)
        return await start_steps(
            edge, item.case_id, procedure, item.requested_by, sender.organisation, item.occurred_at
        )  # fmt: skip
    repatriation_id = item.repatriation_id or await _running(edge, item, sender)
    loaded = await edge.recorder.load(DECIDER, stream_of(repatriation_id))
    if loaded.version == 0:
        raise Refused("not-found", "there is no such repatriation", status=404, pointer="/data/repatriation_id")
    started = loaded.state.started
    _require_its_corridor(sender, started.corridor)
    if started.case_id != item.case_id or item.corridor not in {None, started.corridor}:
        raise Refused("other-repatriation", "the repatriation is of another case or corridor", pointer="/subject")
    if item.acknowledges:
        return repatriation_id, [
            Step(DECIDER, stream_of(repatriation_id), _acknowledgement(item, sender, loaded.state))
        ]
    asked = StepAsked(
        item.step, item.outcome, item.by, sender.organisation, ROLE, item.occurred_at, item.documents, item.personal
    )  # fmt: skip
    return repatriation_id, await record_steps(edge, loaded.state, asked)


def _acknowledgement(item: Item, sender: Sender, state: Open) -> Acknowledge:
    note = {name: value for name, value in item.personal.items() if name == "note"}
    return Acknowledge(procedure_kept(state), item.step, item.by, sender.organisation, item.occurred_at, note)


async def _running(edge: Edge, item: Item, sender: Sender) -> str:
    """The case's repatriation that an event without its id means: the one begun last, an unfinished one first."""
    if item.corridor:
        names = [procedure_named(item.corridor).corridor.id]
    else:
        names = sorted(corridors_of(sender.organisation)) or list(IDS)
    found: list[str] = []
    for name in names:
        claim = await latest_claim(edge, item.case_id, name)
        if claim.repatriation_id:
            state = (await edge.recorder.load(DECIDER, stream_of(claim.repatriation_id))).state
            done = state.progress(procedure_kept(state)).status == "completed"
            found.insert(len(found) if done else 0, claim.repatriation_id)
    if not found:
        await require_case(edge.pool, item.case_id)
        raise TooEarly("not-yet-known", "no repatriation of this case has begun", (STARTED,))
    return found[0]


def _require_its_corridor(sender: Sender, corridor: str) -> None:
    if not is_its_corridor(sender.organisation, corridor):
        raise Refused("forbidden", "a desk records the steps of its own corridor", status=403)


async def _keep(edge: Edge, item: Item, sender: Sender, kept: Loaded, early: Refused) -> Result:
    """Make an early event durable, so that it is not lost while it waits."""
    missing = missing_of(early)
    if kept.state.settled:
        return Result("refused", "still-missing", early.detail, 409, missing=missing)
    if not await edge.pool.fetchval("SELECT true FROM vault.person_key WHERE case_id = $1", item.case_id):
        return refusal(Refused("not-found", "there is no such case", status=404, pointer="/subject"))
    held = kept.state.held or await _hold(edge, item, sender, missing)
    if held is None:
        return Result("refused", "inbox-full", f"{WAITING_MAX} events of your desk wait already", 409, missing=missing)
    more = {"until": held.until, "inbox_id": item.inbox_id}
    return Result("waiting", early.rule, early.detail, early.status, missing=missing, more=more)


async def _hold(edge: Edge, item: Item, sender: Sender, missing: tuple[str, ...]) -> InboxEventHeld | None:
    waiting = await edge.pool.fetchval(
        "SELECT count(*) FROM repatriation_known.known_held WHERE organisation = $1 AND outcome IS NULL",
        sender.organisation,
    )
    if waiting >= WAITING_MAX:
        return None
    held = InboxEventHeld(
        inbox_id=item.inbox_id, source=item.source, event_id=item.event_id, case_id=item.case_id,
        organisation=sender.organisation, actor=sender.actor, fingerprint=item.fingerprint.hex(),
        repatriation_id=item.repatriation_id, corridor=item.corridor, step=item.step, outcome=item.outcome, by=item.by,
        requested_by=item.requested_by, occurred_at=rfc3339(item.occurred_at), missing=missing,
        until=rfc3339(now() + WAIT), acknowledges=item.acknowledges or None, personal=item.personal or None,
    )  # fmt: skip
    origin = _origin(sender, item.occurred_at, item.sent)
    await edge.recorder.record([Step(HELD, _stream(item.inbox_id), Hold(held))], origin)
    return held


async def _settle(edge: Edge, sender: Sender, kept: Loaded, became: Settle) -> None:
    state: Held = kept.state
    if state.held and not state.settled:
        try:
            step = Step(HELD, _stream(state.held.inbox_id), became)
            await edge.recorder.record([step], _origin(sender, now()))
        except (Refused, Conflict):
            return  # another process has said it first


async def _item_kept(edge: Edge, held: InboxEventHeld) -> Item:
    """A kept event as it was sent."""
    personal = await edge.vault.open(held.case_id, held.sealed) if held.sealed else {}
    return Item(
        held.inbox_id, held.source, held.event_id, bytes.fromhex(held.fingerprint), held.case_id, held.repatriation_id,
        held.corridor, held.step, bool(held.acknowledges), held.outcome, held.by, held.requested_by,
        datetime.fromisoformat(held.occurred_at),
        tuple(personal.get("documents", ())), personal,
    )  # fmt: skip


def _repeated(answer: Answer, item: Item, sender: Sender) -> Result:
    if answer.request != item.fingerprint:
        return refusal(reused())
    body: dict[str, JSON] = orjson.loads(answer.body)
    again = sender.batch is not None and body.pop("batch", None) == sender.batch
    body.pop("batch", None)
    return Result("accepted" if again else "duplicate", more=body)


def _origin(sender: Sender, occurred_at: datetime, sent: str = "") -> Origin:
    """Who records; with the batch's signature, where it has one, and the event as it was `sent`, sealed."""
    submission = sender.submission
    if submission and sent:
        submission = replace(submission, kept={"event": sent})
    return Origin(
        sender.organisation, sender.actor, ROLE, sender.correlation, occurred_at, submission=submission
    )  # fmt: skip


def _key(item: Item) -> str:
    return f"inbox {item.inbox_id}"


def _stream(inbox_id: str) -> str:
    return f"inbox-event:{inbox_id}"
