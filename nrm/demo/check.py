"""Compares what the views and the case histories answer with the tally of the files. Reads over HTTP, writes nothing.

Every difference is one sentence; no difference means that the system counted what the files say, no more and no less.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from nrm.demo.histories import Name, Names
from nrm.demo.player import UNAVAILABLE, Mint, Performance, Url, Write
from nrm.demo.tally import Outcomes, Tally, cases_of

READS_AT_ONCE = 8
READ_TRIES_MAX = 30  # each waits up to 2 s for `seen`: a minute for a projector that was killed to catch up
REQUEST_S_MAX = 30.0
PAGE_ROWS = 500
OK = 200

CAPACITY = "/v1/views/shelter-capacity"
GAPS = "/v1/views/shelter-capacity/gaps"
OUTCOMES = "/v1/views/court-outcomes"
FUNNEL = "/v1/views/court-outcomes/funnel"
CROSS_BORDER = "/v1/views/cross-border"

READERS = {  # who may read what, by the table of parties in domain.md
    CAPACITY: ("mosvy", "social_affairs"),
    GAPS: ("mosvy", "social_affairs"),
    OUTCOMES: ("moj-criminal-affairs", "justice"),
    FUNNEL: ("moj-criminal-affairs", "justice"),
    CROSS_BORDER: ("mosvy", "social_affairs"),
}
FED_BY = {  # whose writes each view must have seen before it is read
    CAPACITY: ("identification", "referral", "aftercare"),
    OUTCOMES: ("identification", "justice"),
    CROSS_BORDER: ("repatriation",),
}
COUNTED_KINDS = ("identified", "screened", "determined", "referred", "admitted", "prosecuted", "repatriated")
AUDITOR = ("national-audit", "auditor")

Item = dict[str, Any]


@dataclass
class Answers:
    """What the system answered: the rows of the views, and the events of every case by its name in the files."""

    capacity: list[Item]
    gaps: list[Item]
    by_year: list[Item]
    by_court: list[Item]
    funnel: Item
    cross_border: list[Item]
    histories: dict[Name, list[Item]]


class Reader:
    """Reads views and histories, and waits until they have seen the demonstration's last writes."""

    def __init__(self, client: httpx2.AsyncClient, url: Url, mint: Mint) -> None:
        """Read through `client`; the URLs and tokens come from the callables."""
        self._client = client
        self._url = url
        self._mint = mint
        self._room = asyncio.Semaphore(READS_AT_ONCE)

    async def read(self, performance: Performance, names: Names) -> Answers:
        """Read everything that the tally counts."""
        last = _last_writes(performance)
        waits = [
            self._get("views", path, READERS[path], {"seen": seen, "limit": "1"})
            for path, services in FED_BY.items()
            for service in services
            for seen in last[service]
        ]
        await asyncio.gather(*waits)
        funnel = await self._get("views", FUNNEL, READERS[FUNNEL], {})
        return Answers(
            capacity=await self._all(CAPACITY),
            gaps=await self._all(GAPS),
            by_year=await self._all(OUTCOMES, group_by="year", dated_by="event"),
            by_court=await self._all(OUTCOMES, group_by="court", dated_by="event"),
            funnel=funnel,
            cross_border=await self._all(CROSS_BORDER),
            histories=await self._histories(performance, names),
        )

    async def view(self, path: str, query: Mapping[str, str]) -> Item:
        """Ask one view one question."""
        return await self._get("views", path, READERS[path], dict(query))

    async def _histories(self, performance: Performance, names: Names) -> dict[Name, list[Item]]:
        writes = writes_of_cases(performance, names)
        pages = await asyncio.gather(*(self._history(performance, case, of) for case, of in writes.items()))
        return dict(zip(writes, pages, strict=True))

    async def _history(self, performance: Performance, case: Name, writes: list[Write]) -> list[Item]:
        path = f"/v1/cases/{performance.saved[case].made_id}/history"
        for seen in {write.answer["stream"]: _seen(write) for write in writes}.values():
            page = await self._get("audit", path, AUDITOR, {"seen": seen})
        return list(page["events"])

    async def _all(self, path: str, **query: str) -> list[Item]:
        items: list[Item] = []
        query |= {"limit": str(PAGE_ROWS)}
        while True:
            page = await self._get("views", path, READERS[path], query)
            items += page["items"]
            if not page.get("next"):
                return items
            query["cursor"] = page["next"]

    async def _get(self, process: str, path: str, reader: tuple[str, str], query: dict[str, str]) -> Item:
        async with self._room:
            for _ in range(READ_TRIES_MAX):
                headers = {"Authorization": f"Bearer {self._mint(*reader)}"}
                try:
                    answer = await self._client.get(
                        self._url(process) + path, params=query, headers=headers, timeout=REQUEST_S_MAX
                    )
                except httpx2.TransportError:
                    await asyncio.sleep(1)
                    continue
                if answer.status_code != UNAVAILABLE:
                    return _page(answer)
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        message = f"{process} {path} did not catch up: {query}"
        raise TimeoutError(message)


def _page(answer: httpx2.Response) -> Item:
    if answer.status_code != OK:
        message = f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}"
        raise ValueError(message)
    page = answer.json()
    return page if isinstance(page, dict) else {}


def _seen(write: Write) -> str:
    return f"{write.answer['stream']}:{write.answer['version']}"


def _last_writes(performance: Performance) -> dict[str, list[str]]:
    newest: dict[str, dict[str, Write]] = defaultdict(dict)
    for write in performance.writes:
        stream = str(write.answer["stream"])
        before = newest[write.step.service].get(stream)
        if before is None or before.answer["version"] < write.answer["version"]:
            newest[write.step.service][stream] = write
    return defaultdict(list, {service: [_seen(w) for w in of.values()] for service, of in newest.items()})


def writes_of_cases(performance: Performance, names: Names) -> dict[Name, list[Write]]:
    """Group what was recorded by the cases that it concerns."""
    owner: dict[Name, Name] = {}
    found: dict[Name, list[Write]] = defaultdict(list)
    for write in performance.writes:
        cases = cases_of(write.step, names, owner)
        if write.step.save and len(cases) == 1:
            owner[Name(write.step.history, write.step.save)] = cases[0]
        for case in cases:
            found[case].append(write)
    return dict(found)


def differences(tally: Tally, answers: Answers, performance: Performance, names: Names) -> list[str]:
    """List every point where the system and the tally of the files disagree."""
    return [
        *performance.failures,
        *_capacity(tally, answers, performance),
        *_gaps(tally, answers),
        *_outcomes("year", tally.outcomes_by_year, answers.by_year),
        *_outcomes("court", tally.outcomes_by_court, answers.by_court),
        *(_differ(f"funnel {stage}", n, answers.funnel.get(stage)) for stage, n in tally.funnel.items()),
        *_cross_border(tally, answers),
        *_histories(tally, answers, performance, names),
    ]


def found(lines: list[str]) -> list[str]:
    """Drop the empty lines of points that agree."""
    return [line for line in lines if line]


def _differ(what: str, expected: object, answered: object) -> str:
    return "" if expected == answered else f"{what}: the files say {expected}, the system says {answered}"


def _capacity(tally: Tally, answers: Answers, performance: Performance) -> Iterator[str]:
    rows = {(row["shelter_id"], row["cohort"]): row for row in answers.capacity}
    for (shelter, cohort), beds in tally.beds.items():
        row = rows.pop((performance.saved[shelter].made_id, cohort), {}) if shelter in performance.saved else {}
        for figure in ("capacity", "occupied", "held", "free", "waiting"):
            yield _differ(f"{shelter.word} {cohort} {figure}", getattr(beds, figure), row.get(figure))
    yield _differ("shelter rows that the files do not have", 0, len(rows))


def _gaps(tally: Tally, answers: Answers) -> Iterator[str]:
    rows = {(r["province"], r["kind"], r["cohort"]): (r["waiting"], r["capacity"]) for r in answers.gaps}
    yield _differ("gaps", {tuple(place): n for place, n in tally.gaps.items()}, rows)


def _outcomes(group: str, expected: dict[str, Outcomes], items: list[Item]) -> Iterator[str]:
    rows = {str(item[group]): item for item in items}
    for value, outcomes in expected.items():
        row = rows.pop(value, {})
        for figure in ("prosecutions", "convicted", "acquitted", "dismissed", "pending", "victims_charged"):
            yield _differ(f"{group} {value} {figure}", getattr(outcomes, figure), row.get(figure))
        ordered = row.get("compensation", {}).get("ordered_khr")
        yield _differ(f"{group} {value} compensation ordered", outcomes.compensation_khr, ordered)
    yield _differ(f"{group} rows that the files do not have", [], sorted(rows))


def _cross_border(tally: Tally, answers: Answers) -> Iterator[str]:
    counted = Counter((item["corridor"], item["status"]) for item in answers.cross_border)
    for corridor, status in sorted({*tally.cross_border, *counted}):
        expected, answered = tally.cross_border[corridor, status], counted[corridor, status]
        yield _differ(f"repatriations {corridor} {status}", expected, answered)


def _histories(tally: Tally, answers: Answers, performance: Performance, names: Names) -> Iterator[str]:
    held: set[str] = set()
    for case, record in tally.records.items():
        events = answers.histories.get(case, [])
        ids = [str(event["id"]) for event in events]
        held.update(ids)
        label = f"history of {case.history} ({case.word})"
        yield _differ(f"{label}, events that stand in it twice", 0, len(ids) - len(set(ids)))
        if len(events) < record.events_min:
            yield f"{label}: the files say at least {record.events_min} events, the system says {len(events)}"
        kinds = kinds_of(events)
        for kind in COUNTED_KINDS:
            yield _differ(f"{label}, {kind}", record.kinds[kind], kinds[kind])
    answered = {i for of in writes_of_cases(performance, names).values() for write in of for i in write.event_ids}
    yield _differ("events that were answered 201 and stand in no history", 0, len(answered - held))


def kinds_of(events: list[Item]) -> Counter[str]:
    """Count a history's events by kind."""
    return Counter(str(event["type"]).removeprefix("org.opennrm.").split(".")[1] for event in events)
