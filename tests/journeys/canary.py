"""One person's way through every service, with a marker in every personal field that a request can hold."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.journeys.test_fisherman_given_a_bed import WHEN, _made, _shelter
from tests.journeys.test_inbox import post, statuses

CANARY = f"canary{uuid4().hex[:12]}"
POLICE = f"seen-{uuid4().hex[:12]}"
"""An organisation's name, in the clear everywhere: proof that the search finds what is there."""


def hidden(place: str) -> str:
    """A personal value that says where it was put."""
    return f"{CANARY}-{place}"


@dataclass
class Story:
    """The case, what it led to, and every answer to a write."""

    case: str = ""
    other: str = ""
    repatriation: str = ""
    answers: list[bytes] = field(default_factory=list)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    """Service, path and body of every request that held a marker."""

    async def told(self, speaker: Any, service: str, path: str, /, **body: Any) -> dict[str, Any]:
        answer = await speaker.post(service, path, {"occurred_at": WHEN, **body})
        self.answers.append(answer.content)
        self.sent.append((service, path, body))
        return await _made(answer)


def _case(name: str) -> dict[str, Any]:
    return {
        "channel": "border_screening",
        "place": {"province": "KH-1", "country": "KH", "detail": hidden(f"{name}-detail")},
        "person": {
            "given_name": hidden(f"{name}-given"),
            "family_name": hidden(f"{name}-family"),
            "sex": "male",
            "age_estimate": {"min": 31, "max": 34},
            "nationality": "KH",
            "contact": hidden(f"{name}-contact"),
            "contact_is_safe": True,
            "document_number": hidden(f"{name}-document"),
        },
        "circumstances": {
            "continuum": "B",
            "exploitation": ["forced_labour"],
            "route": [{"country": "TH", "place": hidden(f"{name}-route")}],
            "narrative": hidden(f"{name}-narrative"),
        },
        "source_ref": hidden(f"{name}-source"),
    }


async def _identified(story: Story, speak: Any) -> None:
    police, authority = speak(POLICE, "first_responder"), speak("nrm-authority", "competent_authority")
    story.case = (await story.told(police, "identification", "/v1/cases", **_case("case")))["case_id"]
    story.other = (await story.told(police, "identification", "/v1/cases", **_case("other")))["case_id"]
    case = f"/v1/cases/{story.case}"
    await story.told(
        police, "identification", f"{case}/screenings", instrument="identification-card",
        answers={"unasked": hidden("answer")}, initial_determination="presumed_victim", reasons=hidden("screening"),
    )  # fmt: skip
    await story.told(
        authority, "identification", f"{case}/determinations", act=["recruitment"], means=["deception"],
        purpose=["forced_labour"], outcome="victim", legal_basis=[], reasons=hidden("determination"),
    )  # fmt: skip
    for kind in ("referral", "repatriation"):
        await story.told(
            police, "identification", f"{case}/consents", kind=kind, given=True, by="self", reason=hidden("consent")
        )
    await story.told(
        authority, "identification", f"{case}/corrections", reason=hidden("correction"),
        person={"given_name": hidden("corrected-given"), "contact": hidden("corrected-contact")},
        circumstances={"narrative": hidden("corrected-narrative")}, place={"detail": hidden("corrected-detail")},
    )  # fmt: skip
    for same in (True, False):
        await story.told(
            authority, "identification", f"{case}/links",
            other_case_id=story.other, same_person=same, reason=hidden("link"),
        )  # fmt: skip
    await story.told(authority, "identification", f"{case}/reviews", reason=hidden("review"))
    for reopen in (False, True):
        await story.told(authority, "identification", f"{case}/closure", reason=hidden("closure"), reopen=reopen)


async def _in_care(story: Story, speak: Any) -> None:
    mosvy, police = speak("mosvy", "social_affairs"), speak(POLICE, "first_responder")
    provider, shelter = await _shelter(speak, beds=1)
    other = await _made(await mosvy.post("aftercare", "/v1/shelters", {
        "occurred_at": WHEN, "provider_id": provider["provider_id"], "name": "House 2", "province": "KH-12",
        "kind": "long_term", "beds": [{"cohort": "men", "count": 1}],
    }))  # fmt: skip
    house = speak(provider["organisation"], "provider")
    referral = await story.told(
        police, "referral", "/v1/referrals", case_id=story.case, provider_id=provider["provider_id"],
        services=["shelter"], reason=hidden("referral"),
    )  # fmt: skip
    at = f"/v1/referrals/{referral['referral_id']}"
    await story.told(mosvy, "referral", f"{at}/decisions", decision="approve", reason=hidden("decision"))
    await story.told(house, "referral", f"{at}/responses", response="accept", reason=hidden("response"))
    placed = await story.told(
        house, "aftercare", "/v1/placements", case_id=story.case, shelter_id=shelter["shelter_id"], cohort="men",
        referral_id=referral["referral_id"],
    )  # fmt: skip
    goal = {"kind": "education", "due": "2026-09-01"}
    plan = f"/v1/cases/{story.case}/care-plan"
    await story.told(house, "aftercare", plan, goals=[{**goal, "goal_id": "g1", "words": hidden("goal")}])
    await story.told(
        house, "aftercare", f"{plan}/reviews", note=hidden("plan-review"),
        goals=[{**goal, "goal_id": "g2", "words": hidden("later-goal")}],
    )  # fmt: skip
    await story.told(house, "aftercare", f"{plan}/goals/g1/settlement", outcome="achieved", note=hidden("settlement"))
    stay = f"/v1/placements/{placed['placement_id']}"
    await story.told(
        house, "aftercare", f"{stay}/transfer", shelter_id=other["shelter_id"], cohort="men", reason=hidden("transfer")
    )
    await story.told(
        house, "aftercare", f"{stay}/discharge", outcome="left", note=hidden("placement"), reason=hidden("discharge")
    )
    await story.told(house, "referral", f"{at}/completion", note=hidden("completion"), reason=hidden("done"))
    await story.told(
        house, "aftercare", f"/v1/cases/{story.case}/follow-ups", outcome="safe", month=1, note=hidden("follow-up")
    )
    await story.told(
        mosvy,
        "referral",
        f"/v1/cases/{story.case}/needs",
        service="interpretation",
        province="KH-24",
        reason=hidden("need"),
    )


async def _elsewhere(story: Story, speak: Any) -> None:
    police, desk = speak(POLICE, "first_responder"), speak("kh-embassy-bangkok", "embassy_desk")
    report = await story.told(
        police, "justice", "/v1/reports", case_id=story.case, reference=hidden("report"), note=hidden("report-note")
    )
    await story.told(
        police, "justice", f"/v1/reports/{report['report_id']}/investigations", stage="sent_to_prosecutor",
        note=hidden("investigation"),
    )  # fmt: skip
    charge = await story.told(
        police, "justice", f"/v1/cases/{story.case}/victim-charges", statute="penal-code-2009", article="629",
        conduct=hidden("conduct"),
    )  # fmt: skip
    authority = speak("nrm-authority", "competent_authority")
    against = f"/v1/cases/{story.case}/victim-charges/{charge['victim_charge_id']}"
    await story.told(authority, "justice", f"{against}/assignments", assignee="nrm-authority", note=hidden("assigned"))
    await story.told(
        authority, "justice", f"{against}/resolution", resolution="charge_withdrawn", reason=hidden("resolved")
    )
    await _in_court(story, speak)
    begun = await story.told(
        desk, "repatriation", "/v1/repatriations",
        case_id=story.case, corridor="TH-KH", requested_by="kh-embassy-bangkok",
    )  # fmt: skip
    story.repatriation = begun["repatriation_id"]
    await story.told(
        desk, "repatriation", f"/v1/repatriations/{story.repatriation}/steps/notified", outcome="done",
        by="msdhs", documents=["notification_letter", hidden("paper")], note=hidden("repatriation"),
    )  # fmt: skip
    notified = f"/v1/repatriations/{story.repatriation}/steps/notified/acknowledgement"
    await story.told(speak("mosvy", "social_affairs"), "repatriation", notified, note=hidden("acknowledged"))
    batch = [{
        "specversion": "1.0", "id": uuid4().hex, "source": "/desks/bangkok", "subject": story.case, "time": WHEN,
        "type": "org.opennrm.repatriation.nationality_verified.v1", "data": {"note": hidden("inbox")},
    }]  # fmt: skip
    assert statuses(await post(desk, batch)) == ["accepted"]
    story.sent.append(("repatriation", "/v1/inbox", batch))
    file = (await desk.get("repatriation", f"/v1/repatriations/{story.repatriation}/handover-file")).json()["file"]
    await story.told(desk, "repatriation", f"/v1/handover-files/{file['code']}/withdrawal", reason=hidden("withdrawn"))
    step = f"/v1/repatriations/{story.repatriation}/steps/consent_given"
    await story.told(desk, "repatriation", step, outcome="refused", by="kh-embassy-bangkok", note=hidden("refused"))
    await story.told(desk, "repatriation", f"/v1/repatriations/{story.repatriation}/restart", reason=hidden("restart"))


async def _in_court(story: Story, speak: Any) -> None:
    name, act = f"court-{uuid4().hex[:8]}", {"statute": "lshtse-2008", "article": "12"}
    court = speak(name, "justice")
    tried = await story.told(
        court, "justice", "/v1/court-cases", case_ids=[story.case], court=name, accused=[{"ref": "a1"}],
        charges=[{"accused_ref": "a1", **act}],
    )  # fmt: skip
    trial = f"/v1/court-cases/{tried['court_case_id']}"
    await story.told(court, "justice", f"{trial}/hearings", note=hidden("hearing"))
    await story.told(
        court, "justice", f"{trial}/charges", accused_ref="a1", statute="lshtse-2008", article="15",
        reason=hidden("charged"),
    )  # fmt: skip
    await story.told(
        court, "justice", f"{trial}/verdicts", accused_ref="a1", **act, result="convicted",
        sentence={"prison_months": 120},
    )  # fmt: skip
    await story.told(
        court, "justice", f"{trial}/appeals", accused_ref="a1", **act, by="defence", reason=hidden("appeal")
    )


async def tell(speak: Any) -> Story:
    """The whole story."""
    told = Story()
    await _identified(told, speak)
    await _in_care(told, speak)
    await _elsewhere(told, speak)
    return told
