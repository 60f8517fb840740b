"""The example files are well formed, say only what the contract allows, and no two are alike."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from libs.events.catalogue import vocabulary
from libs.events.catalogue.aftercare import GoalOutcome
from nrm.demo.histories import (
    EXAMPLES,
    REFERENCE,
    SHARED,
    History,
    Name,
    Names,
    Step,
    age_at,
    cohort_of,
    parse,
    read_all,
)
from nrm.demo.tally import tally
from services.identification import bodies

HISTORIES = read_all()
CASES = [history for history in HISTORIES if history.name != SHARED]
STEPS = [step for history in HISTORIES for step in history.steps]
NAMES = Names(HISTORIES)
RULES = EXAMPLES.parent / "services"

MODELS: dict[str, type[BaseModel]] = {
    "case": bodies.CaseBody,
    "screening": bodies.ScreeningBody,
    "determination": bodies.DeterminationBody,
    "review": bodies.ReviewBody,
    "consent": bodies.ConsentBody,
}
KEYS: dict[str, tuple[set[str], set[str]]] = {  # required and optional keys, besides occurred_at
    "provider": ({"name", "province", "services"}, set()),
    "registration": ({"decision", "reason"}, set()),
    "referral": ({"case_id", "provider_id", "services", "reason"}, {"term", "consent_ref"}),
    "decision": ({"decision", "reason"}, set()),
    "response": ({"response", "reason"}, set()),
    "shelter": ({"provider_id", "name", "province", "kind", "beds"}, set()),
    "capacity": ({"beds"}, set()),
    "placement": ({"case_id", "shelter_id", "cohort", "referral_id"}, set()),
    "transfer": ({"shelter_id", "cohort", "reason"}, set()),
    "discharge": ({"outcome"}, set()),
    "follow_up": ({"month", "outcome"}, set()),
    "inspection": (set(), {"result", "failed_standards", "findings"}),
    "care_plan": ({"goals"}, {"review_on"}),
    "goal": ({"outcome"}, {"note"}),
    "link": ({"other_case_id", "reason"}, set()),
    "need": ({"service", "term", "province", "reason"}, set()),
    "report": ({"case_id", "reference"}, set()),
    "court_case": ({"case_ids", "court", "accused", "charges"}, set()),
    "amendment": ({"action", "accused_ref", "statute", "article"}, {"counts", "replaces", "reason"}),
    "evidence": ({"kind", "sha256", "taken_by"}, set()),
    "custody": ({"from", "to"}, {"sha256"}),
    "hearing": ({"kind"}, {"next_on"}),
    "payment": ({"accused_ref", "amount_khr"}, set()),
    "verdict": ({"accused_ref", "result", "statute", "article"}, {"sentence", "compensation_khr"}),
    "appeal": ({"accused_ref", "by", "reason"}, set()),
    "victim_charge": ({"court", "statute", "article", "conduct"}, set()),
    "repatriation": ({"case_id", "corridor", "requested_by"}, set()),
    "repatriation_step": ({"outcome", "by"}, {"documents", "note"}),
}
SERVICE_OF = {
    **dict.fromkeys((*MODELS, "link"), "identification"),
    **dict.fromkeys(("provider", "registration", "referral", "decision", "response", "need"), "referral"),
    **dict.fromkeys(("shelter", "capacity", "placement", "transfer", "discharge", "follow_up"), "aftercare"),
    **dict.fromkeys(("inspection", "care_plan", "goal"), "aftercare"),
    **dict.fromkeys(("report", "court_case", "verdict", "appeal", "victim_charge"), "justice"),
    **dict.fromkeys(("amendment", "evidence", "custody", "hearing", "payment"), "justice"),
    **dict.fromkeys(("repatriation", "repatriation_step"), "repatriation"),
}
CLOSED: dict[tuple[str, str], tuple[str, ...]] = {
    ("provider", "services"): get_args(vocabulary.ServiceKind),
    ("referral", "services"): get_args(vocabulary.ServiceKind),
    ("referral", "term"): get_args(vocabulary.Term),
    ("registration", "decision"): ("approve", "suspend", "lift"),
    ("decision", "decision"): ("approve", "refuse"),
    ("response", "response"): ("accept", "decline"),
    ("response", "reason"): ("place_available", "full", "not_suitable", "person_declined"),
    ("shelter", "kind"): get_args(vocabulary.ShelterKind),
    ("placement", "cohort"): get_args(vocabulary.Cohort),
    ("transfer", "cohort"): get_args(vocabulary.Cohort),
    ("discharge", "outcome"): ("reintegrated_with_family", "independent", "other_shelter", "repatriated", "left"),
    ("goal", "outcome"): get_args(GoalOutcome),
    ("need", "term"): get_args(vocabulary.Term),
    ("follow_up", "outcome"): ("safe", "at_risk", "not_found"),
    ("verdict", "result"): get_args(vocabulary.Verdict),
    ("appeal", "by"): ("prosecution", "defence", "civil_party"),
    ("repatriation_step", "outcome"): get_args(vocabulary.StepOutcome),
}
ROLES = (
    "first_responder", "competent_authority", "social_affairs", "provider", "justice",
    "labour", "embassy_desk", "coordinator", "auditor", "administrator",
)  # fmt: skip


def _label(item: Step | History) -> str:
    return f"{item.history}#{item.number}" if isinstance(item, Step) else item.name


def test_there_are_enough_histories() -> None:
    assert len(CASES) >= 44


def test_every_document_has_only_the_known_keys() -> None:
    allowed = {"what", "as", "post", "service", "body", "save", "expect", "problem"}
    for file in [EXAMPLES / "providers.yaml", *(EXAMPLES / "cases").glob("*.yaml")]:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert document.keys() == {"title", "story", "steps"}, file.name
        for raw in document["steps"]:
            assert raw.keys() <= allowed, file.name
            assert raw["as"].keys() == {"org", "role"}, file.name


def test_file_names_are_numbered_and_short() -> None:
    for number, history in enumerate(CASES, 1):
        assert re.fullmatch(rf"{number:02d}-[a-z0-9-]{{4,50}}", history.name)
        assert 1 <= len(history.story) <= 4


@pytest.mark.parametrize("history", HISTORIES, ids=_label)
def test_history_moves_forward_in_time(history: History) -> None:
    moments = [step.occurred_at for step in history.steps]
    assert moments == sorted(set(moments))
    assert (moments[0].year, moments[0].month) >= (2024, 1)
    assert (moments[-1].year, moments[-1].month) <= (2026, 10)


@pytest.mark.parametrize("history", HISTORIES, ids=_label)
def test_references_name_what_was_saved_before(history: History) -> None:
    known = {s.save for s in STEPS if s.history == SHARED and s.save} if history.name != SHARED else set()
    for step in history.steps:
        text = f"{step.organisation} {step.path} {step.body}"
        assert {found[1] for found in REFERENCE.finditer(text)} <= known, step.number
        if step.save:
            assert step.save not in known, "saved twice, or hides a provider"
            assert step.accepted
            known = known | {step.save}


@pytest.mark.parametrize("history", HISTORIES, ids=_label)
def test_steps_say_what_the_contract_allows(history: History) -> None:
    for step in history.steps:
        assert step.role in ROLES
        assert step.service == SERVICE_OF[step.kind]
        assert (step.expect, bool(step.problem)) in {(201, False), (409, True), (403, False)}
        if step.kind in MODELS:
            MODELS[step.kind].model_validate_json(_json(step.body))
        else:
            required, optional = KEYS[step.kind]
            assert required <= step.body.keys() - {"occurred_at"} <= required | optional, step.number
        for key, values in step.body.items():
            allowed = CLOSED.get((step.kind, key))
            assert allowed is None or set([values] if isinstance(values, str) else values) <= set(allowed)


def _json(body: dict[str, Any]) -> str:

    return json.dumps(body)


def test_answers_belong_to_their_instrument() -> None:
    folder = RULES / "identification/rules/instruments"
    questions = {}
    for file in folder.glob("*.yaml"):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        questions[document["id"]] = {question["id"] for question in document["questions"]}
    for step in STEPS:
        if step.kind == "screening":
            assert step.body["answers"].keys() <= questions[step.body["instrument"]], _label(step)


def test_sentences_lie_in_the_range_of_their_article() -> None:
    document = yaml.safe_load((RULES / "justice/rules/statutes.v1.yaml").read_text(encoding="utf-8"))
    articles = {(s["id"], a["article"]): a for s in document["statutes"] for a in s["articles"]}
    for step in STEPS:
        if step.accepted and step.kind in ("verdict", "victim_charge"):
            article = articles[step.body["statute"], step.body["article"]]
            months = step.body.get("sentence", {}).get("prison_months")
            assert months is None or article["prison_months"]["min"] <= months <= article["prison_months"]["max"]


def test_repatriation_steps_follow_their_corridor() -> None:
    corridors: dict[str, dict[str, Any]] = {}
    for file in (RULES / "repatriation/rules/corridors").glob("*.v1.yaml"):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        corridors[document["id"]] = {step["id"]: step for step in document["steps"]}
    started = {Name(s.history, s.save): s.body["corridor"] for s in STEPS if s.kind == "repatriation"}
    done: dict[Name, set[str]] = defaultdict(set)
    for step in STEPS:
        if step.kind == "repatriation_step" and step.accepted:
            journey = NAMES.named_by(step, step.path)
            rule = corridors[started[journey]][step.path.rsplit("/", 1)[1]]
            assert step.role in rule["recorded_by"], _label(step)
            assert step.body["outcome"] != "waived" or step.role in rule["waivable_by"], _label(step)
            assert set(rule["depends_on"]) <= done[journey], _label(step)
            assert set(step.body.get("documents", [])) <= set(rule["documents"]), _label(step)
            done[journey].add(rule["id"])
    handed_over = [steps for steps in done.values() if "handed_over" in steps]
    assert len(handed_over) >= 8
    assert all({"risk_assessed", "consent_given"} <= steps for steps in handed_over)


def test_a_guardian_speaks_for_a_child() -> None:
    people = {Name(s.history, s.save): s for s in STEPS if s.kind == "case"}
    for step in STEPS:
        if step.kind == "consent" and step.body["given"]:
            case = people[NAMES.named_by(step, step.path)]
            child = age_at(case.body["person"], case.occurred_at.date()) < 18
            assert step.body["by"] in (("guardian", "emergency") if child else ("self", "emergency")), _label(step)


def test_no_two_histories_are_alike() -> None:
    assert not [signature for signature, n in Counter(_signature(h) for h in CASES).items() if n > 1]
    assert len({history.title for history in CASES}) == len(CASES)


def _signature(history: History) -> tuple[object, ...]:
    """The sequence of event kinds, and who the persons are."""
    events = tuple(
        (step.path.rsplit("/", 1)[1] if step.kind == "repatriation_step" else step.kind, step.expect)
        for step in history.steps
    )
    persons = tuple(
        (
            cohort_of(step.body["person"], step.occurred_at.date()),
            step.body["person"]["nationality"],
            step.body["place"]["country"],
        )
        for step in history.steps
        if step.kind == "case"
    )
    return events, persons


def test_the_histories_are_as_various_as_the_domain() -> None:
    cases = [step for step in STEPS if step.kind == "case"]

    cohorts = {cohort_of(step.body["person"], step.occurred_at.date()) for step in cases}
    assert cohorts == {"women", "men", "girls", "boys", "transgender_adults"}
    exploitation = {kind for step in cases for kind in step.body["circumstances"]["exploitation"]}
    assert {
        "forced_labour",
        "sexual_exploitation",
        "forced_begging",
        "forced_marriage",
        "forced_adoption",
    } <= exploitation
    outcomes = {step.body["outcome"] for step in STEPS if step.kind == "determination"}
    assert outcomes == set(get_args(vocabulary.DeterminationOutcome))
    assert {step.body["corridor"] for step in STEPS if step.kind == "repatriation"} >= {"KH-VN", "TH-KH", "MY-KH"}


def test_the_order_in_which_files_are_played_changes_no_bed() -> None:
    """Files run at once: a bed that two files want must be free whichever comes first."""
    admitted: Counter[tuple[Name, str]] = Counter()
    files: dict[tuple[Name, str], set[str]] = defaultdict(set)
    for step in STEPS:
        if step.kind in ("placement", "transfer"):
            bed = (NAMES.named_by(step, step.body["shelter_id"]), step.body["cohort"])
            admitted[bed] += 1
            files[bed].add(step.history)
    for bed, row in tally(HISTORIES).beds.items():
        assert len(files[bed]) <= 1 or admitted[bed] <= row.capacity, bed


def test_a_path_outside_the_contract_is_refused() -> None:
    raw = {"as": {"org": "o", "role": "r"}, "post": "/v1/nothing", "service": "s", "body": {}}
    step = parse("x", {"title": "t", "story": ["s"], "steps": [raw]}).steps[0]
    with pytest.raises(ValueError, match="no endpoint"):
        _ = step.kind


def test_examples_folder_is_found_from_the_package() -> None:
    assert Path(EXAMPLES).name == "examples"
