"""The check: silent where the system agrees with the files, and it names every count that does not."""

import asyncio
from dataclasses import replace
from io import StringIO

import httpx2
import pytest
from rich.console import Console

from nrm.demo.check import CAPACITY, GAPS, OUTCOMES, Answers, Item, Reader, differences, found
from nrm.demo.histories import Name, Names, accepted_steps, read_all
from nrm.demo.player import Performance, Write
from nrm.demo.tables import print_answers, print_verdict
from nrm.demo.tally import Outcomes, cases_of, tally

HISTORIES = read_all()
NAMES = Names(HISTORIES)
TALLY = tally(HISTORIES)


def _played() -> Performance:
    """Every accepted step, answered as a system would: an id of what was made, a stream, one event."""
    performance = Performance()
    for number, step in enumerate(accepted_steps(HISTORIES)):
        made = {step.id_key: f"{step.kind}-{number}"} if step.id_key else {}
        answer = {"stream": f"s-{number}", "version": 1, "events": [{"id": f"e-{number}"}], **made}
        performance.writes.append(Write(step, answer))
        if step.save:
            performance.saved[Name(step.history, step.save)] = performance.writes[-1]
    return performance


PLAYED = _played()
KIND = {
    "case": "identification.identified",
    "screening": "identification.screened",
    "determination": "identification.determined",
    "referral": "referral.referred",
    "placement": "aftercare.admitted",
    "court_case": "justice.prosecuted",
}


def _event(write: Write) -> Item:
    step = write.step
    returned = step.path.endswith("/steps/handed_over")
    kind = "repatriation.repatriated" if returned else KIND.get(step.kind, f"{step.service}.noted")
    who = {"organisation": step.organisation, "role": step.role, "subject": "KH-0000-0000", "hash": "0" * 64}
    times = {"time": "2026-11-01T00:00:00Z", "occurredat": step.body["occurred_at"]}
    return {"id": write.event_ids[0], "type": f"org.opennrm.{kind}.v1", **who, **times}


def _histories() -> dict[Name, list[Item]]:
    owner: dict[Name, Name] = {}
    histories: dict[Name, list[Item]] = {case: [] for case in TALLY.records}
    for write in PLAYED.writes:
        cases = cases_of(write.step, NAMES, owner)
        if write.step.save and len(cases) == 1:
            owner[Name(write.step.history, write.step.save)] = cases[0]
        for case in cases:
            histories[case].append(_event(write))
    return histories


def _outcomes(group: str, rows: dict[str, Outcomes]) -> list[Item]:
    return [
        {group: key, **vars(row), "compensation": {"ordered_khr": row.compensation_khr, "paid_khr": 0}}
        for key, row in rows.items()
    ]


ANSWERS = Answers(
    capacity=[
        {"shelter_id": PLAYED.saved[s].made_id, "cohort": c, **vars(b), "free": b.free, **b.place._asdict()}
        for (s, c), b in TALLY.beds.items()
    ],
    gaps=[{**p._asdict(), "waiting": n, "capacity": capacity} for p, (n, capacity) in TALLY.gaps.items()],
    by_year=_outcomes("year", TALLY.outcomes_by_year),
    by_court=_outcomes("court", TALLY.outcomes_by_court),
    funnel=dict(TALLY.funnel),
    cross_border=[{"corridor": c, "status": s} for (c, s), n in TALLY.cross_border.items() for _ in range(n)],
    histories=_histories(),
)
CASE = next(iter(TALLY.records))
EVENTS = ANSWERS.histories[CASE]


def _wrong(answers: Answers) -> list[str]:
    return found(differences(TALLY, answers, PLAYED, NAMES))


def test_agreement_is_silent() -> None:
    assert _wrong(ANSWERS) == []


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (replace(ANSWERS, capacity=[{**ANSWERS.capacity[0], "occupied": 99}, *ANSWERS.capacity[1:]]), "occupied"),
        (replace(ANSWERS, capacity=ANSWERS.capacity[1:]), "capacity: the files say"),
        (replace(ANSWERS, capacity=[*ANSWERS.capacity, {"shelter_id": "x", "cohort": "men"}]), "do not have"),
        (replace(ANSWERS, gaps=ANSWERS.gaps[1:]), "gaps"),
        (replace(ANSWERS, by_year=ANSWERS.by_year[1:]), "prosecutions"),
        (replace(ANSWERS, by_court=[{**row, "convicted": 99} for row in ANSWERS.by_court]), "convicted"),
        (replace(ANSWERS, funnel={**ANSWERS.funnel, "reported": 0}), "funnel reported"),
        (replace(ANSWERS, cross_border=ANSWERS.cross_border[1:]), "repatriations"),
        (replace(ANSWERS, histories={**ANSWERS.histories, CASE: EVENTS[:-1]}), "at least"),
        (replace(ANSWERS, histories={**ANSWERS.histories, CASE: EVENTS[1:]}), "identified"),
        (replace(ANSWERS, histories={**ANSWERS.histories, CASE: [*EVENTS, EVENTS[0]]}), "twice"),
        (replace(ANSWERS, histories={**ANSWERS.histories, CASE: EVENTS[1:]}), "stand in no history"),
    ],
)
def test_each_difference_is_named(answers: Answers, said: str) -> None:
    assert any(said in line for line in _wrong(answers))


def test_a_failed_step_is_a_difference() -> None:
    failed = Performance(saved=PLAYED.saved, writes=PLAYED.writes, failures=["step 1 failed"])
    assert found(differences(TALLY, ANSWERS, failed, NAMES)) == ["step 1 failed"]


def _serve(request: httpx2.Request, asked: list[str]) -> httpx2.Response:
    path = request.url.path
    asked.append(request.url.params.get("seen", ""))
    if len(asked) == 1:  # the view has not caught up yet
        return httpx2.Response(503, headers={"Retry-After": "0"})
    if path.endswith("/history"):
        case = next(name for name in TALLY.records if PLAYED.saved[name].made_id == path.split("/")[3])
        return httpx2.Response(200, json={"events": ANSWERS.histories[case]})
    if path.endswith("/funnel"):
        return httpx2.Response(200, json=ANSWERS.funnel)
    by_group = {"year": ANSWERS.by_year, "court": ANSWERS.by_court}
    rows = {
        CAPACITY: ANSWERS.capacity,
        GAPS: ANSWERS.gaps,
        OUTCOMES: by_group.get(request.url.params.get("group_by", "")),
    }
    if path == GAPS:  # this list has no pages
        return httpx2.Response(200, json={"items": ANSWERS.gaps})
    return _page_of(rows.get(path, ANSWERS.cross_border) or [], request.url.params.get("cursor"))


def _page_of(rows: list[Item], cursor: str | None) -> httpx2.Response:
    """Half of the rows, then the other half."""
    half = len(rows) // 2
    items = rows[half:] if cursor else rows[:half]
    return httpx2.Response(200, json={"items": items, "next": None if cursor else "more"})


def test_the_reader_waits_for_the_last_writes_and_reads_every_page() -> None:
    asked: list[str] = []

    async def run() -> Answers:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: _serve(request, asked))) as client:
            return await Reader(client, "http://{}".format, "{}.{}".format).read(PLAYED, NAMES)

    assert _wrong(asyncio.run(run())) == []
    assert {f"s-{number}:1" for number, write in enumerate(PLAYED.writes) if write.step.kind == "case"} <= set(asked)


def test_the_tables_show_every_view_and_one_replay() -> None:
    console = Console(record=True, width=200, file=StringIO())
    print_answers(console, ANSWERS, TALLY)
    print_verdict(console, TALLY, ["one", "two"], 3, 0)
    text = console.export_text()
    for word in (
        "Shelter capacity",
        "Court outcomes by year",
        "Cross-border",
        "Replay of KH-0000-0000",
        "2 differences",
    ):
        assert word in text
