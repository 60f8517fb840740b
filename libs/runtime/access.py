"""Who looked at a person, when and why: every such read is durable before its answer leaves, or there is no answer.

A route's dependency opens a visit; when the answer's first byte is about to be sent, the visit is stored with what
came of it. Visits that wait share one insert (group commit). A refused request is recorded in the same way.
"""

import asyncio
import contextlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
import structlog
from fastapi import Request
from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.events.event import JSON
from libs.events.handle import Sealer
from libs.events.store import Unavailable
from libs.runtime.auth import Caller
from libs.runtime.ids import BadCaseReference, case_reference
from libs.runtime.problems import Problem, problem_response
from libs.runtime.reasons import sealed_for_auditors

BATCH_VISITS_MAX = 500
WAITING_MAX = 5_000
REASON_LENGTH_MAX = 500
REASON_HEADER = "x-access-reason"
EMERGENCY_HEADER = "x-emergency-access"
EMERGENCIES = ("threat_to_life", "medical", "missing_person", "urgent_protection")
"""What an emergency can be; which reads it opens to whom stands in policy.py, and every use waits for a review."""

STATED = "stated"
"""What is kept of a reason in free words where there is no key to seal it with: before the audit process first ran."""

NO_PERSON = frozenset(
    {
        "instrument.read", "statute.read", "corridor.read", "provider.read", "shelter.read", "log.read",
        "statistics.read", "statistics.read_small_cells", "statistics.release", "view.shelter_capacity",
        "view.court_outcomes", "view.coverage", "need.count", "handover_file.verify", "standard.read",
        "notification.read", "notice.read", "due.count",
    }
)  # fmt: skip
"""Reading actions whose answers tell of no person. Every other one is recorded, a new one too until it stands here."""

_KEY = "nrm.visit"
log = structlog.get_logger()
EMERGENCY = Counter("nrm_access_emergencies", "Reads by emergency access, each to be reviewed", ["action"])
RECORDED = Counter("nrm_access_recorded", "Reads of persons and refusals, recorded before the answer", ["outcome"])


class AccessLog:
    """Stores visits through the database function that no process can make say more than it did."""

    def __init__(self, pool: asyncpg.Pool, sealer: Sealer | None = None) -> None:
        self._pool = pool
        self._sealer = sealer
        self._public: bytes | None = None
        self._waiting: list[tuple[dict[str, JSON], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def sealed(self, case_id: str | None, reason: str | None) -> str | None:
        """A reason as it is stored: it may tell of a person, so in the clear never. Raises Unavailable.

        One for a case is sealed with the person's key, one for a list with the auditors'.
        """
        if reason is None:
            return None
        if self._sealer and case_id:
            with contextlib.suppress(LookupError):  # no such person, or one who was shredded
                return await self._sealer.seal(case_id, {"reason": reason})
        try:
            self._public = self._public or await self._pool.fetchval("SELECT public FROM access.reason_key")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
            raise Unavailable("the access log cannot be written") from fault
        return sealed_for_auditors(self._public, reason) if self._public else STATED

    async def record(self, entry: dict[str, JSON]) -> None:
        """Return when the entry is durable. Raises Unavailable where it cannot be made so."""
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("too many reads wait to be recorded")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="access-log")
        # The insert goes on even when the caller goes away: what was about to be shown counts as seen.
        await asyncio.shield(done)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_VISITS_MAX], self._waiting[BATCH_VISITS_MAX:]
            fault: Unavailable | None = None
            try:
                await self._pool.execute("SELECT access.record($1)", orjson.dumps([one for one, _ in batch]).decode())
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told: no record, no answer
                log.error("access.not_recorded", fault=type(error).__name__, entries=len(batch))
                fault = Unavailable("the access log cannot be written")
            for _, done in batch:
                if done.done():
                    continue
                if fault:
                    done.set_exception(fault)
                else:
                    done.set_result(None)


@dataclass(slots=True)
class Visit:
    """One caller at one thing. `action` becomes the names' one where names are shown."""

    log: AccessLog
    caller: Caller
    action: str
    case_id: str | None
    resource: str | None
    reason: str | None
    recorded: bool
    """Whether reading this is recorded; a refusal always is."""
    stated: str | None = None
    """The emergency that the caller states."""
    emergency: str | None = None
    """The emergency by which the caller was let in; on a review's own entry, its verdict."""

    def break_glass(self, action: str) -> bool:
        """Let the caller in by the stated emergency, where it states one for a case. It is recorded and reviewed."""
        if self.stated is None or self.case_id is None:
            return False
        if self.emergency is None:
            EMERGENCY.labels(action).inc()
            log.warning("access.emergency", action=action, organisation=self.caller.organisation, kind=self.stated)
        self.emergency = self.stated
        return True

    async def end(self, status: int) -> None:
        """Record what came of it. Raises Unavailable."""
        refused = status == HTTPStatus.FORBIDDEN
        if not refused and (not self.recorded or status >= HTTPStatus.BAD_REQUEST):
            return
        outcome = "refused" if refused else "allowed"
        await self.log.record(
            {
                "organisation": self.caller.organisation,
                "actor": self.caller.subject,
                "role": ",".join(sorted(self.caller.roles)),
                "action": self.action,
                "case_id": self.case_id,
                "resource": self.resource,
                "reason": await self.log.sealed(self.case_id, self.reason),
                "outcome": outcome,
                "emergency": self.emergency,
            }
        )
        RECORDED.labels(outcome).inc()


def visit(request: Request, log_: AccessLog, caller: Caller, action: str, *, writes: bool = False) -> Visit:
    """Open a visit; it ends, and is recorded, when the answer begins. What writes is an event itself."""
    case = request.path_params.get("case") or request.query_params.get("case")
    others = [str(value) for name, value in request.path_params.items() if name != "case"]
    found = Visit(
        log_, caller, action, _case_id(case), _printable(others[0]) if others else None,
        _reason(request), not writes and action not in NO_PERSON, None if writes else _emergency(request),
    )  # fmt: skip
    request.scope[_KEY] = found
    return found


def _case_id(text: str | None) -> str | None:
    try:
        return case_reference(text) if text else None
    except BadCaseReference:
        return None


def _reason(request: Request) -> str | None:
    stated = request.headers.get(REASON_HEADER) or request.query_params.get("reason") or ""
    return _printable(stated)


def _emergency(request: Request) -> str | None:
    stated = request.headers.get(EMERGENCY_HEADER)
    if stated is not None and stated not in EMERGENCIES:
        raise Problem(400, "bad-emergency", f"{EMERGENCY_HEADER} is one of {', '.join(EMERGENCIES)}")
    return stated


def _printable(text: str) -> str | None:
    return "".join(sign for sign in text if sign.isprintable()).strip()[:REASON_LENGTH_MAX] or None


class Recorded:
    """Middleware: no byte of an answer leaves before its visit is stored; where that fails, the answer is 503."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        withheld = False

        async def guarded(message: Message) -> None:
            nonlocal withheld
            if withheld:
                return
            if message["type"] == "http.response.start" and not await _ended(scope, message["status"]):
                withheld = True
                problem = Problem(503, "unavailable", "this read cannot be recorded now; try again", retry_after_s=2)
                await problem_response(Request(scope), problem)(scope, receive, send)
                return
            await send(message)

        await self._app(scope, receive, guarded)


async def _ended(scope: MutableMapping[str, Any], status: int) -> bool:
    opened: Visit | None = scope.pop(_KEY, None)
    if opened is None:
        return True
    try:
        await opened.end(status)
    except Unavailable:
        # A refusal tells nothing, so it may leave unrecorded; the log says that it did.
        return status == HTTPStatus.FORBIDDEN
    return True
