"""What a hand-over file says: the fields that the current step discloses, and the procedure so far. Pure.

Never the narrative, never a shelter: nothing is in it that the corridor's data do not name for the step
(domain, Repatriation: step-scoped disclosure).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

import orjson

from libs.events.catalogue.repatriation import HandoverFileIssued, StepFact
from libs.events.event import JSON
from libs.rules.local import day_of
from libs.rules.procedure import Corridor
from services.repatriation.handover.words import ENGLISH, WORDS, Words
from services.repatriation.state import Open

KIND: Final = "org.opennrm.handover-file.v1"


def content(
    issued: HandoverFileIssued, state: Open, corridor: Corridor, person: Mapping[str, JSON], salt: str
) -> dict[str, JSON]:
    """The file that was issued. The same facts give the same bytes; the salt keeps its digest from being guessed."""
    languages = tuple(dict.fromkeys((ENGLISH, issued.language)))
    done = _so_far(state, issued.recorded, corridor)
    return {
        "kind": KIND,
        "code": issued.code,
        "issued_at": issued.occurred_at,
        "case_id": issued.case_id,
        "repatriation_id": issued.repatriation_id,
        "corridor": issued.corridor,
        "sop": state.started.sop,
        "sop_version": state.started.sop_version,
        "from_country": corridor.from_country,
        "to_country": corridor.to_country,
        "step": issued.step,
        "fields": list(issued.fields),
        "person": dict(person),
        "not_on_file": [name for name in issued.fields if name not in person],
        "procedure": done,
        "languages": list(languages),
        "text": {name: _text(WORDS[name], corridor, issued.step, person, issued.fields, done) for name in languages},
        "salt": salt,
    }


def signed_bytes(file: Mapping[str, JSON]) -> bytes:
    """The exact bytes that are signed: RFC 8785 canonical JSON, which sorted keys give for ASCII keys and integers."""
    return orjson.dumps(dict(file), option=orjson.OPT_SORT_KEYS)


def digest_of(file: Mapping[str, JSON]) -> str:
    """The hex SHA-256 of a file, as the event of its issue has it."""
    return sha256(signed_bytes(file)).hexdigest()


def _so_far(state: Open, recorded: int, corridor: Corridor) -> list[dict[str, JSON]]:
    """The last word on every step that something was recorded of, in the order of the procedure. No free text."""
    last = {one.step: one for one in state.facts[:recorded] if isinstance(one, StepFact)}
    return [
        {
            "step": step.id,
            "outcome": last[step.id].outcome,
            "date": day_of(_moment(last[step.id])).isoformat(),
            "by": last[step.id].by,
            "documents": list(last[step.id].documents),
        }
        for step in corridor.steps
        if step.id in last
    ]


def _moment(fact: StepFact) -> datetime:
    return datetime.fromisoformat(fact.occurred_at)


def _text(
    words: Words, corridor: Corridor, step: str, person: Mapping[str, JSON], fields: Sequence[str],
    done: Sequence[Mapping[str, JSON]],
) -> dict[str, JSON]:  # fmt: skip
    """What a person reads, in one language; a corridor's own titles where it has them in that language."""
    titles = {one.id: one.title.get(words.language, one.title[ENGLISH]) for one in corridor.steps}
    said = words.said
    return {
        **{name: said[name] for name in ("language", "name", "title", "purpose", "confidential", "check")},
        "draft": words.draft,
        "words": dict(said["words"]),
        "corridor": corridor.title.get(words.language, corridor.title[ENGLISH]),
        "step": titles[step],
        "fields": {name: said["fields"].get(name, name) for name in fields},
        "values": {name: words.value(name, value) for name, value in person.items()},
        "procedure": {one["step"]: titles[one["step"]] for one in done},
        "outcomes": dict(said["outcomes"]),
    }
