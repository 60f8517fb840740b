"""The edge of a service: from an HTTP request to one recorded command, and from a stream to a resource."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Generic, TypeVar

import asyncpg
import orjson
import structlog
from fastapi import Request, Response
from prometheus_client import Counter
from pydantic import BaseModel

from libs.events import telemetry
from libs.events.decider import Decider
from libs.events.event import JSON
from libs.events.handle import Loaded, Origin, Outcome, Recorder, Step
from libs.events.store import Answer, EventStore, KeyReused
from libs.runtime.access import AccessLog, Visit, visit
from libs.runtime.answers import Replay, answered, replayed, written
from libs.runtime.auth import BadToken, Caller, IssuerAway, Tokens
from libs.runtime.documents import check_query
from libs.runtime.ids import BadCaseReference, case_reference, new_id, now
from libs.runtime.limits import Buckets
from libs.runtime.policy import EMERGENCY, POLICY, Scope, scope
from libs.runtime.problems import Problem
from libs.runtime.requests import idempotency_key, if_match, parsed, read_raw
from libs.runtime.settings import Settings
from libs.runtime.submitters import Signed, proof, registry_of, unsalted
from libs.runtime.vault import Vault
from libs.transparency.registry import Registry

B = TypeVar("B", bound=BaseModel)
log = structlog.get_logger()
REFUSED = Counter("nrm_access_refused", "Requests outside what the caller may do", ["action"])


@dataclass(slots=True)
class Desk:
    """What the routes of any process share: who calls, and the process's own connections."""

    settings: Settings
    tokens: Tokens
    pool: asyncpg.Pool
    access: AccessLog = field(init=False)
    submitters: Registry = field(init=False)
    rates: Buckets = field(init=False)

    def __post_init__(self) -> None:
        """Every process records who reads what over its own connections, and learns at its start whose keys sign."""
        self.rates = Buckets(self.settings.rate_per_organisation)
        self.access = AccessLog(self.pool, getattr(self, "vault", None))
        self.submitters = registry_of(self.settings)


@dataclass(slots=True)
class Edge(Desk):
    """What the routes of a service share. Built at its start, kept in `app.state.edge`."""

    vault: Vault
    store: EventStore
    recorder: Recorder
    running_keys: set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reader:
    """A caller that may do an action, in some scope."""

    desk: Desk
    caller: Caller
    action: str
    scope: Scope
    visit: Visit

    @property
    def edge(self) -> Edge:
        """The service's edge; only services have one, and only their routes ask for it."""
        assert isinstance(self.desk, Edge)
        return self.desk

    def require_own(self, *owners: str | None) -> None:
        """Raises 403 where the action is limited to what is the caller's own, and this is not."""
        if self.scope == "own" and self.caller.organisation not in owners and not self._emergency(self.action):
            raise forbidden(self.caller, self.action)

    def may(self, action: str, *owners: str | None) -> bool:
        """Whether the caller may also do another action on a thing with these owners."""
        reach = scope(action, self.caller.roles)
        allowed = reach == "all" or (reach == "own" and self.caller.organisation in owners)
        allowed = allowed or (reach == "own" and self._emergency(action))
        if allowed and "read_names" in action:
            self.visit.action = action  # the access log says that names were shown
        return allowed

    def _emergency(self, action: str) -> bool:
        return bool(self.caller.roles & EMERGENCY.get(action, frozenset())) and self.visit.break_glass(action)

    async def load(self, decider: Decider[Any, Any, Any], stream: str, what: str) -> Loaded:
        """The state of a stream. Raises 404 where there is none."""
        loaded = await self.edge.recorder.load(decider, stream)
        if loaded.version == 0:
            raise not_found(what)
        return loaded


@dataclass(frozen=True, slots=True)
class Call(Reader, Generic[B]):
    """A request that records something: who asks, what, and under which idempotency key."""

    body: B
    key: str
    fingerprint: bytes
    role: str
    expected: int | None
    traceparent: str
    signed: Signed | None
    correlation: str = ""
    """What all events of the request share; a new id where a route states none."""

    async def record(
        self,
        steps: Sequence[Step],
        *,
        location: str,
        resource: Callable[[Outcome], Mapping[str, JSON]],
        person_keys: Sequence[tuple[str, bytes]] = (),
        occurred_at: Any = None,  # noqa: ANN401 - a datetime; bodies without one state it here
    ) -> Response:
        """Record the steps' events and answer 201 when they are durable; under a used key, the first answer."""

        def answer(outcome: Outcome) -> Answer:
            shown = written(outcome, resource(outcome))
            return Answer(
                self.caller.organisation,
                self.key,
                self.fingerprint,
                201,
                orjson.dumps(shown),
                location,
                outcome.version,
            )

        given: list[Answer] = []
        if self.expected is not None:
            steps = [replace(steps[0], expected=self.expected), *steps[1:]]
        try:
            await self.edge.recorder.record(
                steps, self._origin(occurred_at), lambda outcome: _keep(given, answer(outcome)), person_keys
            )
        except KeyReused as reused:
            return replayed(reused.answer, self.fingerprint)
        return answered(given[-1])

    def _origin(self, occurred_at: Any) -> Origin:  # noqa: ANN401 - see record
        return Origin(
            organisation=self.caller.organisation,
            actor=self.caller.subject,
            role=self.role,
            correlation_id=self.correlation or new_id(),
            occurred_at=occurred_at or getattr(self.body, "occurred_at", None) or now(),
            traceparent=self.traceparent,
            submission=self.signed.submission if self.signed else None,
        )


def desk_of(request: Request) -> Desk:
    """The desk of the process that serves a request."""
    desk: Desk = request.app.state.edge
    return desk


async def authenticated(request: Request) -> Caller:
    """The caller. Raises 401, or 429 where its organisation asks too often."""
    try:
        caller = await desk_of(request).tokens.caller(request.headers.get("authorization"))
    except BadToken as fault:
        raise Problem(401, "not-authenticated", str(fault)) from None
    except IssuerAway:
        raise Problem(503, "issuer-unavailable", "the token issuer's keys cannot be fetched", retry_after_s=5) from None
    desk_of(request).rates.check(caller.organisation)
    return caller


def reading(action: str) -> Callable[[Request], Any]:
    """A dependency: a caller that may do a reading action. Raises 401 or 403."""
    assert action in POLICY, action  # a route names an action of the policy

    async def reader(request: Request) -> Reader:
        caller = await authenticated(request)
        desk = desk_of(request)
        opened = visit(request, desk.access, caller, action)
        reach = scope(action, caller.roles)
        if reach is None:
            raise forbidden(caller, action)
        check_query(request)
        return Reader(desk, caller, action, reach, opened)

    return reader


def recording(action: str, model: type[B]) -> Callable[[Request], Any]:
    """A dependency: a request that may record something. Raises as `recording_read`, and 415, 413, 400 or 422."""

    async def read(request: Request, edge: Edge, caller: Caller) -> tuple[bytes, B, Signed | None]:
        raw = await read_raw(request, edge.settings.body_bytes_max)
        proved = proof(request, raw, edge.submitters, caller)
        if proved is None:
            return raw, parsed(model, raw), None
        submission = replace(proved.submission, kept={"body": raw.decode()})
        return raw, parsed(model, unsalted(raw)), replace(proved, submission=submission)

    return _recording(action, read)


def recording_read(
    action: str, read: Callable[[Request, Edge], Awaitable[tuple[bytes, bytes, B]]]
) -> Callable[[Request], Any]:
    """A dependency: as `recording`; `read` gives the body as sent, as its key knows it, and as a model.

    Raises 401, 403, 400 (no key), what `read` raises, 409 (the key is running), or answers a replay. A signature is
    kept without the body, which is about several persons.
    """

    async def several(request: Request, edge: Edge, caller: Caller) -> tuple[bytes, B, Signed | None]:
        sent, known, body = await read(request, edge)
        return known, body, proof(request, sent, edge.submitters, caller)

    return _recording(action, several)


def _recording(
    action: str, read: Callable[[Request, Edge, Caller], Awaitable[tuple[bytes, B, Signed | None]]]
) -> Callable[[Request], Any]:
    assert action in POLICY, action  # a route names an action of the policy

    async def call(request: Request) -> Any:  # noqa: ANN401 - an async generator of one Call
        edge = desk_of(request)
        assert isinstance(edge, Edge)  # only services record
        caller = await authenticated(request)
        opened = visit(request, edge.access, caller, action, writes=True)
        reach = scope(action, caller.roles)
        if reach is None:
            raise forbidden(caller, action)
        key = idempotency_key(request)
        raw, body, proved = await read(request, edge, caller)
        print_ = sha256(f"{request.method} {request.url.path}\n".encode() + raw).digest()
        running = (caller.organisation, key)
        if running in edge.running_keys:
            raise Problem(409, "request-in-progress", "the first request under this key still runs", retry_after_s=1)
        edge.running_keys.add(running)
        try:
            first = await edge.store.answer(*running)
            if first:
                raise Replay(replayed(first, print_))
            if proved:
                proved.check_fresh()
            role = caller.role(POLICY[action].roles) or ""
            trace = telemetry.traceparent(request.headers.get("traceparent"))
            yield Call(edge, caller, action, reach, opened, body, key, print_, role, if_match(request), trace, proved)
        finally:
            edge.running_keys.discard(running)

    return call


def case_of(text: str) -> str:
    """A case reference in a path or body, as it is stored. Raises 400 `bad-case-reference`."""
    try:
        return case_reference(text)
    except BadCaseReference:
        raise Problem(400, "bad-case-reference", "the reference's form or check character is wrong") from None


def forbidden(caller: Caller, action: str) -> Problem:
    """The answer to a request outside what the caller may do; the request's visit is recorded as refused."""
    REFUSED.labels(action).inc()
    log.warning("access.refused", action=action, organisation=caller.organisation, roles=sorted(caller.roles))
    return Problem(403, "forbidden", f"{action} is not among what your roles may do here")


def not_found(what: str) -> Problem:
    """404 for a thing that does not exist."""
    return Problem(404, "not-found", f"there is no such {what}")


def resource_response(version: int, resource: Mapping[str, JSON]) -> Response:
    """A resource with its ETag."""
    return Response(
        orjson.dumps(resource),
        headers={"ETag": f'"{version}"', "Cache-Control": "no-store"},
        media_type="application/json",
    )


def _keep(given: list[Answer], answer: Answer) -> Answer:
    given.append(answer)
    return answer
