"""A correction and what is recorded late: history, views and statistics agree by both clocks, and the past stays."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.journeys.test_fisherman_given_a_bed import _accepted, _made, _shelter
from tests.journeys.test_notifications import until

ACT = {"statute": "lshtse-2008", "article": "12"}
MOMENTS = ("2026-03-03T00:00:00Z", "2026-03-05T12:00:00Z", "2026-03-08T12:00:00Z", "2026-03-20T00:00:00Z")


def day(number: int) -> str:
    return f"2026-03-{number:02d}T09:00:00+07:00"


class World:
    """One case in every service, and what each answer tells of it."""

    def __init__(self, speak: Any) -> None:
        self.speak, self.court = speak, f"court-{uuid4().hex[:8]}"
        self.reader = speak("nrm-authority", "competent_authority")
        self.seen: dict[str, str] = {}

    async def record(self, who: tuple[str, str], service: str, path: str, at: int, **body: Any) -> dict[str, Any]:
        made = await _made(await self.speak(*who).post(service, path, {"occurred_at": day(at), **body}))
        self.seen[service] = f"{made['stream']}:{made['version']}"
        return made

    async def begin(self) -> None:
        provider, shelter = await _shelter(self.speak, beds=2)
        self.shelter, self.house = shelter["shelter_id"], (provider["organisation"], "provider")
        self.case, referral = await _accepted(self.speak, provider)
        self.seen["identification"] = f"case:{self.case}:1"
        self.placement = await self.record(
            self.house, "aftercare", "/v1/placements", 4,
            case_id=self.case, shelter_id=self.shelter, cohort="men", referral_id=referral,
        )  # fmt: skip
        self.trial = await self.record(
            (self.court, "justice"), "justice", "/v1/court-cases", 6, case_ids=[self.case], court=self.court,
            accused=[{"ref": "a1"}], charges=[{"accused_ref": "a1", "counts": 1, **ACT}],
        )  # fmt: skip
        self.way = await self.record(
            ("mosvy", "social_affairs"), "repatriation", "/v1/repatriations", 7,
            case_id=self.case, corridor="TH-KH", requested_by="mosvy",
        )  # fmt: skip

    async def correct_and_add_late(self) -> None:
        """He was taken for a man; and three things that happened before others are recorded after them."""
        authority, case = ("nrm-authority", "competent_authority"), f"/v1/cases/{self.case}"
        await self.record(
            authority, "identification", f"{case}/corrections", 8, reason="own papers", person={"sex": "intersex"}
        )
        leave = f"/v1/placements/{self.placement['placement_id']}/discharge"
        await self.record(self.house, "aftercare", leave, 5, outcome="left", reason="left by night")
        verdict = f"/v1/court-cases/{self.trial['court_case_id']}/verdicts"
        await self.record((self.court, "justice"), "justice", verdict, 8, accused_ref="a1", result="acquitted", **ACT)
        step = f"/v1/repatriations/{self.way['repatriation_id']}/steps/notified"
        await self.record(("mosvy", "social_affairs"), "repatriation", step, 8, outcome="done", by="mosvy")

    async def history(self, **clocks: str) -> list[dict[str, Any]]:
        for seen in self.seen.values():
            answer = await self.reader.get("audit", f"/v1/cases/{self.case}/history", seen=seen, **clocks)
            assert answer.status_code == 200, answer.text
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    async def told(self, clocks: Mapping[str, str]) -> dict[str, Any]:
        """What statistics and the three views say, each waiting for what was recorded last."""
        at = {"at": clocks["as_of"], **{name: clocks[name] for name in clocks if name != "as_of"}, "limit": "500"}
        counted = await self.reader.get("views", "/v1/statistics", seen=self.seen["identification"])
        assert counted.status_code == 200, counted.text
        beds = await self._view("shelter-capacity", "aftercare", **at)
        trials = await self._view("court-outcomes", "justice", court=self.court, group_by="court", **at)
        ways = await self._view("cross-border", "repatriation", corridor="TH-KH", **at)
        shelter = next((one for one in beds if one["shelter_id"] == self.shelter), None)
        way = next((one for one in ways if one["case_id"] == self.case), None)
        return {
            "sex": [sex for sex in ("male", "intersex") if await self._counted(sex, **clocks)],
            "occupied": shelter["occupied"] if shelter else 0,
            "prosecuted": sum(one["prosecutions"] for one in trials),
            "acquitted": sum(one["acquitted"] for one in trials),
            "returning": way is not None,
            "notified": bool(way and next(one for one in way["steps"] if one["step"] == "notified")["outcome"]),
        }

    async def _view(self, name: str, service: str, **query: str) -> list[dict[str, Any]]:
        answer = await self.reader.get("views", f"/v1/views/{name}", seen=self.seen[service], **query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def _counted(self, sex: str, **query: str) -> bool:
        """Whether the case is one of those behind the figure."""
        cursor = ""
        while True:
            asked = {"cell": f"sex={sex}", "limit": "500", **({"cursor": cursor} if cursor else {}), **query}
            page = (await self.reader.get("views", "/v1/statistics/cases", **asked)).json()
            if self.case in {one["case_id"] for one in page["items"]}:
                return True
            if not (cursor := page["next"] or ""):
                return False


def by_hand(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What the views must say, from the history alone."""
    kinds = [event["type"].split(".")[3] for event in events]
    sexes = [
        event["data"]["sex"] for event in events if event["data"].get("sex") and "identification" in event["source"]
    ]
    return {
        "sex": sexes[-1:],
        "occupied": kinds.count("admitted") - kinds.count("discharged"),
        "prosecuted": kinds.count("prosecuted"),
        "acquitted": kinds.count("verdict_given"),
        "returning": "started" in kinds,
        "notified": "notified" in kinds,
    }


FIRST = {"identified", "admitted", "prosecuted", "started"}
LATER = {"corrected", "discharged", "verdict_given", "notified"}


def kind(event: dict[str, Any]) -> str:
    return str(event["type"].split(".")[3])


async def arrived(world: World, kinds: set[str]) -> None:
    """Wait until the history has them: a request's events of other streams may come a moment after its own."""

    async def all_there() -> bool:
        return {kind(event) for event in await world.history()} >= kinds

    await until(all_there)


async def agreed(world: World, clocks: dict[str, str]) -> tuple[list[str], dict[str, Any]]:
    """What the history has of these moments, by id, and what all views say: the same, as soon as it is there."""
    found: list[Any] = [None, None]

    async def the_same() -> bool:
        events = await world.history(**clocks)
        found[:] = [event["id"] for event in events if kind(event) in FIRST | LATER], await world.told(clocks)
        return bool(found[1] == by_hand(events))

    await until(the_same)
    return found[0], found[1]


async def test_history_views_and_statistics_agree_and_a_correction_changes_nothing_before_it(speak: Any) -> None:
    world = World(speak)
    await world.begin()
    await arrived(world, FIRST)
    known = max(event["time"] for event in await world.history())
    before = {at: await agreed(world, {"as_of": at}) for at in reversed(MOMENTS)}
    assert before[MOMENTS[0]][1] != before[MOMENTS[1]][1] != before[MOMENTS[3]][1]

    await world.correct_and_add_late()
    await arrived(world, LATER)
    now = await agreed(world, {"as_of": MOMENTS[-1]})
    assert now[1] == {
        "sex": ["intersex"], "occupied": 0, "prosecuted": 1, "acquitted": 1, "returning": True, "notified": True,
    }  # fmt: skip
    for at in MOMENTS:
        assert await agreed(world, {"as_of": at, "known_at": known}) == before[at]
        await agreed(world, {"as_of": at})
