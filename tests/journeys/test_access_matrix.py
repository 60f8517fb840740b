"""Over HTTP: what each role gets of another organisation's thing, in every service; who never learns of a shelter."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.journeys.test_fisherman_given_a_bed import CASE, WHEN, _accepted, _made, _shelter
from tests.journeys.test_notifications import until
from tests.unit.policy.parties import EXPECTED, ROLES

PARTIES = ("justice", "labour", "embassy_desk")
"""Who must never be told where a person lives."""

THINGS = (
    ("identification", "/v1/cases/{case}", "case.read"),
    ("referral", "/v1/referrals/{referral}", "referral.read"),
    ("aftercare", "/v1/placements/{placement}", "placement.read"),
    ("aftercare", "/v1/shelters/{shelter}", "shelter.read"),
    ("justice", "/v1/reports/{report}", "report.read"),
    ("justice", "/v1/cases/{case}/victim-charges", "victim_charge.read"),
    ("repatriation", "/v1/repatriations/{repatriation}", "repatriation.read"),
    ("audit", "/v1/cases/{case}/history", "history.read"),
    ("audit", "/v1/cases/{case}/export", "history.export"),
    ("audit", "/v1/access-log?case={case}", "access_log.read"),
    ("referral", "/v1/cases/{case}/options", "options.read"),
)
LISTS = (
    ("identification", "/v1/cases?limit=500"), ("referral", "/v1/referrals?limit=500"),
    ("referral", "/v1/providers?limit=500"), ("aftercare", "/v1/shelters?limit=500"),
    ("justice", "/v1/reports?limit=500"), ("justice", "/v1/court-cases?limit=500"),
    ("repatriation", "/v1/repatriations?limit=500"), ("repatriation", "/v1/corridors"),
    ("views", "/v1/views/shelter-capacity?limit=500"), ("views", "/v1/views/cross-border?limit=500"),
    ("views", "/v1/views/court-outcomes?limit=500"), ("views", "/v1/statistics"), ("audit", "/v1/events"),
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """One case in every service, of organisations that the strangers are not."""

    ids: dict[str, str]
    house: str


@pytest.fixture(scope="module")
async def scene(speak: Any) -> Scene:
    """The case, placed, reported, charged, on its way home."""
    provider, shelter = await _shelter(speak, beds=1)
    case, referral = await _accepted(speak, provider)
    house, police = speak(provider["organisation"], "provider"), speak("cnp-poipet", "first_responder")
    mosvy, when = speak("mosvy", "social_affairs"), {"occurred_at": WHEN, "case_id": case}
    place = {"shelter_id": shelter["shelter_id"], "cohort": "men", "referral_id": referral}
    placement = await _made(await house.post("aftercare", "/v1/placements", when | place))
    report = await _made(await police.post("justice", "/v1/reports", when))
    way = {"corridor": "TH-KH", "requested_by": "mosvy"}
    repatriation = await _made(await mosvy.post("repatriation", "/v1/repatriations", when | way))
    ids = {
        "case": case, "referral": referral, "placement": placement["placement_id"], "report": report["report_id"],
        "shelter": shelter["shelter_id"], "repatriation": repatriation["repatriation_id"],
    }  # fmt: skip
    authority = speak("nrm-authority", "competent_authority")
    await authority.get("audit", f"/v1/cases/{case}/history", seen=f"{placement['stream']}:{placement['version']}")

    async def entrusted() -> bool:
        return bool((await house.get("identification", f"/v1/cases/{case}")).status_code == 200)

    await until(entrusted)  # identification learns of the referral a moment later

    async def logged() -> bool:
        return bool((await speak("audit", "auditor").get("audit", f"/v1/cases/{case}/export")).status_code == 200)

    await until(logged)  # the log takes up new events every few moments
    return Scene(ids, provider["organisation"])


def _said(answer: Any) -> str:
    """What an answer tells, without the address in it that the asker wrote."""
    return str(answer.text.replace(answer.request.url.path, ""))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("service", "path", "action"), THINGS, ids=lambda value: value)
async def test_a_strangers_thing(speak: Any, scene: Scene, service: str, path: str, action: str, role: str) -> None:
    answer = await speak("a-stranger", role).get(service, path.format(**scene.ids))
    assert answer.status_code == (200 if EXPECTED[action][role] == "all" else 403), answer.text


@pytest.mark.parametrize(
    ("organisation", "role", "service", "path"),
    [
        ("cnp-poipet", "first_responder", "identification", "/v1/cases/{case}"),
        ("cnp-poipet", "first_responder", "referral", "/v1/referrals/{referral}"),
        ("cnp-poipet", "first_responder", "justice", "/v1/reports/{report}"),
        ("cnp-poipet", "first_responder", "audit", "/v1/cases/{case}/history"),
        ("", "provider", "identification", "/v1/cases/{case}"),
        ("", "provider", "referral", "/v1/referrals/{referral}"),
        ("", "provider", "aftercare", "/v1/placements/{placement}"),
        ("", "provider", "aftercare", "/v1/shelters/{shelter}"),
        ("", "provider", "audit", "/v1/cases/{case}/history"),
        ("kh-embassy-bangkok", "embassy_desk", "repatriation", "/v1/repatriations/{repatriation}"),
    ],
)
async def test_what_is_its_own(speak: Any, scene: Scene, organisation: str, role: str, service: str, path: str) -> None:
    answer = await speak(organisation or scene.house, role).get(service, path.format(**scene.ids))
    assert answer.status_code == 200, answer.text


async def test_an_auditor_sees_names_only_for_a_stated_reason(speak: Any, scene: Scene) -> None:
    auditor, path = speak("audit", "auditor"), f"/v1/cases/{scene.ids['case']}/history"
    name = CASE["person"]["given_name"]
    without, stated = await auditor.get("audit", path), await auditor.get("audit", path, reason="complaint 12")
    assert name not in without.text
    assert name in stated.text
    assert name not in (await auditor.get("identification", f"/v1/cases/{scene.ids['case']}")).text
    log = (await auditor.get("audit", f"/v1/access-log?case={scene.ids['case']}")).json()["items"]
    assert any(entry["reason"] == "complaint 12" and "names" in entry["action"] for entry in log)


@pytest.mark.parametrize("role", PARTIES)
@pytest.mark.parametrize("organisation", ["a-stranger", "cnp-poipet", "kh-embassy-bangkok", "mosvy"])
async def test_no_answer_tells_them_of_a_shelter(speak: Any, scene: Scene, organisation: str, role: str) -> None:
    """Whatever organisation they are of: even one that reported the case, or has a part in the return."""
    asker, told = speak(organisation, role), {}
    for service, path in [*((service, path) for service, path, _ in THINGS), *LISTS]:
        answer = await asker.get(service, path.format(**scene.ids))
        assert answer.status_code in (200, 403), f"{path}: {answer.text}"
        told[path] = _said(answer)
    shelter, placement = scene.ids["shelter"], scene.ids["placement"]
    assert not [path for path, text in told.items() if shelter in text or placement in text]


@pytest.mark.parametrize("role", ["coordinator", "labour", "administrator"])
async def test_who_needs_no_person_gets_none(speak: Any, scene: Scene, role: str) -> None:
    asker, name = speak("a-stranger", role), CASE["person"]["given_name"]
    for service, path in [*((service, path) for service, path, _ in THINGS), *LISTS]:
        answer = await asker.get(service, path.format(**scene.ids))
        assert name not in answer.text
        assert answer.status_code in (200, 403)
        if not path.startswith("/v1/events"):  # the installation's administrator exports ciphertext
            assert scene.ids["case"] not in _said(answer)
