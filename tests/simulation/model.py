"""The smallest use of the real core: one decider, one projection, and requests over two streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.events.catalogue.referral import RegistrationDecided
from libs.events.consume import Add, Change, Fact, Put
from libs.events.decider import Decider
from libs.events.event import JSON

STREAMS = ("provider:A", "provider:B", "provider:C")
POISON = "poison"


@dataclass(frozen=True)
class Say:
    """Record one event with these words."""

    words: str


def decide(command: Say, state: int) -> Sequence[RegistrationDecided]:
    return [RegistrationDecided(provider_id="P", decision="approve", grounds=f"{command.words} after {state}")]


DECIDER: Decider[Say, int, RegistrationDecided] = Decider(0, decide, lambda state, _: state + 1)


class NoSealer:
    """The simulation records no person."""

    async def seal(self, case_id: str, personal: Mapping[str, JSON]) -> str:
        raise AssertionError((case_id, sorted(personal)))


@dataclass
class View:
    """One row per stream that depends on the order of its events, and one count over all; poison until it is mended."""

    mended: bool = False

    def apply(self, fact: Fact) -> Sequence[Change]:
        event = fact.event
        assert isinstance(event, RegistrationDecided)
        if POISON in (event.grounds or "") and not self.mended:
            raise ZeroDivisionError
        key = {"stream": fact.envelope.stream}
        return [
            Put("last", key, {"grounds": event.grounds, "version": fact.envelope.streamversion}),
            Add("last", key, {"seen": 1}),
            Add("tally", {"all": "all"}, {"n": 1}),
        ]
