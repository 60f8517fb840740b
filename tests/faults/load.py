"""The load: clients that play stories over HTTP and repeat every request, with its key, until it is answered."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

import httpx2

from libs.runtime.auth import mint
from libs.runtime.settings import Settings

WHEN = "2026-03-02T09:00:00+07:00"
REQUEST_S_MAX = 20.0
ANSWER_S_MAX = 240.0
PAUSE_S_FIRST, PAUSE_S_MAX = 0.1, 1.0
BEDS = 6
POLICE, MOSVY = ("cnp-poipet", "first_responder"), ("mosvy", "social_affairs")
AUTHORITY = ("nrm-authority", "competent_authority")
CASE = {
    "occurred_at": WHEN,
    "channel": "border_screening",
    "place": {"province": "KH-1", "country": "KH"},
    "person": {"given_name": "តារា", "sex": "male", "age_estimate": {"min": 31, "max": 34}, "nationality": "KH"},
    "circumstances": {"continuum": "B", "exploitation": ["forced_labour"], "industry": "A03"},
}
Body = dict[str, Any]


@dataclass
class Request:
    """One thing that a client wants recorded, every attempt at it, and the answer that ended them."""

    service: str
    path: str
    body: Body
    who: tuple[str, str]
    key: str
    answers: list[str] = field(default_factory=list)
    status: int = 0
    content: bytes = b""
    replayed: bool = False
    asked_at: float = 0.0
    done_at: float = 0.0
    given_up: bool = False


class Speaker:
    """Posts and remembers; the keys come from the seed, so that a run can be told from its seed alone."""

    def __init__(self, settings: Settings, client: httpx2.AsyncClient, rng: random.Random) -> None:
        self.requests: list[Request] = []
        self.patience_s = ANSWER_S_MAX
        self._settings = settings
        self.client = client
        self._rng = rng
        self.token = lru_cache(lambda organisation, role: mint(settings, organisation, role, 24 * 3600))

    def moved(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        """The system was started anew: its addresses may be others, its keys are the same."""
        self._settings, self.client = settings, client

    def new(self, service: str, path: str, body: Body, who: tuple[str, str]) -> Request:
        """A request under a key of its own."""
        request = Request(service, path, body, who, str(UUID(int=self._rng.getrandbits(128), version=4)))
        self.requests.append(request)
        return request

    async def once(self, request: Request, **headers: str) -> httpx2.Response | None:
        """One attempt; None where no answer came."""
        given = {"Authorization": f"Bearer {self.token(*request.who)}", "Idempotency-Key": request.key, **headers}
        request.asked_at = request.asked_at or time.monotonic()
        try:
            answer = await self.client.post(
                self._settings.url(request.service) + request.path,
                json=request.body,
                headers=given,
                timeout=REQUEST_S_MAX,
            )
        except httpx2.TransportError as fault:
            request.answers.append(type(fault).__name__)
            return None
        request.answers.append(str(answer.status_code))
        if not _repeats(answer):
            request.status, request.content, request.done_at = answer.status_code, answer.content, time.monotonic()
            request.replayed = "idempotent-replayed" in answer.headers
        return answer

    async def until_answered(self, request: Request, tries_max: int = 0) -> Request:
        """Repeat with the same key until the answer is no "not now"; a client may also give up."""
        deadline, pause = time.monotonic() + self.patience_s, PAUSE_S_FIRST
        while not request.status:
            await self.once(request)
            if request.status:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{request.path} was not answered in {self.patience_s:g} s: {request.answers[-5:]}")
            if tries_max and len(request.answers) >= tries_max:
                request.given_up = True
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_S_MAX)
        return request

    async def made(self, service: str, path: str, body: Body, who: tuple[str, str]) -> Body:
        """What was recorded. Any other answer is a fault of the run."""
        request = await self.until_answered(self.new(service, path, {"occurred_at": WHEN, **body}, who))
        if request.status == 409:
            raise Stale(str(parsed(request)["type"]).rpartition(":")[2])
        if request.status != 201:
            raise AssertionError(f"{path} answered {request.status}: {request.content[:300]!r}")
        return parsed(request)

    def tally(self) -> Mapping[str, int]:
        """How often each kind of answer came."""
        return Counter(answer for request in self.requests for answer in request.answers)


class Stale(Exception):
    """Refused by a rule on facts that are older than what the client was answered: nothing was recorded."""


def parsed(request: Request) -> Body:
    """The JSON that was answered."""
    return dict(httpx2.Response(request.status, content=request.content).json())


def _repeats(answer: httpx2.Response) -> bool:
    if answer.status_code >= 500:
        return True
    return answer.status_code == 409 and "retry-after" in answer.headers


class Story:
    """A load of stories: cases through screening, decision, consent and referral to the last bed of a shelter."""

    def __init__(self, speaker: Speaker, rng: random.Random) -> None:
        self.speaker = speaker
        self.faults: list[str] = []
        self.stale: Counter[str] = Counter()
        self.stopping = False
        self.told = 0
        self._rng = rng
        self._shelter: tuple[Body, Body] | None = None
        self._left = 0

    async def play(self, clients: int) -> None:
        """Let so many clients tell stories until told to stop."""
        await asyncio.gather(*(self._client(random.Random(self._rng.random())) for _ in range(clients)))  # noqa: S311

    async def _client(self, rng: random.Random) -> None:
        while not self.stopping:
            try:
                await self._tell(rng)
                self.told += 1
            except Stale as refusal:
                self.stale[str(refusal)] += 1
            except (AssertionError, TimeoutError) as fault:
                self.faults.append(str(fault))
            await asyncio.sleep(rng.uniform(0, 0.2))

    async def _tell(self, rng: random.Random) -> None:
        say = self.speaker
        if rng.random() < 0.15:  # a client that gives up: what it wanted is recorded once or not at all
            await say.until_answered(say.new("identification", "/v1/cases", CASE, POLICE), tries_max=1)
            return
        case = (await say.made("identification", "/v1/cases", CASE, POLICE))["case_id"]
        screening = {"instrument": "identification-card", "answers": {}, "reasons": "never paid"}
        screening["initial_determination"] = "presumed_victim"
        await say.made("identification", f"/v1/cases/{case}/screenings", screening, POLICE)
        consent = {"kind": "referral", "given": True, "by": "self"}
        await say.made("identification", f"/v1/cases/{case}/consents", consent, POLICE)
        if rng.random() < 0.5:
            await self._determine(case)
        if rng.random() < 0.4:
            await say.made("justice", "/v1/reports", {"case_id": case, "reference": case}, POLICE)
        if rng.random() < 0.4:
            embassy = ("kh-embassy-bangkok", "embassy_desk")
            body = {"case_id": case, "corridor": "TH-KH", "requested_by": embassy[0]}
            await say.made("repatriation", "/v1/repatriations", body, embassy)
        if rng.random() < 0.6:
            await self._admit(case, rng)

    async def _determine(self, case: str) -> None:
        body = {
            "act": ["recruitment"],
            "means": ["deception"],
            "purpose": ["forced_labour"],
            "outcome": "victim",
            "legal_basis": [{"statute": "lshtse-2008", "article": "12"}],
            "reasons": "recruited by deception",
        }
        await self.speaker.made("identification", f"/v1/cases/{case}/determinations", body, AUTHORITY)

    async def _admit(self, case: str, rng: random.Random) -> None:
        """A referral accepted, then a bed: one bed too few, so that somebody is refused."""
        say, (provider, shelter) = self.speaker, await self._house()
        house = (provider["organisation"], "provider")
        body = {"case_id": case, "provider_id": provider["provider_id"], "services": ["shelter"], "reason": "homeless"}
        referral = (await say.made("referral", "/v1/referrals", body, POLICE))["referral_id"]
        decision = {"decision": "approve", "reason": "fits"}
        await say.made("referral", f"/v1/referrals/{referral}/decisions", decision, MOSVY)
        response = {"response": "accept", "reason": "place_available"}
        await say.made("referral", f"/v1/referrals/{referral}/responses", response, house)
        placement = {
            "occurred_at": WHEN,
            "case_id": case,
            "shelter_id": shelter["shelter_id"],
            "cohort": "men",
            "referral_id": referral,
        }
        request = await say.until_answered(say.new("aftercare", "/v1/placements", placement, house))
        if request.status not in (201, 409):
            raise AssertionError(f"a placement was answered {request.status}: {request.content[:300]!r}")
        if request.status == 201 and rng.random() < 0.2:
            path = f"/v1/placements/{parsed(request)['placement_id']}/discharge"
            await say.made("aftercare", path, {"outcome": "reintegrated_with_family"}, house)

    async def _house(self) -> tuple[Body, Body]:
        if self._left == 0 or self._shelter is None:
            self._left = BEDS + 2
            self._shelter = await self._new_house()
        self._left -= 1
        return self._shelter

    async def _new_house(self) -> tuple[Body, Body]:
        say, name = self.speaker, f"House {self._rng.getrandbits(40):x}"
        body = {"name": name, "province": "KH-12", "services": ["shelter"]}
        provider = await say.made("referral", "/v1/providers", body, MOSVY)
        registration = {"decision": "approve", "reason": "meets the standards"}
        await say.made("referral", f"/v1/providers/{provider['provider_id']}/registrations", registration, MOSVY)
        shelter = {
            "provider_id": provider["provider_id"],
            "name": name,
            "province": "KH-12",
            "kind": "long_term",
            "beds": [{"cohort": "men", "count": BEDS}],
        }
        return provider, await say.made("aftercare", "/v1/shelters", shelter, MOSVY)
