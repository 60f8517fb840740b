"""What became of an event of a desk, as the desk reads it; and who sent it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.events.decider import NotYetKnown, Refused
from libs.events.event import JSON
from libs.events.handle import Submission
from libs.runtime.problems import Problem
from services.repatriation.decider import TooEarly

EARLY: Final = "early"
"""The status of what may be tried again before it is kept."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The desk that sent an event, and the batch that brought it (none where it is tried again)."""

    organisation: str
    actor: str
    correlation: str
    batch: str | None = None
    submission: Submission | None = None
    """The batch's signature; what is recorded of it carries it, also what is recorded later."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event: `accepted`, `duplicate`, `waiting` or `refused`, and why."""

    status: str
    rule: str | None = None
    detail: str | None = None
    code: int | None = None
    errors: Sequence[Mapping[str, str]] = ()
    missing: Sequence[str] = ()
    more: Mapping[str, JSON] = field(default_factory=dict)

    def shown(self) -> dict[str, JSON]:
        """The result as the desk reads it."""
        answer: dict[str, JSON] = {"status": self.status, **self.more}
        if self.rule:
            problem: dict[str, JSON] = {
                "type": f"urn:opennrm:problem:{self.rule}",
                "status": self.code,
                "detail": self.detail,
            }
            answer |= {"reason": self.rule, "problem": problem}
            if self.errors:
                problem["errors"] = [dict(error) for error in self.errors]
        return {**answer, **({"missing": list(self.missing)} if self.missing else {})}


def refusal(fault: Refused | Problem) -> Result:
    """A refusal that the desk can act on."""
    if isinstance(fault, Problem):
        return Result("refused", fault.name, fault.detail, fault.status, fault.errors)
    errors = [{"pointer": fault.pointer, "detail": fault.detail}] if fault.pointer else []
    return Result("refused", fault.rule, fault.detail, fault.status, errors, missing_of(fault))


def reused() -> Refused:
    """The refusal of an id that stood for something else before."""
    return Refused("event-id-reused", "this source and id came before with other content", status=422, pointer="/id")


def missing_of(fault: Refused) -> tuple[str, ...]:
    """What has to be recorded first."""
    if isinstance(fault, TooEarly):
        return fault.missing
    return ("case",) if isinstance(fault, NotYetKnown) else ()
