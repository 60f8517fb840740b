"""Two processes of aftercare on one database: 200 requests at once for the last bed, and one person gets it."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from libs.runtime.auth import mint
from libs.runtime.ids import now
from nrm.parts.processes import Tethered
from nrm.ready import wait_ready
from nrm.system import System
from tests.journeys.conftest import _free_base
from tests.journeys.test_fisherman_given_a_bed import _accepted, _made, _shelter

PLACEMENTS, HOLDS = 20, 180
PERSONS_AT_ONCE = 4


@pytest.fixture(scope="module")
async def replicas(system: System) -> AsyncIterator[list[str]]:
    """The base URLs of two replicas of aftercare, the second one started here."""
    second = system.settings.model_copy(update={"port_base": _free_base()})
    given = {f"NRM_{key.upper()}": str(value) for key, value in second.model_dump().items() if value != ""}
    process = Tethered(
        "aftercare-2",
        [sys.executable, "-m", "services.aftercare.main"],
        log=system.data_dir / "logs" / "aftercare-2.log",
        environment={**os.environ, **given, "PYTHONUNBUFFERED": "1"},
        folder=Path.cwd(),
    )
    process.start()
    try:
        await wait_ready(process, second.url("aftercare") + "/health/ready", 120)
        yield [system.settings.url("aftercare"), second.url("aftercare")]
    finally:
        process.stop()


async def test_two_hundred_ask_for_the_last_bed_and_one_gets_it(
    speak: Any, system: System, replicas: list[str]
) -> None:
    provider, shelter = await _shelter(speak, beds=1)
    persons: list[tuple[str, str]] = []
    while len(persons) < PLACEMENTS:
        persons += await asyncio.gather(*(_accepted(speak, provider) for _ in range(PERSONS_AT_ONCE)))
    hold = {"occurred_at": now().isoformat(), "cohort": "men"}  # a hold that was made long ago has run out by now
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/v1/placements", {**hold, "case_id": case, "shelter_id": shelter["shelter_id"], "referral_id": referral})
        for case, referral in persons
    ]
    asked += [(f"/v1/shelters/{shelter['shelter_id']}/holds", hold)] * HOLDS
    token = mint(system.settings, provider["organisation"], "provider", 3600)
    limits = httpx2.Limits(max_connections=len(asked))
    async with httpx2.AsyncClient(timeout=110, limits=limits) as client:

        async def ask(number: int, path: str, body: dict[str, Any]) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
            while True:
                answer = await client.post(replicas[number % 2] + path, json=body, headers=headers)
                problem = answer.json().get("type", "").rpartition(":")[2]
                if problem not in ("not-yet-known", "conflict"):  # both say: again, with the same key
                    return answer.status_code, problem

        answers = await asyncio.gather(*(ask(n, path, body) for n, (path, body) in enumerate(asked)))
    assert Counter(answers) == {(201, ""): 1, (409, "no-free-bed"): len(asked) - 1}
    mosvy = speak("mosvy", "social_affairs")
    [beds] = (await mosvy.get("aftercare", f"/v1/shelters/{shelter['shelter_id']}")).json()["beds"]
    assert (beds["capacity"], beds["occupied"] + beds["held"], beds["free"]) == (1, 1, 0)


async def test_either_replica_answers_what_the_other_recorded(speak: Any, system: System, replicas: list[str]) -> None:
    provider, shelter = await _shelter(speak, beds=2)
    token = mint(system.settings, provider["organisation"], "provider", 3600)
    path, key = f"/v1/shelters/{shelter['shelter_id']}/holds", uuid4().hex
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    async with httpx2.AsyncClient(timeout=60) as client:
        body = {"occurred_at": now().isoformat(), "cohort": "men"}
        answers = [await client.post(url + path, json=body, headers=headers) for url in replicas]
    first, second = [await _made(answer) for answer in answers]
    assert first["events"] == second["events"]
    assert answers[1].headers["idempotent-replayed"] == "true"
