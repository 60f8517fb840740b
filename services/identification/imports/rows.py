"""One row, recorded as an officer's request would be: the same decider, the same events, once for all time."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import orjson

from libs.events.catalogue.identification import Identified
from libs.events.catalogue.imports import AgencyReported, SourceRecorded
from libs.events.catalogue.vocabulary import InitialDetermination
from libs.events.decider import Refused
from libs.events.event import JSON
from libs.events.handle import Origin, Step, Submission
from libs.rules.mappings import SystemMap
from libs.runtime.edge import Edge
from libs.runtime.ids import new_case_reference
from libs.runtime.vault import Shredded
from libs.tables.layout import Row
from services.identification.bodies import (
    CorrectedCircumstances,
    CorrectedPerson,
    CorrectedPlace,
    CorrectionBody,
    corrected_of,
    identified_of,
)  # fmt: skip
from services.identification.commands import Correct, Identify, Screen
from services.identification.decider import DECIDER
from services.identification.imports.commands import TakeIn
from services.identification.imports.decider import SOURCES
from services.identification.imports.draft import Draft, changed_sections, draft_of, shown
from services.identification.imports.facts import Finding
from services.identification.imports.jobs import Job, RowReport
from services.identification.rulebook import scored


@dataclass(frozen=True, slots=True)
class Desk:
    """What the rows of one file share."""

    edge: Edge
    job: Job
    mapping: SystemMap
    pepper: bytes
    submission: Submission | None = None
    """The file's signature, where who handed it in signed it."""

    def digest(self, *parts: str) -> str:
        """A digest that means nothing to who does not have the pepper."""
        return hmac.new(self.pepper, "\x1e".join((self.job.system, *parts)).encode(), sha256).hexdigest()

    def origin(self, occurred_at: datetime) -> Origin:
        """Who records: the organisation that handed the file in."""
        job = self.job
        return Origin(
            job.organisation, job.actor, job.role, job.import_id, occurred_at, submission=self.submission
        )  # fmt: skip


async def take_in(desk: Desk, number: int, draft: Draft) -> RowReport:
    """Record one row, or say why not. A dry run finds the same and records nothing."""
    row = draft.row
    if draft.verdict != "accepted":
        return RowReport(number, row.sheet, row.number, draft.verdict, reasons=shown(draft.findings, row))
    stream = f"source:{desk.digest('identity', draft.identity)}"
    content = desk.digest("row", orjson.dumps(draft.raw, option=orjson.OPT_SORT_KEYS).decode())
    latest = (await desk.edge.recorder.load(SOURCES, stream)).state.latest
    try:
        if latest is None:
            status, case_id = await _new(desk, draft, stream, content)
            return _done(number, draft, status, case_id)
        known = latest.case_id if isinstance(latest, SourceRecorded) else None
        if latest.row_hash == content:
            # Where this very job recorded it before the process died, it is this job's row.
            mine = latest.import_id == desk.job.import_id and not desk.job.dry_run
            return _done(number, draft, "recorded" if mine else "duplicate", known)
        return await _changed(desk, number, draft, stream, content, latest)
    except Refused as refused:
        if refused.rule == "row-known":
            return _done(number, draft, "duplicate", None)
        return _no(number, row, "refused", Finding(_column(refused), refused.rule, refused.detail))


async def _new(desk: Desk, draft: Draft, stream: str, content: str) -> tuple[str, str | None]:
    if draft.case is None:
        fact = _agency(desk, draft, content)
        if not desk.job.dry_run:
            at = datetime.fromisoformat(f"{fact.year}-12-31T00:00:00+07:00")
            await desk.edge.recorder.record([Step(SOURCES, stream, TakeIn(fact))], desk.origin(at))
        return "recorded", None
    case_id = new_case_reference()
    identified = identified_of(case_id, desk.job.organisation, draft.case)
    steps = [Step(DECIDER, f"case:{case_id}", Identify(identified), expected=0)]
    if draft.initial and desk.mapping.instrument:
        steps.append(
            Step(DECIDER, f"case:{case_id}", _screen(desk.mapping.instrument, draft.initial, draft, identified))
        )
    steps.append(Step(SOURCES, stream, TakeIn(_source(desk, draft, identified, content))))
    if desk.job.dry_run:
        return "recorded", None
    keys = [(case_id, desk.edge.vault.new_key(case_id))]
    await desk.edge.recorder.record(steps, desk.origin(draft.case.occurred_at), person_keys=keys)
    return "recorded", case_id


async def _changed(
    desk: Desk, number: int, draft: Draft, stream: str, content: str, latest: SourceRecorded | AgencyReported
) -> RowReport:
    """The row says something else than when it was taken in: a correction by who may correct, else a question."""
    if isinstance(latest, AgencyReported) or draft.case is None:
        fact = _agency(desk, draft, content)
        at = datetime.fromisoformat(f"{fact.year}-12-31T00:00:00+07:00")
        if not desk.job.dry_run:
            await desk.edge.recorder.record([Step(SOURCES, stream, TakeIn(fact))], desk.origin(at))
        return _done(number, draft, "recorded", None, corrected=True)
    case_id = latest.case_id
    if not desk.job.may_correct:
        what = "the row has changed since it was taken in; the competent authority corrects"
        return _no(number, draft.row, "needs_review", Finding("", "row-changed", what), case_id)
    try:
        raw = (await desk.edge.vault.open(case_id, latest.sealed))["row"] if latest.sealed else {}
    except Shredded:
        what = "the person's key is destroyed: nothing can be added"
        return _no(number, draft.row, "refused", Finding("", "person-shredded", what), case_id)
    before = draft_of(Row(1, 1, raw), desk.mapping, frozenset(), draft.case.occurred_at.date())
    identified = identified_of(case_id, desk.job.organisation, draft.case)
    steps = [Step(SOURCES, stream, TakeIn(_source(desk, draft, identified, content)))]
    correction = _correction(desk, before, draft, case_id)
    if correction:
        steps.insert(0, Step(DECIDER, f"case:{case_id}", correction))
    if not desk.job.dry_run:
        await desk.edge.recorder.record(steps, desk.origin(draft.case.occurred_at))
    return _done(number, draft, "recorded", case_id, corrected=True)


def _correction(desk: Desk, before: Draft, after: Draft, case_id: str) -> Correct | None:
    """What a change of the row corrects; a fact that no correction can hold is kept with the row, sealed."""
    assert after.case is not None  # a row without a case is an agency's
    sections = {
        section: {name: value for name, value in facts.items() if name in _CORRECTABLE[section]}
        for section, facts in changed_sections(before, after).items()
    }
    body = {section: facts for section, facts in sections.items() if facts}
    if not body:
        return None
    reason = f"changed in {desk.job.system}'s own file"
    document = {"occurred_at": after.case.occurred_at.isoformat(), "reason": reason, **body}
    return Correct(corrected_of(case_id, CorrectionBody.model_validate_json(orjson.dumps(document))))


_CORRECTABLE = {
    "place": CorrectedPlace.model_fields,
    "person": CorrectedPerson.model_fields,
    "circumstances": CorrectedCircumstances.model_fields,
}


def _screen(instrument: str, initial: InitialDetermination, draft: Draft, identified: Identified) -> Screen:
    answers = draft.answers or {}
    score = scored(instrument, answers, child=identified.child)
    return Screen(
        case_id=identified.case_id, instrument=score.instrument, instrument_version=score.version,
        initial_determination=initial, result=score.result,
        act=score.act, means=score.means, purpose=score.purpose,
        personal={"answers": answers, "reasons": draft.reasons or "as recorded in the other system"},
    )  # fmt: skip


def _source(desk: Desk, draft: Draft, identified: Identified, content: str) -> SourceRecorded:
    assert draft.case is not None  # see _agency
    return SourceRecorded(
        case_id=identified.case_id, **_place(desk, draft, content), met_on=draft.case.occurred_at.date(),
        age_group=identified.age_group, sex=identified.sex, claim=draft.claim,
        filled=draft.filled, beyond=draft.beyond, personal={"row": dict(draft.raw)},
    )  # fmt: skip


def _agency(desk: Desk, draft: Draft, content: str) -> AgencyReported:
    assert draft.agency is not None  # the mapping makes agencies
    counted = {**draft.agency, "agency": draft.agency["name"]}
    return AgencyReported(
        **_place(desk, draft, content), **{name: value for name, value in counted.items() if name != "name"}
    )


def _place(desk: Desk, draft: Draft, content: str) -> Mapping[str, JSON]:
    job = desk.job
    return {
        "import_id": job.import_id, "system": job.system, "mapping_version": job.mapping_version,
        "file_hash": job.file_hash, "sheet": draft.row.sheet, "row": draft.row.number, "row_hash": content,
    }  # fmt: skip


def _done(number: int, draft: Draft, status: str, case_id: str | None, *, corrected: bool = False) -> RowReport:
    row = draft.row
    notes: Sequence[Mapping[str, str]] = shown(draft.notes, row)
    return RowReport(
        number, row.sheet, row.number, status, case_id, corrected=corrected, notes=notes, beyond=draft.beyond
    )  # fmt: skip


def _no(number: int, row: Row, status: str, finding: Finding, case_id: str | None = None) -> RowReport:
    return RowReport(number, row.sheet, row.number, status, case_id, reasons=shown([finding], row))


def _column(refused: Refused) -> str:
    return (refused.pointer or "").rpartition("/")[2]
