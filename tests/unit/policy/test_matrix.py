"""Every cell of role × action is what the domain's parties table says, and every route has an action."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from libs.runtime.policy import POLICY, scope
from libs.runtime.service import service_app
from libs.runtime.settings import SERVICES, Settings
from nrm.audit import audit_app
from nrm.portal import portal_app
from nrm.relay import relay_app
from nrm.views import views_app
from tests.unit.policy.parties import EXPECTED, ROLES

OPERATIONS = {"/openapi.json", "/health/live", "/health/ready", "/metrics", "/docs", "/docs/assets"}
OPEN = {"portal": {"/", "/.well-known/opennrm", "/assets"}, "repatriation": {"/.well-known/jwks.json"}}
"""What anyone may ask, besides the operations of every process: it tells of no person."""

ASKED_BY_CODE = {
    "case.read_names", "repatriation.read_names", "statistics.read_small_cells", "history.read_names",
    "history.read_names_with_reason", "history.read_care", "history.read_case",
}  # fmt: skip
"""Actions that a route asks for within itself: more of the same thing, field by field."""

CARE = ("referral.", "shelter.", "placement.", "options.", "follow_up.", "view.shelter", "history.read_care")
"""What tells where a person is, or where a shelter is."""


def _app(process: str) -> FastAPI:
    config = Settings()
    if process in SERVICES:
        main = import_module(f"services.{process}.main")
        return service_app(process, main.router, main.KNOWN, config=config)
    made = {"audit": audit_app, "views": views_app, "portal": portal_app}
    return relay_app(config, list(SERVICES)) if process == "relay" else made[process](config)


APPS = {process: _app(process) for process in (*SERVICES, "views", "audit", "portal", "relay")}


def _actions(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        if inspect.isfunction(inner.call):
            seen = inspect.getclosurevars(inner.call)
            named: Any = seen.nonlocals.get("action") or seen.globals.get("ACTION")
            if named:
                yield str(named)
        yield from _actions(inner)


def _routes(process: str) -> Iterator[tuple[str, str, list[str]]]:
    for context in iter_route_contexts(APPS[process].routes):
        original = context.original_route
        path = str(context.path or getattr(original, "path", ""))
        methods = ",".join(sorted(context.methods or ()))
        yield path, methods, list(_actions(original.dependant)) if isinstance(original, APIRoute) else []


ROUTES = [(process, *route) for process in APPS for route in _routes(process)]


def test_the_enumeration_finds_the_routes() -> None:
    named = {(process, path) for process, path, _, _ in ROUTES}
    assert ("identification", "/v1/cases/{case}/shredding/approval") in named
    assert ("audit", "/v1/cases/{case}/history") in named
    assert len(named) > 80


@pytest.mark.parametrize(("process", "path", "methods", "actions"), ROUTES, ids=str)
def test_every_route_has_one_action_or_is_open_by_name(
    process: str, path: str, methods: str, actions: list[str]
) -> None:
    if process == "portal" or path in OPERATIONS | OPEN.get(process, set()):
        assert not actions  # a page shows what the services answer to the caller's own token, and nothing else
        return
    assert len(set(actions)) == 1, f"{process} {methods} {path} names {actions or 'no action of the policy'}"
    assert actions[0] in POLICY


def test_no_action_is_left_without_a_route() -> None:
    used = {action for *_, actions in ROUTES for action in actions}
    assert set(POLICY) - used == ASKED_BY_CODE


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", sorted(set(POLICY) | set(EXPECTED)))
def test_a_cell_of_the_matrix(action: str, role: str) -> None:
    assert scope(action, frozenset({role})) == EXPECTED[action][role]


@pytest.mark.parametrize("action", sorted(POLICY))
def test_a_role_that_nobody_named_may_do_nothing(action: str) -> None:
    assert scope(action, frozenset({"minister"})) is None
    assert scope(action, frozenset()) is None


@pytest.mark.parametrize("role", ["justice", "labour", "embassy_desk"])
def test_where_a_person_lives_is_not_for_other_parties(role: str) -> None:
    may = {action for action in POLICY if action.startswith(CARE) and scope(action, frozenset({role}))}
    assert not may


def test_several_roles_give_the_widest_reach() -> None:
    assert scope("case.read", frozenset({"provider", "auditor"})) == "all"
    assert scope("case.read", frozenset({"provider", "labour"})) == "own"
