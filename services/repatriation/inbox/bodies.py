"""What an embassy desk posts: CloudEvents 1.0, each the fact of one step, read one by one: none blocks another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from libs.events.catalogue.vocabulary import Slug, StepOutcome
from libs.events.event import JSON
from libs.runtime.edge import case_of
from libs.runtime.problems import Problem, invalid
from libs.runtime.requests import Body, Moment, check_moment
from services.repatriation.bodies import CaseReference, CorridorName, Documents, Text, personal_of
from services.repatriation.commands import Personal

MEDIA_TYPE = "application/cloudevents-batch+json"
EVENTS_MAX = 1_000
"""Events of a batch: what a desk gathers in weeks without a link."""

_TYPE = re.compile(r"org\.opennrm\.repatriation\.(?:steps?\.)?([a-z][a-z0-9_]{0,59})\.v[1-9]")
_STEP_OF = {"repatriated": "handed_over", "handover_refused": "handed_over"}
ACKNOWLEDGED: Final = "acknowledged"
_IN_DATA = {"step", "step_recorded", ACKNOWLEDGED}
"""Types that say in `data.step` which step is meant."""


class InboxData(Body):
    """The fact itself. `repatriation_id`, or the case with its `corridor`, says which repatriation."""

    case_id: CaseReference | None = None
    repatriation_id: Annotated[str, Field(max_length=64)] | None = None
    corridor: CorridorName | None = None
    step: Annotated[str, Field(max_length=60)] | None = None
    occurred_at: Moment | None = None
    outcome: StepOutcome = "done"
    by: Slug | None = None
    requested_by: Slug | None = None
    documents: Documents = []
    note: Text | None = None


class InboxEvent(BaseModel):
    """A CloudEvent (1.0, structured): `type` names the step, `subject` the case. Extension attributes are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    specversion: Annotated[str, Field(pattern=r"^1\.0$")]
    id: Annotated[str, Field(min_length=1, max_length=300)]
    source: Annotated[str, Field(min_length=1, max_length=300)]
    type: Annotated[
        str, Field(max_length=200, description="org.opennrm.repatriation.<step>.v1, or started, or acknowledged")
    ]
    subject: CaseReference | None = None
    time: Moment | None = None
    occurredat: Moment | None = None
    data: InboxData


class InboxBatch(RootModel[list[InboxEvent | Any]]):
    """A batch of at most 1,000 events. One that is none is refused in the answer, beside those that are taken."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a batch, understood."""

    inbox_id: str
    source: str
    event_id: str
    fingerprint: bytes
    case_id: str
    repatriation_id: str | None
    corridor: str | None
    step: str
    acknowledges: bool
    outcome: StepOutcome
    by: str
    requested_by: str
    occurred_at: datetime
    documents: tuple[str, ...]
    personal: Personal
    sent: str = ""
    """The event as it was posted; not known any more of one that waited."""


def inbox_id_of(organisation: str, source: str, event_id: str) -> str:
    """An event's identity: who sent it, its source and its id."""
    return sha256(orjson.dumps([organisation, source, event_id])).hexdigest()[:40]


def elements_of(batch: JSON) -> Sequence[JSON]:
    """The events of a batch, unread. Raises Problem where it is none, or too large."""
    if not isinstance(batch, list):
        raise Problem(422, "invalid-request", "send a JSON array of CloudEvents",
                      errors=[{"pointer": "", "detail": "is not an array"}])  # fmt: skip
    if len(batch) > EVENTS_MAX:
        raise Problem(413, "batch-too-large", f"at most {EVENTS_MAX} events in a batch; send the rest in another")
    return batch


def item_of(element: JSON, organisation: str) -> Item:
    """One event, understood. Raises Problem with what does not fit and where."""
    try:
        raw = orjson.dumps(element, option=orjson.OPT_SORT_KEYS)
        event = InboxEvent.model_validate_json(raw)
    except ValidationError as fault:
        raise invalid(fault) from None
    except orjson.JSONEncodeError:
        raise _unfit("", "has a number or a text that JSON parsers disagree about") from None
    data = event.data
    occurred_at = data.occurred_at or event.occurredat or event.time
    if occurred_at is None:
        raise _unfit("/data/occurred_at", "say when it happened: here, or in `time`")
    check_moment(occurred_at, "/data/occurred_at")
    by = data.by or organisation
    return Item(
        inbox_id=inbox_id_of(organisation, event.source, event.id),
        source=event.source,
        event_id=event.id,
        fingerprint=sha256(raw).digest(),
        case_id=_case(event),
        repatriation_id=data.repatriation_id,
        corridor=data.corridor,
        step=_step(event),
        acknowledges=_named(event) == ACKNOWLEDGED,
        outcome="refused" if event.type.split(".")[3:4] == ["handover_refused"] else data.outcome,
        by=by,
        requested_by=data.requested_by or by,
        occurred_at=occurred_at,
        documents=tuple(data.documents),
        personal=personal_of(data.note, data.documents),
        sent=raw.decode(),
    )


def _case(event: InboxEvent) -> str:
    stated = event.subject or event.data.case_id
    if stated is None:
        raise _unfit("/subject", "is missing: the case reference")
    case_id = case_of(stated)
    if event.data.case_id and case_of(event.data.case_id) != case_id:
        raise _unfit("/data/case_id", "is another case than the subject")
    return case_id


def _named(event: InboxEvent) -> str:
    found = _TYPE.fullmatch(event.type)
    if found is None:
        raise _unfit("/type", "is org.opennrm.repatriation.<step>.v1")
    return found[1]


def _step(event: InboxEvent) -> str:
    name = _STEP_OF.get(_named(event), _named(event))
    if name in _IN_DATA:
        if event.data.step is None:
            raise _unfit("/data/step", "is missing")
        return event.data.step
    if event.data.step not in {None, name}:
        raise _unfit("/data/step", "is another step than the type names")
    return name


def _unfit(pointer: str, detail: str) -> Problem:
    errors = [{"pointer": pointer, "detail": detail}]
    return Problem(422, "invalid-request", "the event does not fit; see errors", errors=errors)
