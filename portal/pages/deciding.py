"""The competent authority's determination, duplicates to decide, and the options for a person."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from portal.client import Away, Json, Refused
from portal.provinces import province_name
from portal.visitor import Form, Signed, happened, text_of, texts_of

router = APIRouter(include_in_schema=False)
ACTS: Final = ("recruitment", "transportation", "transfer", "harbouring", "receipt")
MEANS: Final = (
    "threat", "force", "coercion", "abduction", "fraud", "deception", "abuse_of_power", "abuse_of_vulnerability",
    "payments_to_controller",
)  # fmt: skip
PURPOSES: Final = (
    "forced_labour", "sexual_exploitation", "child_labour", "forced_marriage", "servitude", "forced_begging",
    "forced_adoption", "forced_criminality", "forced_military", "organ_removal", "surrogacy", "other",
)  # fmt: skip
OUTCOMES: Final = ("victim", "smuggled_migrant", "not_victim", "inconclusive")
ELEMENTS: Final = (("act", ACTS), ("means", MEANS), ("purpose", PURPOSES))
SERVICES: Final = (
    "shelter", "medical", "psychological", "legal_aid", "education", "vocational_training", "reintegration",
    "family_tracing", "interpretation",
)  # fmt: skip
TERMS: Final = ("transit", "short", "long")
ON_ITS_WAY_S: Final = 0.3
ON_ITS_WAY_TRIES: Final = 15
CONSENT_BY: Final = ("self", "guardian", "emergency")


@router.get("/cases/{case}/determine")
async def form(visitor: Signed, case: str) -> Response:
    """The elements side by side, each with whether a screening supports it; duplicates beside them."""
    found = await visitor.client.get("identification", f"/v1/cases/{case}")
    supported = {
        element: {value for one in found["screenings"] for value in one.get(element, [])} for element, _ in ELEMENTS
    }
    duplicates, away = await _duplicates(visitor, case)
    return visitor.page(
        "determine.html", case=found, elements=ELEMENTS, supported=supported, outcomes=OUTCOMES,
        statutes=await _articles(visitor), duplicates=duplicates, duplicates_away=away,
    )  # fmt: skip


@router.post("/cases/{case}/determine")
async def determine(visitor: Signed, case: str, form: Form) -> Response:
    """Record the determination. An outcome that contradicts its elements is refused by the service."""
    basis = [one.partition(":") for one in texts_of(form, "legal_basis")]
    body: dict[str, Json] = {
        "occurred_at": happened(form),
        **{element: texts_of(form, element) for element, _ in ELEMENTS},
        "outcome": text_of(form, "outcome"),
        "legal_basis": [{"statute": statute, "article": article} for statute, _, article in basis],
        "reasons": text_of(form, "reasons"),
    }
    if follow_up := text_of(form, "follow_up_on"):
        body["follow_up_on"] = follow_up
    await visitor.client.post("identification", f"/v1/cases/{case}/determinations", body, text_of(form, "key"))
    return visitor.to(f"/cases/{case}")


@router.post("/cases/{case}/links")
async def link(visitor: Signed, case: str, form: Form) -> Response:
    """Decide whether two cases are one person; both keep their histories."""
    body = {
        "occurred_at": happened(form),
        "other_case_id": text_of(form, "other_case_id"),
        "same_person": text_of(form, "same_person") == "yes",
        "reason": text_of(form, "reason"),
    }
    await visitor.client.post("identification", f"/v1/cases/{case}/links", body, text_of(form, "key"))
    return visitor.to(f"/cases/{case}/determine")


@router.get("/cases/{case}/options")
async def options(
    visitor: Signed,
    case: str,
    service: Annotated[str, Query(max_length=30)] = "shelter",
    consented: Annotated[str, Query(max_length=4)] = "",
) -> Response:
    """Providers that could take this person now, best first and why; or what is missing."""
    service = service if service in SERVICES else "shelter"
    path = f"/v1/cases/{case}/options"
    found = await visitor.client.get("referral", path, service=service)
    for _ in range(ON_ITS_WAY_TRIES if consented == "true" else 0):
        if not any(one.startswith("consent") for one in found["missing"]):
            break
        await asyncio.sleep(ON_ITS_WAY_S)  # the consent was recorded a moment ago; referral hears of it from Kafka
        found = await visitor.client.get("referral", path, service=service)
    return visitor.page(
        "options.html", case=case, found=found, service=service, services=SERVICES, terms=TERMS, consent_by=CONSENT_BY,
        consents=visitor.may("case.consent"), refers=visitor.may("referral.make"),
        province_name=lambda code: province_name(code, visitor.words),
    )  # fmt: skip


@router.post("/cases/{case}/consents")
async def consent(visitor: Signed, case: str, form: Form) -> Response:
    """Record what the person said to a referral."""
    body: dict[str, Json] = {
        "occurred_at": happened(form),
        "kind": "referral",
        "given": text_of(form, "given") == "yes",
        "by": text_of(form, "by"),
    }
    if reason := text_of(form, "reason"):
        body["reason"] = reason
    await visitor.client.post("identification", f"/v1/cases/{case}/consents", body, text_of(form, "key"))
    return visitor.to(f"/cases/{case}/options{'?consented=true' if body['given'] else ''}")


@router.post("/cases/{case}/referrals")
async def refer(visitor: Signed, case: str, form: Form) -> Response:
    """Refer the person to a provider."""
    body = {
        "case_id": case,
        "provider_id": text_of(form, "provider_id"),
        "services": texts_of(form, "services"),
        "term": text_of(form, "term"),
        "occurred_at": happened(form),
        "reason": text_of(form, "reason"),
    }
    written = await visitor.client.post("referral", "/v1/referrals", body, text_of(form, "key"))
    return visitor.to(f"/referrals/{written.body['referral_id']}")


async def _duplicates(visitor: Signed, case: str) -> tuple[list[dict[str, Json]] | None, bool]:
    """Who else may be this person; None where the installation does not look, and whether it cannot now."""
    try:
        found = await visitor.client.optional("identification", f"/v1/cases/{case}/possible-duplicates")
    except (Away, Refused):
        return None, True
    return (None if found is None else found["items"]), False


async def _articles(visitor: Signed) -> list[tuple[str, str]]:
    """The statute table's articles that name a crime; nothing where justice is away: the field can stay empty."""
    try:
        statutes = await visitor.client.every("justice", "/v1/statutes")
    except Away:
        return []
    return [
        (
            f"{one['statute_id']}:{article['article']}",
            f"{one['statute_id']} · {article['article']} · {article['title']}",
        )
        for one in statutes
        for article in one["articles"]
        if article.get("kind") == "trafficking"
    ]
