"""The player: one key through every retry, and no answer passes that the file does not expect."""

import asyncio
import json
from collections import Counter

import httpx2
import pytest

from nrm.demo import player
from nrm.demo.check import kinds_of, writes_of_cases
from nrm.demo.histories import SHARED, Name, Names, read_all
from nrm.demo.player import Performance, Player

HISTORIES = [history for history in read_all() if history.name in (SHARED, "10-brick-kiln-wage-dispute")]
KILN = HISTORIES[1]
Answer = httpx2.Response | Exception


class Service:
    """A service in memory: answers what it was told to, then records everything."""

    def __init__(self, *first: Answer) -> None:
        self.keys: list[str] = []
        self.bodies: list[dict[str, object]] = []
        self._first = list(first)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        self.keys.append(request.headers["Idempotency-Key"])
        self.bodies.append({"path": request.url.path, **json.loads(request.content)})
        if self._first:
            told = self._first.pop(0)
            if isinstance(told, Exception):
                raise told
            return told
        n = len(self.keys)
        ids = dict.fromkeys(("case_id", "provider_id", "shelter_id"), f"id-{n}") | {"organisation": f"provider:id-{n}"}
        return httpx2.Response(201, json={"stream": f"s-{n}", "version": 1, "events": [{"id": f"e-{n}"}], **ids})


def _problem(status: int, name: str) -> httpx2.Response:
    return httpx2.Response(status, json={"type": f"urn:opennrm:problem:{name}"})


def _play(service: Service, *, shared: bool = False) -> Performance:
    async def run() -> Performance:
        transport = httpx2.MockTransport(service.answer)
        async with httpx2.AsyncClient(transport=transport) as client:
            actor = Player(
                client, lambda process: f"http://{process}", lambda org, role: f"{org}.{role}", Names(HISTORIES)
            )
            return await actor.play_all(HISTORIES if shared else [KILN], lambda: None)

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "PAUSE_S_MAX", 0.0)


def test_a_whole_history_is_recorded_and_its_ids_are_filled_in() -> None:
    service = Service()
    performance = _play(service)
    assert performance.failures == []
    assert performance.saved[Name(KILN.name, "case")].made_id == "id-1"
    assert service.bodies[1]["path"] == "/v1/cases/id-1/consents"
    assert [len(of) for of in writes_of_cases(performance, Names(HISTORIES)).values()] == [4]


def test_every_retry_and_every_run_uses_the_same_key() -> None:
    refused_once: list[Answer] = [
        httpx2.ConnectError("down"),
        _problem(503, "unavailable"),
        _problem(409, "not-yet-known"),
    ]
    service, again = Service(*refused_once), Service()
    performance = _play(service)
    _play(again)
    assert (performance.failures, performance.retries) == ([], 3)
    assert service.keys[:4] == [again.keys[0]] * 4
    assert len(set(again.keys)) == len(KILN.steps)


def test_an_answer_that_the_file_does_not_expect_stops_its_history() -> None:
    service = Service(_problem(409, "case-exists"))
    performance = _play(service)
    assert len(service.keys) == 1
    assert performance.failures[0].startswith("10-brick-kiln-wage-dispute step 1 (/v1/cases): answered 409")


def test_a_step_that_stays_unavailable_ends_in_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "STEP_S_MAX", -1.0)
    assert "ConnectError" in _play(Service(httpx2.ConnectError("down"))).failures[0]
    assert "answered 503" in _play(Service(_problem(503, "unavailable"))).failures[0]


def test_the_shared_providers_come_first_and_name_their_organisation() -> None:
    performance = _play(Service(), shared=True)
    assert performance.failures == []
    assert performance.writes[0].step.history == SHARED
    assert performance.writes[-1].step.history == KILN.name


def test_nothing_more_is_played_where_the_providers_fail() -> None:
    service = Service(_problem(403, "forbidden"))
    assert len(_play(service, shared=True).failures) == len(service.keys) == 1


def test_kinds_are_read_from_the_wire_names() -> None:
    events = [{"type": "org.opennrm.identification.identified.v1"}, {"type": "org.opennrm.justice.prosecuted.v2"}]
    assert kinds_of(events) == Counter(identified=1, prosecuted=1)
